"""The claims of an ID token: each is held against what this app and this sign-in expect."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.sign_in.id_token import Expected, freshness_problem, person_of
from shared.sign_in.person import PERSONAL_TENANT, Person
from shared.sign_in.problems import Problem

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ORIGIN = "https://login.microsoftonline.com"
TENANT = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
OBJECT_ID = "5a000000-0000-4000-8000-00000000000a"
CLIENT = "0f000000-0000-4000-8000-000000000001"
EXPECTED = Expected(CLIENT, ORIGIN, TENANT)

CLAIMS: dict[str, Any] = {
    "aud": CLIENT,
    "iss": f"{ORIGIN}/{TENANT}/v2.0",
    "exp": SECONDS + 3600,
    "iat": SECONDS,
    "nbf": SECONDS,
    "oid": OBJECT_ID,
    "tid": TENANT,
    "preferred_username": "sam@example.com",
}


def of_tenant(tenant: str) -> dict[str, Any]:
    return {**CLAIMS, "tid": tenant, "iss": f"{ORIGIN}/{tenant}/v2.0"}


def test_a_token_of_this_app_and_tenant_names_its_person() -> None:
    assert person_of(CLAIMS, EXPECTED, NOW) == Person(OBJECT_ID, TENANT, "sam@example.com")


def test_ids_are_compared_in_lower_case() -> None:
    assert person_of({**CLAIMS, "oid": OBJECT_ID.upper()}, EXPECTED, NOW) == person_of(CLAIMS, EXPECTED, NOW)


@pytest.mark.parametrize(
    ("accepted", "tenant", "is_accepted"),
    [
        ("common", OTHER, True),
        ("common", PERSONAL_TENANT, True),
        ("organizations", OTHER, True),
        ("organizations", PERSONAL_TENANT, False),
        ("consumers", PERSONAL_TENANT, True),
        ("consumers", OTHER, False),
        (TENANT, TENANT, True),
        (TENANT.upper(), TENANT, True),
        (TENANT, OTHER, False),
        ("contoso.example", TENANT, False),
    ],
)
def test_an_account_of_a_tenant_that_may_not_connect_is_refused(accepted: str, tenant: str, is_accepted: bool) -> None:
    found = person_of(of_tenant(tenant), Expected(CLIENT, ORIGIN, accepted), NOW)
    assert isinstance(found, Person) if is_accepted else found is Problem.WRONG_TENANT


WRONG: list[dict[str, Any]] = [
    # the audience, and the party that it was issued to
    {"aud": "another app"},
    {"aud": [CLIENT, "another app"]},
    {"aud": [CLIENT, "another app"], "azp": "another app"},
    {"aud": CLIENT, "azp": "another app"},
    {"aud": []},
    {"aud": None},
    # the issuer: of exactly that tenant
    {"iss": f"{ORIGIN}/{OTHER}/v2.0"},
    {"iss": f"{ORIGIN}/{TENANT}/v1.0"},
    {"iss": f"{ORIGIN}/{TENANT}/v2.0/"},
    {"iss": f"{ORIGIN}/common/v2.0"},
    {"iss": f"https://sts.windows.net/{TENANT}/"},
    {"iss": f"https://evil.example/{TENANT}/v2.0"},
    {"iss": ORIGIN},
    {"iss": [f"{ORIGIN}/{TENANT}/v2.0"]},
    # times
    {"exp": SECONDS - 301},
    {"nbf": SECONDS + 301},
    {"iat": SECONDS + 301},
    *({name: value} for name in ("exp", "iat", "nbf") for value in (None, True, "1", 0, -1, 10**400, [SECONDS])),
    # ids and the name
    *(
        {name: value}
        for name in ("oid", "tid")
        for value in ("", "not a GUID", f"{TENANT}\n", 1, None, f"{{{TENANT}}}")
    ),
    {"preferred_username": ""},
    {"preferred_username": "x" * 257},
    {"preferred_username": "a\nb"},
    {"preferred_username": 7},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: json.dumps(wrong)[:50])
def test_a_claim_that_is_not_as_it_must_be_is_refused(wrong: dict[str, Any]) -> None:
    assert person_of({**CLAIMS, **wrong}, EXPECTED, NOW) is Problem.NOT_UNDERSTOOD


@pytest.mark.parametrize("name", ["aud", "iss", "exp", "iat", "oid", "tid", "preferred_username"])
def test_a_claim_that_is_missing_is_refused(name: str) -> None:
    without = {each: value for each, value in CLAIMS.items() if each != name}
    assert person_of(without, EXPECTED, NOW) is Problem.NOT_UNDERSTOOD


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_time_without_an_end_is_none(number: str) -> None:
    """As Python's JSON reads it."""
    assert person_of({**CLAIMS, "exp": json.loads(number)}, EXPECTED, NOW) is Problem.NOT_UNDERSTOOD


def test_several_audiences_need_this_app_as_the_party_that_the_token_was_issued_to() -> None:
    several = {**CLAIMS, "aud": [CLIENT, "another app"], "azp": CLIENT}
    assert isinstance(person_of(several, EXPECTED, NOW), Person)


def test_clocks_may_differ_by_five_minutes() -> None:
    for claims in ({"exp": SECONDS - 299}, {"iat": SECONDS + 299, "nbf": SECONDS + 299}):
        assert isinstance(person_of({**CLAIMS, **claims}, EXPECTED, NOW), Person)


BEGAN = NOW - timedelta(minutes=2)


@pytest.mark.parametrize(
    ("auth_time", "problem"),
    [
        (SECONDS, None),
        (SECONDS - 119, None),
        (SECONDS - 130, None),
        (SECONDS - 131, Problem.NOT_FRESH),
        (SECONDS - 3600, Problem.NOT_FRESH),
        (SECONDS + 11, Problem.NOT_FRESH),
        (None, Problem.NO_SIGN_IN_TIME),
        ("now", Problem.NOT_UNDERSTOOD),
        (True, Problem.NOT_UNDERSTOOD),
        (float("inf"), Problem.NOT_UNDERSTOOD),
        (float("nan"), Problem.NOT_UNDERSTOOD),
    ],
)
def test_a_sign_in_is_fresh_from_its_beginning_on_give_or_take_ten_seconds(
    auth_time: object, problem: Problem | None
) -> None:
    assert freshness_problem({"auth_time": auth_time}, BEGAN, NOW) is problem


def test_a_token_without_a_time_of_sign_in_is_not_fresh() -> None:
    assert freshness_problem({}, BEGAN, NOW) is Problem.NO_SIGN_IN_TIME
