"""A file that a person sends through the page: it goes where the app has signed for, and nowhere else."""

from datetime import timedelta
from typing import Any

import pytest

from local.stand_ins.todo.faults import Answer
from shared.core.attachment import BlobKind, BlobVersion
from shared.core.catching_up import EVENT_IS_DUE, SIGNATURE_IS_OVER, Place
from shared.core.entry import Phase, Reason
from shared.core.outcome import REASON, STATE
from shared.core.sent_file import PREFIX, account_key, blob_name
from shared.errors import StorageUnavailable
from tests.scenarios.promise import FILE, assert_ended, assert_promise, fault, upload
from tests.scenarios.test_crash_at_every_effect import CrashBefore
from tests.support.fakes.manual_clock import START
from tests.support.fakes.seam import CountingSeam, FailingSeam, Seam, crash_after
from tests.support.fakes.world import SAM, SAM_ID, World, content

NAME = "Beleg ü.pdf"
MINE = account_key(SAM_ID)
LARGER = content(len(FILE) + 1)


def a_world(**options: Any) -> World:
    return World(signs_in=True, **options)


def run(world: World, blob: BlobVersion) -> BlobVersion:
    """The event of *blob*, and everything that follows."""
    world.notify(blob.name)
    world.run()
    return blob


def uploads(world: World) -> list[str]:
    """Sam's, newest first."""
    long_ago = world.clock.date() - timedelta(days=30)
    return list(world.account_uploads.newest(MINE, since=long_ago, page="").items)


def assert_attached_and_gone(world: World, blob: BlobVersion, data: bytes = FILE) -> None:
    assert (world.phase(blob), world.attached()) == (Phase.ATTACHED, [(NAME, data)])
    assert blob.name not in world.blobs.blobs
    assert_promise(world)


# -- where it goes --


def test_it_is_attached_where_it_was_signed_for_and_its_blob_is_deleted() -> None:
    world = a_world()
    blob = run(world, world.send(FILE))
    assert_attached_and_gone(world, blob)
    entry = world.entry(blob)
    assert (entry.account, entry.source_deleted) == (SAM_ID, True)
    assert uploads(world) == [blob.upload_id()]


def test_its_metadata_counts_for_nothing() -> None:
    world = a_world()
    other = world.todo.add_task(world.list, "Another")
    said = {"taskid": other.id, "listid": world.list.id, "user": "kim@example.com", "filename": "other.exe"}
    blob = run(world, world.send(FILE, said))
    assert_attached_and_gone(world, blob)
    assert not other.attachments


def test_metadata_that_could_be_followed_by_nobody_rejects_nothing() -> None:
    world = a_world()
    blob = run(world, world.send(FILE, {"taks": "Receipts", "task": "a", "taskid": "b"}))
    assert_attached_and_gone(world, blob)


def test_paths_that_belong_to_accounts_leave_the_page_s_prefix_alone() -> None:
    world = a_world(path_accounts={"kim/": "kim@example.com"})
    blob = run(world, world.send(FILE))
    assert_attached_and_gone(world, blob)


def test_an_empty_one_is_attached_at_once() -> None:
    """A browser writes the whole file by one request: nothing more can come."""
    world = a_world()
    blob = world.send(b"")
    world.event(blob.name)
    assert world.entry(blob).not_before is None
    world.run()
    assert_attached_and_gone(world, blob, b"")


def test_a_smaller_one_than_was_declared_is_attached_as_it_is() -> None:
    world = a_world()
    blob = run(world, world.send(FILE, declared=len(FILE) + 1))
    assert_attached_and_gone(world, blob)


def test_it_stays_where_the_setting_says_so_whatever_happens_to_other_files() -> None:
    world = a_world(delete_sent=False, delete_attached=True)
    blob = run(world, world.send(FILE))
    assert (world.phase(blob), world.attached()) == (Phase.ATTACHED, [(NAME, FILE)])
    assert world.blobs.blobs[blob.name].tags[STATE] == "attached"
    assert_promise(world)


