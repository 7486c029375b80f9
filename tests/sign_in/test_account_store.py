"""What lies in the accounts' container, and what somebody who can write there achieves: nothing but a nuisance."""

import dataclasses
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import UpdateMode

from local.stand_ins.entra.people import KIM, SAM
from shared.adapters.account_blobs import BlobAccountStore
from shared.adapters.account_keys import AccountKeys, seal, unseal
from shared.adapters.key_file import FileKey
from shared.errors import SignInNeeded, StorageUnavailable, TokenUnavailable
from shared.sign_in import account as stored_form
from tests.sign_in.conftest import LONG_S, TWIN
from tests.sign_in.office import Office

pytestmark = pytest.mark.azurite


def blobs(office: Office) -> dict[str, bytes]:
    names = office.container.list_blob_names()
    return {name: office.container.download_blob(name).readall() for name in names}


def account_blob(office: Office, oid: str) -> str:
    return office.store._account(oid).blob_name


def secrets_of(office: Office, oid: str) -> list[str]:
    kept = office.store.read(oid)
    assert kept is not None
    sections = json.loads(kept.account.cache)
    return [entry["secret"] for entry in sections["RefreshToken"].values()]


def test_a_refresh_token_lies_there_encrypted_and_nothing_else_of_worth_at_all(office: Office) -> None:
    office.connect(SAM)
    token = office.worker().token(SAM.name)
    (refresh_token,) = secrets_of(office, SAM.oid)
    everything = b"\n".join(blobs(office).values())
    assert refresh_token.encode() not in everything
    assert token.encode() not in everything
    assert SAM.name.encode() not in everything
    kept = office.store.read(SAM.oid)
    assert kept is not None
    assert token not in kept.account.cache
    assert "secret" in kept.account.cache
    assert set(json.loads(kept.account.cache)) == {"RefreshToken", "Account", "AppMetadata"}
    metadata = office.container.get_blob_client(account_blob(office, SAM.oid)).get_blob_properties().metadata
    assert '"Protocol": "2.0"' in metadata["encryptiondata"]
    assert '"A256KW"' in metadata["encryptiondata"]


def test_one_persons_record_in_anothers_place_is_not_believed(office: Office) -> None:
    office.connect(SAM)
    office.connect(KIM)
    of_sam, of_kim = account_blob(office, SAM.oid), account_blob(office, KIM.oid)
    source = office.container.get_blob_client(of_kim)
    office.container.get_blob_client(of_sam).upload_blob(
        source.download_blob().readall(), overwrite=True, metadata=source.get_blob_properties().metadata
    )
    with pytest.raises(TokenUnavailable, match="holds another account, or none"):
        office.worker().token(SAM.name)
    assert office.worker().token(KIM.name)


def test_an_index_that_leads_elsewhere_is_not_followed(office: Office) -> None:
    office.connect(SAM)
    office.connect(KIM)
    office.store._name(SAM.name).upload_blob(KIM.oid.encode(), overwrite=True)
    worker = office.worker()
    assert worker.token(KIM.name), "in this worker's memory"
    with pytest.raises(SignInNeeded):
        worker.token(SAM.name)
    with pytest.raises(SignInNeeded):
        worker.refreshed(SAM.name, "a token that Graph rejected", "")


@pytest.mark.parametrize("how", ["plain", "garbled", "without metadata"])
def test_a_record_that_was_tampered_with_is_refused(office: Office, how: str) -> None:
    office.connect(SAM)
    blob = office.container.get_blob_client(account_blob(office, SAM.oid))
    kept, metadata = blob.download_blob().readall(), blob.get_blob_properties().metadata
    match how:
        case "plain":
            stored = office.store.read(SAM.oid)
            assert stored is not None
            blob.upload_blob(stored_form.encode(stored.account), overwrite=True)
        case "garbled":
            blob.upload_blob(kept[:-1] + bytes([kept[-1] ^ 1]), overwrite=True, metadata=metadata)
        case _:
            blob.upload_blob(kept, overwrite=True)
    with pytest.raises(TokenUnavailable):
        office.worker().token(SAM.name)


