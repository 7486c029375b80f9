"""Names of accounts: ASCII lower case only, so that no two people's names become one."""

import pytest

from shared.adapters.static_accounts import StaticAccounts
from shared.core.account_name import as_object_id, as_sign_in_name, ascii_lower
from shared.errors import SignInNeeded
from shared.sign_in.person import PERSONAL_TENANT, Person

OBJECT_ID = "5a000000-0000-4000-8000-00000000000a"
SAM = Person(OBJECT_ID, "11111111-2222-4333-8444-555555555555", "Sam@Example.com")

# Each becomes "sam@example.com", or a part of it, by one of Unicode's own rules.
LOOK_ALIKES = [
    "\u017fam@example.com",  # long s: casefold, upper
    "sam@example.\uff43om",  # fullwidth c: NFKC
    "SA\u1d39@example.com",  # modifier capital m: NFKC
    "sam\u200b@example.com",
    "\u0455am@example.com",  # Cyrillic
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_name_that_unicode_folds_to_another_s_does_not_mean_that_one(name: str) -> None:
    assert as_sign_in_name(name) is None
    assert not SAM.is_called(name)
    with pytest.raises(SignInNeeded):
        StaticAccounts({"sam@example.com": "token"}).token(name)
    assert StaticAccounts({}).identity(name) != "sam@example.com"


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_such_an_account_is_called_by_its_object_id_only(name: str) -> None:
    twin = Person(OBJECT_ID, SAM.tenant_id, name)
    assert twin.is_called(OBJECT_ID)
    assert not twin.is_called(name)
    assert not twin.is_called("sam@example.com")


def test_ascii_case_does_not_matter() -> None:
    assert SAM.is_called("SAM@EXAMPLE.COM")
    assert as_sign_in_name("SAM@EXAMPLE.COM") == "sam@example.com"
    assert ascii_lower("S\u0130\u017f\u212a") == "s\u0130\u017f\u212a", "no other letter has a lower case here"


@pytest.mark.parametrize(
    "text", ["", "sam@example.com", OBJECT_ID[:-1], f"{{{OBJECT_ID}}}", OBJECT_ID.replace("-", "")]
)
def test_what_is_no_object_id_is_none(text: str) -> None:
    assert as_object_id(text) is None


def test_an_object_id_is_one_in_any_case() -> None:
    assert as_object_id(OBJECT_ID.upper()) == OBJECT_ID


def test_a_name_that_nobody_can_type_is_no_name() -> None:
    for text in ("", "a\nb", "a\x00"):
        assert as_sign_in_name(text) is None


def test_personal_accounts_are_refreshed_at_consumers_and_all_others_at_their_own_tenant() -> None:
    assert Person(OBJECT_ID, PERSONAL_TENANT, "pat@outlook.example").authority_tenant == "consumers"
    assert SAM.authority_tenant == SAM.tenant_id