def test_a_file_beside_it_that_comes_by_metadata_is_deleted_only_where_its_own_setting_says_so() -> None:
    world = a_world()
    upload(world)
    assert "report.pdf" in world.blobs.blobs


# -- what was not signed for --


@pytest.mark.parametrize("name", [blob_name("0" * 32), f"{PREFIX}report.pdf", f"{PREFIX}Tasks/Receipts/a.pdf", PREFIX])
@pytest.mark.parametrize("signs_in", [True, False])
def test_what_was_never_signed_for_is_rejected_unasked_and_stays(name: str, signs_in: bool) -> None:
    world = World(signs_in=signs_in)
    blob = upload(world, name=name)
    assert_ended(world, blob, Phase.REJECTED, Reason.NEVER_SIGNED, "put the file under another name")
    assert world.blobs.blobs[name].tags[STATE] == "rejected"
    assert world.blobs.blobs[name].tags[REASON].startswith("never-signed-for: ")
    assert (world.requests(), world.account_uploads.places) == ([], {})
    assert_promise(world)


def test_the_token_of_another_s_file_in_another_place_is_no_signature() -> None:
    world = a_world()
    sent = world.sign(len(FILE))
    blob = upload(world, name=f"{PREFIX}sub/{sent.token}")
    assert_ended(world, blob, Phase.REJECTED, Reason.NEVER_SIGNED)
    assert_promise(world)


# -- larger than declared --


@pytest.mark.parametrize("kind", list(BlobKind))
def test_what_is_larger_than_declared_is_deleted_at_once_whatever_its_kind_and_the_person_reads_why(
    kind: BlobKind,
) -> None:
    world = a_world(delete_sent=False)
    blob = world.send(LARGER, declared=len(FILE))
    world.blobs.blobs[blob.name].kind = kind
    world.event(blob.name)
    assert blob.name not in world.blobs.blobs
    entry = assert_ended(world, blob, Phase.REJECTED, Reason.LARGER_THAN_DECLARED, "2561", "2560", "send it again")
    assert (entry.is_done, entry.account, entry.attachment_name) == (True, SAM_ID, NAME)
    assert (entry.wanted_task.name, entry.wanted_list.name) == ("Receipts", "Tasks")
    assert uploads(world) == [blob.upload_id()]
    assert world.requests() == []
    assert_promise(world)


@pytest.mark.parametrize("declared", [len(LARGER), len(FILE)], ids=["attached", "larger than declared"])
def test_a_deletion_that_fails_for_a_quarter_of_an_hour_is_done_in_the_end(declared: int) -> None:
    """Nobody but the app can delete what the page sent."""
    world = a_world()
    world.put_in(FailingSeam("blobs.delete", [StorageUnavailable("503")] * 17))
    blob = run(world, world.send(LARGER, declared=declared))
    assert world.clock.date() - START > timedelta(minutes=15)
    assert blob.name not in world.blobs.blobs
    assert_promise(world)


def test_a_larger_one_under_a_key_of_its_writer_s_is_deleted_by_the_timer() -> None:
    """Storage describes it to nobody; but a listing tells its size, and to delete it takes no key."""
    world = a_world()
    blob = world.send(LARGER, declared=len(FILE))
    world.blobs.blobs[blob.name].key_withheld = True
    world.event(blob.name)
    assert blob.name in world.blobs.blobs
    world.clock.advance(EVENT_IS_DUE)
    world.catch_up()
    world.run()
    assert blob.name not in world.blobs.blobs
    assert_ended(world, blob, Phase.REJECTED, Reason.LARGER_THAN_DECLARED)
    assert_promise(world)


