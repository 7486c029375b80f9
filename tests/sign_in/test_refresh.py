"""Tokens of connected accounts: refreshed in time, one at a time, and what becomes of it when a worker dies."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from local.stand_ins.entra.people import ALEX, KIM, PAT, SAM
from shared.errors import SignInNeeded, StorageUnavailable, TokenUnavailable
from shared.sign_in import account_tokens
from shared.sign_in.account import Account
from shared.sign_in.ports import AccountLease, IdentityProvider, Refreshed, StoredAccount
from tests.local.processes import wait_until
from tests.sign_in.office import CONNECT, Office
from tests.support.fakes.seam import Crash

pytestmark = pytest.mark.azurite


def refreshes(office: Office) -> int:
    return sum(entry["grant_type"] == "refresh_token" for entry in office.entra.log())


def test_a_connected_account_has_a_token_by_name_in_any_case_and_by_object_id(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    tokens = {worker.token(each) for each in (SAM.name, SAM.name.upper(), SAM.oid, SAM.oid.upper())}
    assert len(tokens) == 1
    assert {worker.identity(each) for each in (SAM.name, SAM.name.upper(), SAM.oid, SAM.oid.upper())} == {SAM.oid}


def test_a_token_is_refreshed_before_it_ends_and_not_sooner(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    first, asked = worker.token(SAM.name), refreshes(office)
    office.elapsed += 2600
    assert (worker.token(SAM.name), refreshes(office)) == (first, asked)
    office.elapsed += 200
    assert worker.token(SAM.name) != first
    assert refreshes(office) == asked + 1


def test_an_outage_of_the_identity_provider_is_not_felt_while_the_token_lives(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    first = worker.token(SAM.name)
    office.entra.turn(token_status=503)
    office.elapsed += 3000
    assert worker.token(SAM.name) == first
    office.elapsed += 600
    with pytest.raises(TokenUnavailable):
        worker.token(SAM.name)


def test_an_account_that_nobody_connected_waits_and_says_where_to_sign_in(office: Office) -> None:
    office.connect(SAM)
    for account in (KIM.name, KIM.oid, "", "nobody", "../" + SAM.name):
        with pytest.raises(SignInNeeded, match=CONNECT):
            office.worker().token(account)


@pytest.mark.parametrize("rotate", [False, True], ids=["reusable", "one-time"])
def test_workers_that_refresh_at_once_all_get_a_token_and_the_grant_lives_on(office: Office, rotate: bool) -> None:
    office.entra.turn(rotate=rotate, token_delay_seconds=0.1)
    office.connect(SAM)
    workers = [office.worker() for _ in range(4)]
    begin = threading.Barrier(8)

    def ask(number: int) -> str:
        begin.wait()
        return workers[number % 4].token(SAM.name)

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(ask, range(8)))
    assert len(set(tokens)) == 4, "a token per process, whichever of its threads asked"
    office.elapsed += 3500
    assert workers[0].token(SAM.name) not in tokens, "the grant is alive"


@dataclass
class _DyingStore:
    """The store, for a worker that dies between the reply of the identity provider and the write."""

    office: Office
    death: Exception

    def __getattr__(self, name: str) -> object:
        return getattr(self.office.store, name)

    @contextmanager
    def lease(self, object_id: str) -> Iterator[AccountLease | None]:
        with self.office.store.lease(object_id) as held:
            yield _DyingHold(held, self.death) if held is not None else None


@dataclass
class _DyingHold:
    held: AccountLease
    death: Exception

    def read(self) -> StoredAccount | None:
        return self.held.read()

    def write(self, account: Account) -> str:
        raise self.death

    def delete(self) -> None:
        self.held.delete()


def test_after_a_death_between_reply_and_write_a_reusable_refresh_token_goes_on(office: Office) -> None:
    office.connect(SAM)
    store = _DyingStore(office, StorageUnavailable("dead"))
    assert office.worker(store=store).token(SAM.name)  # type: ignore[arg-type]
    assert office.worker().token(SAM.name)


def test_after_a_death_between_reply_and_write_a_one_time_refresh_token_needs_the_person(office: Office) -> None:
    office.entra.turn(rotate=True)
    office.connect(SAM)
    with pytest.raises(Crash):
        office.worker(store=_DyingStore(office, Crash())).token(SAM.name)  # type: ignore[arg-type]
    with pytest.raises(SignInNeeded, match="invalid_grant") as waits:
        office.worker().token(SAM.name)
    assert CONNECT in waits.value.detail
    office.connect(SAM)
    assert office.worker().token(SAM.name)


def test_what_storage_would_not_take_is_written_later_by_the_worker_that_has_it(office: Office) -> None:
    office.entra.turn(rotate=True)
    office.connect(SAM)
    store = _DyingStore(office, StorageUnavailable("away"))
    worker = office.worker(store=store)  # type: ignore[arg-type]
    first = worker.token(SAM.name)
    worker._store = office.store  # storage is back
    office.elapsed += 3500
    second = worker.token(SAM.name)
    assert second != first
    assert office.worker().token(SAM.name), "what lies there now is the newest refresh token"


@dataclass
class _Meanwhile:
    """The identity provider, with something happening while it answers."""

    provider: IdentityProvider
    happens: list[object]

    def refresh(self, account: Account, claims: str) -> Refreshed:
        refreshed = self.provider.refresh(account, claims)
        while self.happens:
            self.happens.pop()()  # type: ignore[operator]
        return refreshed


def test_a_lease_that_ran_out_does_not_lose_a_one_time_refresh_token(office: Office) -> None:
    office.entra.turn(rotate=True)
    office.connect(SAM)
    break_lease = [lambda: _break_lease(office)]
    worker = office.worker(provider=_Meanwhile(office.provider, break_lease))  # type: ignore[arg-type]
    assert worker.token(SAM.name)
    assert office.worker().token(SAM.name)


def _break_lease(office: Office) -> None:
    from azure.storage.blob import BlobLeaseClient  # noqa: PLC0415 - one use

    BlobLeaseClient(office.store._account(SAM.oid)).break_lease(lease_break_period=0)


def test_a_revoked_grant_waits_for_the_person_and_is_not_asked_for_again_and_again(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    rejected = worker.token(SAM.name)
    office.entra.revoke(SAM)
    with pytest.raises(SignInNeeded, match="invalid_grant"):
        worker.refreshed(SAM.name, rejected, "")
    asked = refreshes(office)
    for _ in range(3):
        with pytest.raises(SignInNeeded, match=CONNECT):
            worker.token(SAM.name)
    assert refreshes(office) == asked
    office.connect(SAM)
    assert worker.token(SAM.name), "a new sign-in counts at once"


def test_an_expired_refresh_token_waits_for_the_person(office: Office) -> None:
    office.entra.turn(refresh_token_seconds=1)
    office.connect(SAM)

    def refusal() -> SignInNeeded | None:
        try:
            office.worker().token(SAM.name)
        except SignInNeeded as error:
            return error
        return None

    assert "invalid_grant" in wait_until(refusal, "the end of the refresh token").detail


def test_a_claims_challenge_is_passed_on_and_nonsense_is_not(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    first = worker.token(SAM.name)
    second = worker.refreshed(SAM.name, first, '{"access_token":{"nbf":{"essential":true,"value":"1"}}}')
    assert '"nbf"' in office.entra.log()[-1]["claims"]
    assert '"cp1"' in office.entra.log()[-1]["claims"]
    third = worker.refreshed(SAM.name, second, "no claims at all")
    assert "no claims" not in office.entra.log()[-1]["claims"]
    assert len({first, second, third}) == 3


def test_a_token_that_another_thread_had_refreshed_is_taken(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    first = worker.token(SAM.name)
    second = worker.refreshed(SAM.name, first, "")
    assert worker.refreshed(SAM.name, first, "") == second


def test_a_disconnected_account_is_used_for_a_minute_at_most(office: Office) -> None:
    office.connect(SAM)
    worker = office.worker()
    worker.token(SAM.name)
    office.disconnect(SAM)
    office.elapsed += 61
    with pytest.raises(SignInNeeded, match="not connected"):
        worker.token(SAM.name)
    with pytest.raises(SignInNeeded, match="not connected"):
        worker.token(SAM.oid)


# -- where, and how often --


def refreshed_at(office: Office) -> list[str]:
    """The tenants whose token endpoint was asked to refresh, in order."""
    return [entry["tenant"] for entry in office.entra.log() if entry["grant_type"] == "refresh_token"]


@pytest.fixture
def common(office: Office) -> Iterator[Office]:
    """Anyone may connect, personal accounts too."""
    office = Office(office.entra, office.container, office.table, tenant="common")
    yield office
    office.close()


def test_under_common_each_account_is_refreshed_at_its_own_tenant(common: Office) -> None:
    before = len(refreshed_at(common))
    for person in (PAT, SAM, ALEX):
        assert common.connect(person).status == 200
        assert common.worker().token(person.oid)
    assert refreshed_at(common)[before:] == ["consumers", SAM.tid, ALEX.tid]


def test_the_stand_in_refuses_a_personal_account_s_refresh_at_common_as_it_is_reported_of_entra(
    common: Office,
) -> None:
    common.connect(PAT)
    stored = common.store.read(PAT.oid)
    assert stored is not None
    at_common = replace(stored.account, person=replace(stored.account.person, tenant_id="common"))
    with pytest.raises(SignInNeeded, match="70000"):
        common.provider.refresh(at_common, "")
    common.entra.turn(common_refuses_personal=False)
    assert common.provider.refresh(at_common, "").token


def test_a_detected_loop_is_a_delay_of_minutes_in_which_nobody_asks_again(office: Office) -> None:
    """AADSTS50196 comes as invalid_grant: nobody has to sign in, and to ask for the next file would prolong it."""
    office.connect(SAM)
    worker = office.worker()
    office.entra.turn(token_error="AADSTS50196")
    asked = len(office.entra.log())
    for _ in range(5):
        with pytest.raises(TokenUnavailable, match="AADSTS50196"):
            worker.token(SAM.name)
        office.elapsed += 50
    assert len(office.entra.log()) == asked + 1
    office.entra.turn(token_error="")
    office.elapsed += 60
    assert worker.token(SAM.name)


@pytest.mark.parametrize("code", ["AADSTS90033", "AADSTS90024"])
def test_the_identity_provider_s_own_trouble_asks_nobody_to_sign_in(office: Office, code: str) -> None:
    office.connect(SAM)
    office.entra.turn(token_error=code)
    worker = office.worker()
    with pytest.raises(TokenUnavailable, match=code):
        worker.token(SAM.name)
    office.entra.turn(token_error="")
    assert worker.token(SAM.name)


def test_a_throttled_app_asks_nobody_to_sign_in_and_waits(office: Office) -> None:
    office.connect(SAM)
    office.entra.turn(token_status=429)
    worker = office.worker()
    asked = len(office.entra.log())
    for _ in range(3):
        with pytest.raises(TokenUnavailable, match="429"):
            worker.token(SAM.name)
    assert len(office.entra.log()) == asked + 1
    office.entra.turn(token_status=0)
    office.elapsed += 61
    assert worker.token(SAM.name)


def test_files_for_any_number_of_accounts_take_a_bounded_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender can name as many accounts as they like."""
    monkeypatch.setattr(account_tokens, "_MOST_REMEMBERED", 10)
    office.connect(SAM)
    office.connect(KIM)
    worker = office.worker()
    for number in range(40):
        with pytest.raises(SignInNeeded):
            worker.token(f"5a000000-0000-4000-8000-{number:012x}"[:35] + "f")
        with pytest.raises(SignInNeeded):
            worker.token(f"nobody-{number}@example.com")
        assert worker.token(SAM.name)
        assert worker.token(KIM.name)
    assert len(worker._remembered) <= 10
    assert len(worker._object_ids) <= 10


def test_an_unwritten_refresh_token_is_never_forgotten(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.entra.turn(rotate=True)
    office.connect(SAM)
    monkeypatch.setattr(account_tokens, "_MOST_REMEMBERED", 2)
    worker = office.worker(store=_DyingStore(office, StorageUnavailable("away")))  # type: ignore[arg-type]
    worker.token(SAM.name)
    worker._store = office.store  # storage is back
    for number in range(5):
        with pytest.raises(SignInNeeded):
            worker.token(f"5a000000-0000-4000-8000-0000000000e{number}")
    office.elapsed += 3500
    assert worker.token(SAM.name)
    assert office.worker().token(SAM.name)


@pytest.mark.parametrize("name", ["\u017fam@example.com", "sam@example.\uff43om", "sa\u1d50@example.com"])
def test_a_name_that_folds_to_a_connected_account_s_is_not_that_account(office: Office, name: str) -> None:
    office.connect(SAM)
    worker = office.worker()
    assert worker.token(SAM.name)
    for ask in (worker.token, worker.identity):
        with pytest.raises(SignInNeeded, match="object id"):
            ask(name)
