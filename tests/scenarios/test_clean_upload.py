"""Nothing goes wrong: what an upload costs, and that it arrives whole at every size."""

import pytest

from shared.core.entry import Phase
from shared.core.ranges import MAX_SLICE_BYTES
from tests.scenarios.promise import assert_attached, assert_promise, upload
from tests.support.fakes.seam import CountingSeam
from tests.support.fakes.world import FULL_SIZE, SLICE, World, content

SIZES = [1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 5 * SLICE + 17, 64 * SLICE]


@pytest.mark.parametrize("size", SIZES)
def test_graph_sees_one_request_to_open_and_one_per_slice(size: int) -> None:
    world = World()
    blob = upload(world, content(size))
    assert_attached(world, blob, content(size))
    assert_promise(world)
    slices = -(-size // SLICE)
    assert world.requests() == [("create_session", 200), *[("put_slice", 200)] * (slices - 1), ("put_slice", 201)]


def test_ranges_are_sent_in_order_without_gap_or_overlap() -> None:
    world = World()
    upload(world, content(2 * SLICE + 1))
    ranges = [entry.range for entry in world.todo.journal.entries if entry.operation == "put_slice"]
    assert ranges == ["bytes 0-1023/2049", "bytes 1024-2047/2049", "bytes 2048-2048/2049"]
    assert_promise(world)


def test_one_more_slice_costs_two_ledger_writes_one_message_and_one_read() -> None:
    def cost(slices: int) -> dict[str, int]:
        world, seam = World(), Calls()
        world.put_in(seam)
        upload(world, content(slices * SLICE))
        return {name: seam.calls.count(name) for name in ("ledger.replace", "queue.send", "blobs.read")}

    three, four = cost(3), cost(4)
    assert {name: four[name] - three[name] for name in four} == {
        "ledger.replace": 2,
        "queue.send": 1,
        "blobs.read": 1,
    }


def test_the_largest_file_takes_seven_slices_of_the_real_size() -> None:
    world = World(limits=FULL_SIZE)
    data = content(26_214_400)
    blob = upload(world, data)
    assert_attached(world, blob, data)
    assert_promise(world)
    assert -(-len(data) // MAX_SLICE_BYTES) == 7
    assert len(world.requests()) == 1 + 7


def test_a_file_over_the_limit_is_rejected_before_graph_hears_of_it() -> None:
    world = World()
    blob = upload(world, content(64 * SLICE + 1))
    assert world.phase(blob) is Phase.REJECTED
    assert world.entry(blob).detail == "the file has 65537 bytes, at most 65536 can be attached"
    assert world.requests() == []
    assert_promise(world)


def test_a_thousand_events_at_once_attach_a_thousand_files() -> None:
    world = World()
    files = {f"file-{number:04}.bin": content(100 + number, number) for number in range(1_000)}
    for name, data in files.items():
        world.drop(data, name)
        world.notify(name)
    world.run(at_most=20_000)
    assert dict(world.attached()) == files
    assert len(world.attached()) == 1_000
    assert_promise(world)


def test_the_source_is_deleted_only_where_the_setting_says_so() -> None:
    keeping, deleting = World(), World(delete_attached=True)
    for world in (keeping, deleting):
        blob = upload(world)
        assert_attached(world, blob)
        assert_promise(world)
    assert list(keeping.blobs.blobs) == ["report.pdf"]
    assert list(deleting.blobs.blobs) == []


class Calls(CountingSeam):
    """Counts reads and writes alike."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def enter(self, operation: str, *, changes: bool) -> None:
        self.calls.append(operation)