def test_another_reason_to_reject_it_deletes_nothing() -> None:
    world = a_world(faults=(fault(Answer(403), "create_session", count=None),))
    blob = run(world, world.send(FILE))
    assert_ended(world, blob, Phase.REJECTED, Reason.FORBIDDEN)
    assert "metadata" not in world.blobs.blobs[blob.name].tags[REASON]
    assert_promise(world)


# -- tried again --


def test_a_rejected_one_is_attached_when_it_is_touched() -> None:
    world = a_world(faults=(fault(Answer(403), "create_session"),))
    first = run(world, world.send(FILE))
    assert_ended(world, first, Phase.REJECTED, Reason.FORBIDDEN)
    world.clock.advance(timedelta(minutes=1))
    world.blobs.touch(first)
    second = run(world, world.blobs.version(first.name))
    assert_attached_and_gone(world, second)
    assert uploads(world) == [second.upload_id(), first.upload_id()]


def test_one_that_is_touched_while_it_is_sent_is_attached_once() -> None:
    world = a_world()
    first = world.send(FILE)
    world.event(first.name)
    world.blobs.touch(first)
    second = run(world, world.blobs.version(first.name))
    assert world.phase(first) is Phase.SUPERSEDED
    assert_attached_and_gone(world, second)


# -- deaths --


@pytest.mark.parametrize(
    ("data", "declared"), [(FILE, len(FILE)), (b"", 0), (LARGER, len(FILE))], ids=["whole", "empty", "larger"]
)
def test_a_worker_may_die_after_and_before_every_effect(data: bytes, declared: int) -> None:
    def play(seam: Seam) -> tuple[World, BlobVersion]:
        world = a_world()
        blob = world.send(data, declared=declared)
        world.put_in(seam)
        return world, run(world, blob)

    counting = CountingSeam()
    play(counting)
    assert counting.changes
    assert "blobs.delete" in counting.changes
    for number in range(1, len(counting.changes) + 1):
        for seam in (crash_after(number), CrashBefore(number)):
            world, blob = play(seam)
            larger = len(data) > declared
            assert world.phase(blob) is (Phase.REJECTED if larger else Phase.ATTACHED)
            assert world.attached() == ([] if larger else [(NAME, data)])
            assert blob.name not in world.blobs.blobs
            assert uploads(world) == [blob.upload_id()]
            assert_promise(world, unseen_sessions=1)


def test_a_worker_may_die_while_it_rejects_what_was_never_signed_for() -> None:
    for number in range(1, 8):
        for seam in (crash_after(number), CrashBefore(number)):
            world = a_world()
            world.put_in(seam)
            blob = upload(world, name=blob_name("0" * 32))
            assert_ended(world, blob, Phase.REJECTED, Reason.NEVER_SIGNED)
            assert_promise(world)


# -- the index of an account --


def test_where_people_sign_in_every_upload_of_an_account_is_in_its_index_newest_first() -> None:
    world = a_world()
    first = upload(world)
    world.clock.advance(timedelta(seconds=1))
    second = run(world, world.send(FILE))
    assert uploads(world) == [second.upload_id(), first.upload_id()]
    assert {world.entry(each).account_key for each in (first, second)} == {MINE}


def test_a_file_by_metadata_is_in_the_index_before_graph_is_asked() -> None:
    world = a_world(faults=(fault(Answer(503), "create_session", count=None),))
    blob = world.drop(FILE)
    world.event()
    assert uploads(world) == [blob.upload_id()]


def test_without_sign_in_there_is_no_index() -> None:
    world = World()
    blob = upload(world)
    assert (world.account_uploads.places, world.entry(blob).account_key) == ({}, "")


