"""Anything at all put into the whole application, on fakes: it ends, it says why, and it raises nothing unforeseen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.entry import Phase, Reason
from shared.core.messages import RangeMessage, encode
from shared.errors import MessageError, StrangerError
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest
from shared.ports import GraphTransport
from shared.wiring import assemble
from tests.properties.test_graph_reply_fuzz import REPLIES
from tests.properties.test_message_fuzz import JSON, STEPS, UPLOADS
from tests.properties.test_metadata_fuzz import KEYS, VALUES
from tests.scenarios.promise import assert_promise, secrets, told_to_anybody
from tests.support.fakes.world import SLICE, World, content

DATA = content(SLICE + 1)
# A container takes nearly any text; halves of surrogate pairs are none.
BLOB_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
METADATA = st.dictionaries(KEYS, VALUES, max_size=4) | st.fixed_dictionaries(
    {"task": st.just("Receipts")}, optional={"list": VALUES, "filename": VALUES, "user": VALUES, "listid": VALUES}
)


@settings(max_examples=100)
@given(BLOB_NAMES, METADATA)
def test_any_blob_name_and_any_metadata_are_attached_or_rejected_with_the_reason(
    name: str, metadata: Mapping[str, str]
) -> None:
    world = World()
    blob = world.blobs.write(name, DATA, metadata)
    world.notify(name)
    world.run(until=lambda: world.phase(blob) is Phase.WAITING)
    entry = world.entry(blob)
    assert world.raised == []
    if entry.phase is Phase.WAITING:  # for an account that nobody has
        assert entry.reason is Reason.SIGN_IN
        return
    assert_promise(world)
    assert world.blobs.blobs[name].tags["todo_state"] == entry.phase
    if entry.phase is Phase.ATTACHED:
        assert [data for _, data in world.attached()] == [DATA]
        return
    assert entry.phase is Phase.REJECTED
    assert entry.reason
    assert entry.detail
    assert world.blobs.blobs[name].tags["todo_reason"].startswith(entry.reason)


@dataclass
class OddGraph:
    """Answers the first requests with *replies*, and lets all others through."""

    graph: GraphTransport
    replies: list[GraphReply]
    asked: list[str] = field(default_factory=list)

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        self.asked.append(request.operation)
        return self.replies.pop(0) if self.replies else self.graph.send(request, token)


@settings(max_examples=60)
@given(st.lists(REPLIES, min_size=1, max_size=4), st.sampled_from([b"", DATA]), st.booleans())
def test_any_replies_of_graph_end_an_upload_with_a_reason_and_leak_nothing(
    replies: list[GraphReply], data: bytes, by_name: bool
) -> None:
    """A server that lies about what it created is believed; but nothing is raised, and nothing goes on for ever."""
    world = World()
    odd = OddGraph(world.graph, list(replies))
    world.application = assemble(world.application.settings, replace(world.application.ports, graph=odd))
    blob = world.drop(data, **({"task": "Receipts"} if by_name else {}))
    world.notify()
    world.run()
    entry = world.entry(blob)
    assert world.raised == []
    assert odd.asked
    assert entry.is_done
    assert entry.phase is Phase.ATTACHED or (entry.reason and entry.detail)
    assert not [secret for secret in secrets(world) if secret in told_to_anybody(world)]


BODIES = (
    st.binary()
    | JSON.map(lambda record: json.dumps(record).encode())
    | st.builds(lambda upload, step: encode(RangeMessage(upload, step)).encode(), UPLOADS, STEPS)
)


@settings(max_examples=80)
@given(BODIES, st.integers(0, 12), st.integers(1, 6), st.booleans())
def test_any_message_is_refused_or_does_no_harm(body: bytes, step: int, delivery: int, ours: bool) -> None:
    """Also one about a real upload, for any of its steps, at any delivery."""
    world = World()
    blob = world.drop(DATA)
    world.event()
    given_body = encode(RangeMessage(blob.upload_id(), step)).encode() if ours else body
    refusal = ""
    try:
        world.application.runner.send_range(given_body, delivery)
    except (MessageError, StrangerError) as error:
        refusal = str(error)
    assert not [secret for secret in secrets(world) if secret in refusal]
    world.run()
    world.application.runner.park_range(given_body)
    world.run()
    assert world.attached() == [("report.pdf", DATA)]
    assert_promise(world)
