"""Accounts that are encrypted with a key in Key Vault: rotated, and out of reach in every way. Never is one lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.known_ports import free_port
from local.stand_ins.entra.people import KIM, SAM
from shared.errors import StorageUnavailable, TokenUnavailable
from tests.sign_in.key_vault import TOKEN, KeyVault, Trouble
from tests.sign_in.office import Office

pytestmark = pytest.mark.azurite


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVault]:
    with KeyVault(tmp_path) as vault:
        yield vault


@pytest.fixture
def office(office: Office, vault: KeyVault) -> Office:
    office.keep_keys_in(vault.ring())
    return office


def is_its_own_cause(error: BaseException | None) -> bool:
    """A ring of causes has no end for whoever walks along it."""
    met: list[BaseException] = []
    while error is not None and all(error is not each for each in met):
        met.append(error)
        error = error.__cause__ or error.__context__
    return error is not None


def wrapped_with(office: Office, oid: str) -> str:
    """The key's identifier in the metadata of the account's blob."""
    metadata = office.store._account(oid).get_blob_properties().metadata
    key: dict[str, str] = json.loads(metadata["encryptiondata"])["WrappedContentKey"]
    assert key["Algorithm"] == "RSA-OAEP-256"
    return key["KeyId"]


def test_an_account_is_wrapped_by_the_vault_s_key_which_never_leaves_it(office: Office, vault: KeyVault) -> None:
    assert office.connect(SAM).status == 200
    assert wrapped_with(office, SAM.oid) == f"{vault.name}/{vault.newest}"
    office.keep_keys_in(vault.ring())
    assert office.worker().token(SAM.name)
    assert set(vault.done) == {"get", "unwrapkey"}, "wrapping takes the public half only"
    assert set(vault.identity.asked) == {"https://vault.azure.net/.default"}


def test_a_rotated_key_is_used_from_the_next_write_on_and_older_records_are_still_read(
    office: Office, vault: KeyVault
) -> None:
    office.connect(SAM)
    office.connect(KIM)
    before = vault.newest
    vault.rotate()
    office.entra.turn(rotate=True)
    assert office.worker().token(SAM.name)
    assert wrapped_with(office, SAM.oid) == f"{vault.name}/{vault.newest}"
    assert wrapped_with(office, KIM.oid) == f"{vault.name}/{before}"
    assert office.worker().token(KIM.name)


def test_a_version_that_was_disabled_too_early_delays_its_accounts_until_it_is_enabled(
    office: Office, vault: KeyVault
) -> None:
    office.connect(SAM)
    office.connect(KIM)
    before = vault.newest
    vault.rotate()
    office.entra.turn(rotate=True)
    office.worker().token(SAM.name)
    vault.disabled.add(before)
    assert office.worker().token(SAM.name), "written anew by the refresh"
    with pytest.raises(TokenUnavailable, match="HTTP 403 Forbidden"):
        office.worker().token(KIM.name)
    vault.disabled.clear()
    assert office.worker().token(KIM.name)


def test_nothing_is_wrapped_with_a_key_that_is_disabled(office: Office, vault: KeyVault) -> None:
    vault.disabled.add(vault.newest)
    assert office.connect(SAM).status == 503
    assert office.store.version(SAM.oid) is None


def test_a_version_in_the_setting_is_the_one_that_wraps(office: Office, vault: KeyVault) -> None:
    pinned = f"{vault.name}/{vault.newest}"
    vault.rotate()
    office.keep_keys_in(vault.ring(pinned))
    office.connect(SAM)
    assert wrapped_with(office, SAM.oid) == pinned


TROUBLES = {
    "forbidden": Trouble(403, "ForbiddenByRbac"),
    "deleted": Trouble(404, "KeyNotFound"),
    "being recovered": Trouble(409, "Conflict"),
    "throttled": Trouble(429, "Throttled", headers={"Retry-After": "3600"}),
    "broken": Trouble(500, "InternalServerError"),
    "away": Trouble(503, "ServiceUnavailable", headers={"Retry-After": "3600"}),
}


@pytest.mark.parametrize("kind", ["forbidden", "deleted", "throttled"])
def test_a_vault_that_refuses_delays_an_upload_and_the_account_stays(
    office: Office, vault: KeyVault, kind: str
) -> None:
    office.connect(SAM)
    version = office.store.version(SAM.oid)
    office.keep_keys_in(vault.ring())
    vault.trouble, vault.done = TROUBLES[kind], []
    with pytest.raises(TokenUnavailable, match=f"Key Vault: HTTP {vault.trouble.status} {vault.trouble.code}") as told:
        office.worker().token(SAM.name)
    assert vault.done == ["get", "unwrapkey"], "asked once each, and waited for no Retry-After"
    assert "oid=1234" not in str(told.value), "the vault's text names its caller"
    assert not is_its_own_cause(told.value)
    assert office.store.version(SAM.oid) == version
    vault.trouble = None
    assert office.worker().token(SAM.name)


def test_a_vault_that_cannot_be_reached_delays_an_upload_and_the_account_stays(office: Office, vault: KeyVault) -> None:
    office.connect(SAM)
    office.keep_keys_in(vault.ring(port=free_port()))
    with pytest.raises(TokenUnavailable, match="no reply"):
        office.worker().token(SAM.name)
    office.keep_keys_in(vault.ring())
    assert office.worker().token(SAM.name)


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_vault_that_fails_between_reply_and_write_costs_no_one_time_refresh_token(
    office: Office, vault: KeyVault, kind: str
) -> None:
    """The token endpoint has given the next refresh token, and what lies in storage is used up."""
    office.connect(SAM)
    office.entra.turn(rotate=True)
    worker = office.worker()
    trouble = TROUBLES[kind]
    vault.trouble = Trouble(trouble.status, trouble.code, ("get",), trouble.headers)
    assert worker.token(SAM.name), "good, whatever the vault says"
    vault.trouble = None
    office.elapsed += 3600
    assert worker.token(SAM.name)
    assert office.worker().token(SAM.name), "another worker finds a refresh token that works"


def test_a_person_is_told_to_try_again_and_nothing_is_kept(office: Office, vault: KeyVault) -> None:
    vault.trouble = TROUBLES["forbidden"]
    assert office.connect(SAM).status == 503
    assert "Key Vault: HTTP 403" in str(office.records.lines[-1]["why"])
    assert office.store.version(SAM.oid) is None
    assert office.store.object_id_of(SAM.name) is None


def test_who_wants_to_disconnect_can_even_if_the_record_cannot_be_read(office: Office, vault: KeyVault) -> None:
    office.connect(SAM)
    vault.trouble = TROUBLES["deleted"]
    assert office.disconnect(SAM).status == 200
    assert office.store.version(SAM.oid) is None
    assert office.store.object_id_of(SAM.name) is None


def test_a_vault_that_wants_a_token_for_another_place_gets_none(vault: KeyVault) -> None:
    vault.resource = "https://vault.example"
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        vault.ring().current()
    assert vault.identity.asked == []


@pytest.mark.parametrize(
    "kid",
    [
        "https://theirs.vault.azure.net/keys/accounts/0123456789abcdef0123456789abcdef",
        "{vault}/keys/other/0123456789abcdef0123456789abcdef",
        "{vault}/keys/accounts2/0123456789abcdef0123456789abcdef",
        "{vault}/keys/accounts/../other/0123456789abcdef",
        "{vault}.example/keys/accounts/0123456789abcdef0123456789abcdef",
        "{vault}/keys/accounts",
    ],
)
def test_a_blob_cannot_name_a_key_of_somewhere_else(vault: KeyVault, kid: str) -> None:
    """Else the metadata of a blob could send the identity's token to any host."""
    with pytest.raises(ValueError, match="not this deployment's"):
        vault.ring().by_id(kid.format(vault=vault.name.partition("/keys")[0]))
    assert (vault.identity.asked, vault.done) == ([], [])


def test_the_vault_s_token_shows_nowhere(office: Office, vault: KeyVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    office.connect(SAM)
    office.worker().token(SAM.name)
    assert vault.done
    assert TOKEN not in caplog.text