def test_a_file_whose_account_s_name_comes_to_mean_another_leaves_the_first_one_s_index() -> None:
    """It waited for a sign-in meanwhile, and nobody reads of another's files."""
    world = a_world()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= 2)
    token = world.accounts.tokens.pop(SAM)
    world.run(until=lambda: world.phase(blob) is Phase.WAITING)
    assert uploads(world) == [blob.upload_id()]
    world.accounts.identities[SAM] = "3f6cbb2a-0000-4000-8000-0000000000ff"
    world.accounts.tokens[SAM] = token
    world.run()
    assert uploads(world) == []
    assert world.entry(blob).account_key == account_key(world.accounts.identities[SAM])
    assert len(world.account_uploads.places[world.entry(blob).account_key]) == 1


def test_an_entry_that_ages_out_leaves_the_index_too() -> None:
    keep = timedelta(days=8)
    world = a_world(keep_finished=keep)
    blob = run(world, world.send(FILE))
    for _ in range(2):
        while True:
            world.catch_up()
            if world.places.places["finished"].place == Place():
                break
        world.clock.advance(keep)
    assert blob.upload_id() not in world.ledger.rows
    assert uploads(world) == []


# -- signatures --


def test_a_file_that_is_entered_frees_its_signature_though_no_browser_says_that_it_has_come() -> None:
    world = a_world()
    blob = world.send(FILE)
    world.event(blob.name)
    assert world.sent_files.signatures == {}


def test_a_signature_that_cannot_be_freed_holds_no_file_back() -> None:
    world = a_world()
    blob = world.send(FILE)
    world.put_in(FailingSeam("sent_files.used", [StorageUnavailable("away")]))
    assert_attached_and_gone(world, run(world, blob))


def test_a_signature_that_is_used_again_once_its_file_is_attached_attaches_nothing_twice() -> None:
    """A browser sends a request again by itself whose connection closed, and the blob is deleted by then."""
    world = a_world()
    first = run(world, world.send(FILE))
    assert_attached_and_gone(world, first)
    again = run(world, world.blobs.write(first.name, FILE, {}))
    assert world.phase(again) is Phase.ATTACHED
    assert_attached_and_gone(world, first)


# -- what was signed for and came to nothing --


def test_a_signature_that_was_never_used_leaves_nothing_behind() -> None:
    world = a_world()
    sent = world.sign(100)
    world.clock.now = sent.good_until + SIGNATURE_IS_OVER - timedelta(seconds=1)
    world.catch_up()
    assert world.sent_files.find(sent.token) == sent
    world.clock.advance(timedelta(seconds=1))
    world.catch_up()
    assert (world.sent_files.rows, world.sent_files.signatures) == ({}, {})


def test_what_was_signed_for_goes_once_its_blob_is_gone_and_stays_as_long_as_that() -> None:
    world = a_world(delete_sent=False)
    kept = run(world, world.send(FILE))
    withdrawn = world.send(content(100, 2))
    world.blobs.remove(withdrawn.name)
    world.clock.advance(timedelta(days=1))
    world.catch_up()
    assert [blob_name(token) for token in world.sent_files.rows] == [kept.name]


def test_one_whose_event_was_lost_is_found_with_what_was_signed_for_it() -> None:
    world = a_world()
    blob = world.send(FILE)
    world.clock.advance(timedelta(days=1))
    assert world.catch_up().entered == 1
    world.run()
    assert_attached_and_gone(world, blob)


def test_of_many_that_were_never_used_each_goes_page_by_page() -> None:
    world = a_world()
    world.sent_files.page_size = 2
    for number in range(5):
        world.sign(number)
    world.clock.advance(timedelta(days=1))
    for _ in range(3):
        world.catch_up()
    assert world.sent_files.rows == {}


def test_without_sign_in_nothing_is_looked_for() -> None:
    world = World()
    seam = CountingReads()
    world.put_in(seam)
    world.catch_up()
    assert not [each for each in seam.seen if each.startswith("sent_files.")]
    upload(world)
    assert not [each for each in seam.seen if each.startswith(("sent_files.", "account_uploads."))]


class CountingReads(Seam):
    """Collects every call of a port."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def enter(self, operation: str, *, changes: bool) -> None:
        self.seen.append(operation)
