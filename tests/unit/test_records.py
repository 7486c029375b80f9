from shared.ledger import Phase, Reason
from shared.observations import Progress, Unclear
from shared.ranges import ByteRange
from shared.records import describe_step
from shared.upload import End, SendSlice
from tests.entries import SESSION_URL, an_entry

ID = "AAMkADI5MA="


def test_a_sent_slice_leaves_its_range_and_where_it_led() -> None:
    before, after = an_entry(Phase.SENDING), an_entry(Phase.SENDING, step=8, offset=100)
    assert describe_step(before, after, SendSlice(ByteRange(0, 100)), Progress(100)) == {
        "upload_id": before.upload_id,
        "step": 7,
        "phase": "sending",
        "action": "SendSlice",
        "seen": "Progress",
        "next_phase": "sending",
        "offset": 100,
        "size": 250,
        "range_start": 0,
        "range_stop": 100,
    }


def test_an_end_leaves_its_reason_and_no_observation() -> None:
    end = End(Phase.FAILED, Reason.TOO_OLD, "not attached within 24 hours")
    after = an_entry(Phase.FAILED, reason=end.reason, detail=end.detail)
    record = describe_step(an_entry(Phase.SENDING), after, end, None)
    assert (record["action"], record["seen"]) == ("End", "")
    assert (record["reason"], record["detail"]) == ("too-old", "not attached within 24 hours")


def test_the_attachment_s_id_is_recorded_once_when_it_is_attached() -> None:
    attached = an_entry(Phase.ATTACHED, attachment_id=ID)
    send = SendSlice(ByteRange(0, 100))
    assert describe_step(an_entry(Phase.SENDING), attached, send, None)["attachment_id"] == ID
    assert "attachment_id" not in describe_step(attached, attached, send, None)


def test_a_record_never_holds_the_upload_url_or_a_name_of_the_person_s() -> None:
    before = an_entry(Phase.SENDING)
    record = str(describe_step(before, before, SendSlice(ByteRange(0, 100)), Unclear("HTTP 500")))
    assert all(secret not in record for secret in (SESSION_URL, before.account, before.attachment_name, "Plan"))