def test_another_key_opens_nothing(office: Office) -> None:
    office.connect(SAM)
    other = BlobAccountStore(office.container, FileKey(os.urandom(32)), AccountKeys(office.table), lambda: "id")
    with pytest.raises(StorageUnavailable):
        other.read(SAM.oid)


def test_a_second_account_of_the_same_name_does_not_take_it(office: Office) -> None:
    first = office.connect(SAM)
    second = office.connect(TWIN)
    assert f"user={SAM.name}" in first.body
    assert f"user={TWIN.oid}" in second.body
    assert f"user={TWIN.name}" not in second.body
    worker = office.worker()
    assert worker.token(SAM.name) == worker.token(SAM.oid) != worker.token(TWIN.oid)


def test_a_name_is_free_again_after_its_account_is_disconnected(office: Office) -> None:
    office.connect(SAM)
    office.disconnect(SAM)
    assert f"user={TWIN.name}" in office.connect(TWIN).body
    worker = office.worker()
    assert worker.token(SAM.name) == worker.token(TWIN.oid)


def test_disconnecting_leaves_nothing(office: Office) -> None:
    office.connect(SAM)
    office.disconnect(SAM)
    assert not [name for name in blobs(office) if not name.startswith("sign-in/")]
    with pytest.raises(ResourceNotFoundError):
        office.container.get_blob_client(account_blob(office, SAM.oid)).get_blob_properties()


def test_a_key_file_is_made_once_for_its_owner_only_and_refused_where_others_can_read_it(key_file: Path) -> None:
    FileKey.make(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    made = key_file.read_bytes()
    FileKey.make(key_file)
    assert key_file.read_bytes() == made
    assert FileKey.read(key_file).get_kid() == FileKey(made).get_kid()
    key_file.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        FileKey.read(key_file)
    key_file.chmod(0o600)
    key_file.write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        FileKey.read(key_file)


def test_no_representation_of_an_account_shows_its_tokens(office: Office) -> None:
    office.connect(SAM)
    kept = office.store.read(SAM.oid)
    assert kept is not None
    (refresh_token,) = secrets_of(office, SAM.oid)
    assert refresh_token not in repr(kept)
    assert refresh_token in repr(dataclasses.asdict(kept.account))


def test_who_connects_with_a_name_that_folds_to_another_s_gets_none_of_their_files(office: Office) -> None:
    """The attacker comes first: their name is not ASCII, so they are found by their object id only."""
    page = office.connect(LONG_S)
    assert f"user={LONG_S.oid}" in page.body
    assert f"user={LONG_S.name}" not in page.body
    worker = office.worker()
    for name in (SAM.name, LONG_S.name):
        with pytest.raises(SignInNeeded):
            worker.token(name)
    assert f"user={SAM.name}" in office.connect(SAM).body
    assert worker.token(SAM.name) == worker.token(SAM.oid) != worker.token(LONG_S.oid)


def test_disconnecting_deletes_snapshots_too(office: Office) -> None:
    """Each would hold a refresh token, and one would keep the blob from being deleted."""
    office.connect(SAM)
    blob = office.container.get_blob_client(account_blob(office, SAM.oid))
    blob.create_snapshot()
    office.disconnect(SAM)
    assert not [each.name for each in office.container.list_blobs(include=["snapshots"]) if "account/" in each.name]


def test_what_storage_keeps_of_a_disconnected_account_is_worth_nothing_to_who_brings_it_back(office: Office) -> None:
    """Soft delete keeps deleted blobs and former versions for days. It is played by hand: Azurite has none."""
    office.connect(SAM)
    (refresh_token,) = secrets_of(office, SAM.oid)
    blob = office.container.get_blob_client(account_blob(office, SAM.oid))
    kept, metadata = blob.download_blob().readall(), blob.get_blob_properties().metadata
    office.disconnect(SAM)
    blob.upload_blob(kept, metadata=metadata)
    assert office.store.read(SAM.oid) is None
    with pytest.raises(SignInNeeded):
        office.worker().token(SAM.oid)
    # Not even with the vault's key in hand.
    mine, _ = office.store._encrypted(office.container.get_blob_client(blob.blob_name))
    assert refresh_token.encode() not in mine.download_blob().readall()
    assert not list(office.table.list_entities())


def test_a_former_record_is_not_believed_after_the_person_connects_again(office: Office) -> None:
    office.connect(SAM)
    blob = office.container.get_blob_client(account_blob(office, SAM.oid))
    kept, metadata = blob.download_blob().readall(), blob.get_blob_properties().metadata
    office.disconnect(SAM)
    office.connect(SAM)
    blob.upload_blob(kept, metadata=metadata, overwrite=True)
    with pytest.raises(TokenUnavailable, match="holds another account, or none"):
        office.worker().token(SAM.oid)


def test_a_disconnection_that_ended_half_way_is_one_and_is_finished_by_the_next(office: Office) -> None:
    office.connect(SAM)
    AccountKeys(office.table).destroy(SAM.oid)
    with pytest.raises(SignInNeeded):
        office.worker().token(SAM.oid)
    assert "has deleted the sign-in" in office.disconnect(SAM).body
    assert not [name for name in blobs(office) if name.startswith("account/")]


def test_a_person_whose_key_is_gone_connects_again(office: Office) -> None:
    office.connect(SAM)
    AccountKeys(office.table).destroy(SAM.oid)
    office.connect(SAM)
    assert office.worker().token(SAM.oid)


def test_workers_that_make_an_account_s_key_at_once_get_the_same_one(office: Office) -> None:
    keys = AccountKeys(office.table)
    with ThreadPoolExecutor(4) as workers:
        made = set(workers.map(keys.find_or_make, [SAM.oid] * 8))
    assert len(made) == 1
    assert made == {keys.find(SAM.oid)}
    assert keys.find(KIM.oid) is None


def test_a_table_that_is_missing_is_a_delay_and_nobody_is_asked_to_sign_in(office: Office) -> None:
    office.connect(SAM)
    office.table.delete_table()
    with pytest.raises(TokenUnavailable, match="table does not exist"):
        office.worker().token(SAM.oid)


@pytest.mark.parametrize("key", [b"short", "text" * 8, 7, None], ids=repr)
def test_what_is_no_key_in_a_key_s_place_is_a_delay(office: Office, key: object) -> None:
    office.connect(SAM)
    (entity,) = office.table.list_entities()
    office.table.upsert_entity({**entity, "Key": key}, mode=UpdateMode.REPLACE)
    with pytest.raises(TokenUnavailable, match="holds no key"):
        office.worker().token(SAM.oid)


def test_what_is_sealed_opens_with_its_key_only_and_never_looks_the_same() -> None:
    key, other = os.urandom(32), os.urandom(32)
    assert unseal(seal(b"record", key), key) == b"record"
    assert seal(b"record", key) != seal(b"record", key)
    for sealed, with_key in ((seal(b"record", key), other), (b"", key), (b"short", key)):
        with pytest.raises(ValueError):  # noqa: PT011 - each in its own words
            unseal(sealed, with_key)


def test_something_huge_in_an_account_s_place_is_not_read(office: Office) -> None:
    office.connect(SAM)
    blob = office.container.get_blob_client(account_blob(office, SAM.oid))
    metadata = blob.get_blob_properties().metadata
    blob.upload_blob(bytes(300_000), overwrite=True, metadata=metadata)
    with pytest.raises(TokenUnavailable):
        office.worker().token(SAM.name)


def test_an_index_entry_of_any_length_costs_no_memory(office: Office) -> None:
    office.connect(SAM)
    office.store._name(SAM.name).upload_blob(SAM.oid.encode() + bytes(100_000), overwrite=True)
    assert office.store.object_id_of(SAM.name) == SAM.oid


def test_a_container_that_is_missing_is_a_delay_and_nobody_is_asked_to_sign_in(office: Office) -> None:
    """That nothing is found there says nothing about who has connected."""
    office.connect(SAM)
    begun = office.begin()
    office.container.delete_container()
    for account in (SAM.name, SAM.oid):
        with pytest.raises(TokenUnavailable, match="does not exist"):
            office.worker().token(account)
    assert office.come_back(begun, {"code": "x", "state": "y"}).status == 503
