"""An upload in the words of the page."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Phase, Reason, Report
from shared.my_files.shown import ShownUpload, Tone, shown, shown_listing
from tests.support.entries import NOW, SESSION, SESSION_URL, SIZE, an_entry

MINE = BlobVersion("account", "attachments", f"from-page/{'0' * 32}", "0x8DC0000000000A1")
TERMINAL = [phase for phase in Phase if phase.is_terminal]


def of_page(phase: Phase, **changes: Any) -> ShownUpload:
    """As shown, of a file that was sent through the page."""
    return shown(an_entry(phase, blob=MINE, upload_id=MINE.upload_id(), **changes), NOW)


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_has_words_of_its_own_and_no_code(phase: Phase) -> None:
    upload = of_page(phase)
    assert upload.state[0].isupper()
    assert upload.is_under_way is not phase.is_terminal


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.FAILED])
@pytest.mark.parametrize(
    "reason", sorted(set(Reason) - {Reason.NONE, Reason.REWRITTEN, Reason.DELETED, Reason.SIGN_IN})
)
def test_each_reason_is_followed_by_a_remedy(phase: Phase, reason: Reason) -> None:
    for blob in (MINE, an_entry().blob):
        detail = shown(an_entry(phase, blob=blob, reason=reason, detail="it went wrong: 400 x"), NOW).detail
        told, _, remedy = detail.partition(". ")
        assert told
        assert remedy.endswith(".")
        assert "{" not in remedy


def test_the_reason_is_the_one_that_the_file_s_tags_have_as_a_sentence() -> None:
    upload = of_page(Phase.REJECTED, reason=Reason.NO_SUCH_TASK, detail='no task is named "Plan" in the list "Tasks"')
    assert upload.detail == 'No task is named "Plan" in the list "Tasks". Choose another task, and send the file anew.'


def test_who_can_try_again_is_told_by_who_sent_it() -> None:
    entry = an_entry(Phase.FAILED, reason=Reason.TOO_OLD, detail="not attached within 24 hours")
    assert shown(entry, NOW).detail.endswith("its sender can put it anew.")
    assert shown(replace(entry, blob=MINE), NOW).detail.endswith("try it again.")


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.REJECTED, Phase.FAILED, Phase.WITHDRAWN])
def test_no_address_no_id_and_no_other_account_is_ever_shown(phase: Phase) -> None:
    details = {
        Reason.SIGN_IN: '"kim@example.com": AADSTS50173; sign in at https://app.example/api/connect',
        Reason.OTHER_ACCOUNT: 'is for "kim@example.com", and everything under sams/ goes to one account',
        Reason.AMBIGUOUS: "2 tasks are named so: set taskid. Their ids: AAMkSecret / AAMkOther",
    }
    for reason, detail in details.items():
        entry = an_entry(phase, account="kim@example.com", session=SESSION, attachment_id="AAMk")
        upload = shown(replace(entry, reason=reason, detail=detail, wanted_task=Reference(id="AAMkTask")), NOW)
        told = str([getattr(upload, each.name) for each in fields(ShownUpload)])
        assert not [each for each in ("http", "AADSTS", "kim@example.com", "AAMk", SESSION_URL) if each in told]


def test_progress_is_what_the_server_has_while_it_is_sent() -> None:
    assert of_page(Phase.SENDING, offset=100).progress == 100 / SIZE
    assert of_page(Phase.SENDING).progress == 0.0
    assert of_page(Phase.QUEUED).progress is None
    assert of_page(Phase.ATTACHED).progress is None
    assert of_page(Phase.SENDING, size=0).progress == 0.0


def test_a_wait_says_why_and_that_nothing_need_be_done() -> None:
    later = NOW + timedelta(minutes=3)
    upload = of_page(Phase.SENDING, not_before=later, detail="Graph asks to slow down: 429")
    assert (upload.state, upload.detail) == ("Delayed", "Graph asks to slow down: 429. The file goes on by itself.")
    assert of_page(Phase.SENDING, not_before=NOW, detail="Graph asks to slow down: 429").detail == ""
    queued = of_page(Phase.QUEUED, detail="4 files for this mailbox are first")
    assert (queued.state, queued.detail) == ("Waiting for its turn", "4 files for this mailbox are first.")


def test_where_the_person_has_to_connect_again_it_is_said() -> None:
    waiting = of_page(Phase.WAITING, reason=Reason.SIGN_IN, detail="x")
    assert waiting.wants_connecting
    assert "Connect your To Do" in waiting.detail
    failed = of_page(Phase.FAILED, reason=Reason.SIGN_IN, detail="nobody signed in within 14 days (last: http://x)")
    assert failed.wants_connecting
    assert failed.detail.endswith("Connect your To Do; then try it again.")
    assert not of_page(Phase.SENDING).wants_connecting


def test_only_what_was_sent_through_the_page_can_be_changed_there() -> None:
    for phase in Phase:
        upload = shown(an_entry(phase), NOW)
        assert (upload.is_mine_to_change, upload.can_withdraw, upload.can_retry) == (False, False, False)
        mine = of_page(phase, report=Report(phase), session=None)
        assert mine.is_mine_to_change
        has_failed = phase in {Phase.REJECTED, Phase.FAILED}
        assert mine.can_withdraw is (has_failed or not phase.is_terminal)
        assert mine.can_retry is has_failed


def test_a_file_that_is_deleted_since_is_offered_for_nothing() -> None:
    rejected = of_page(
        Phase.REJECTED, reason=Reason.NO_SUCH_TASK, detail="no such task", report=Report(Phase.REJECTED),
        source_gone_since=NOW,
    )  # fmt: skip
    assert (rejected.can_withdraw, rejected.can_retry) == (False, False)
    assert rejected.detail == "No such task. The file is deleted."


@pytest.mark.parametrize("changes", [{"reason": Reason.TOO_LARGE}, {"source_gone_since": NOW}, {"report": Report()}])
def test_what_would_come_to_the_same_end_is_not_offered(changes: dict[str, Any]) -> None:
    done = {"reason": Reason.NO_SUCH_TASK, "report": Report(Phase.REJECTED)}
    assert of_page(Phase.REJECTED, **done).can_retry
    assert not of_page(Phase.REJECTED, **done | changes).can_retry


def test_a_file_is_called_by_its_attachment_s_name_else_by_its_blob_s() -> None:
    assert of_page(Phase.SENDING).name == "plan.pdf"
    assert shown(replace(an_entry(Phase.REJECTED), attachment_name=""), NOW).name == "plan.pdf"


def test_list_and_task_are_called_as_people_call_them() -> None:
    entry = an_entry(Phase.SENDING)
    by_id = replace(entry, wanted_list=Reference("AAMkL"), wanted_task=Reference("AAMkT"))
    both = replace(entry, wanted_list=Reference("AAMkL", "Work"), wanted_task=Reference("AAMkT", "Plan"))
    told = [(upload.list, upload.task) for upload in (shown(each, NOW) for each in (entry, by_id, both))]
    assert told == [
        ("your default list", "Plan"),
        ("", "a task that its sender named by its id"),
        ("Work", "Plan"),
    ]


@pytest.mark.parametrize("phase", TERMINAL)
def test_an_old_try_of_a_file_is_left_out_unless_it_was_attached(phase: Phase) -> None:
    newer = an_entry(Phase.SENDING, blob=replace(MINE, etag="0x2"), upload_id="2" * 32)
    older = an_entry(phase, blob=MINE, upload_id="1" * 32)
    other = an_entry(phase, upload_id="3" * 32)
    expected = ["2" * 32, "1" * 32, "3" * 32] if phase is Phase.ATTACHED else ["2" * 32, "3" * 32]
    assert [upload.upload_id for upload in shown_listing([newer, older, other], NOW)] == expected


def test_good_and_bad_ends_are_told_apart() -> None:
    tones: dict[Tone, set[Phase]] = {tone: set() for tone in Tone}
    for phase in Phase:
        tones[of_page(phase).tone].add(phase)
    assert tones[Tone.GOOD] == {Phase.ATTACHED}
    assert tones[Tone.BAD] == {Phase.REJECTED, Phase.FAILED, Phase.WAITING}


def test_what_ended_in_doubt_says_so() -> None:
    withdrawn = of_page(Phase.WITHDRAWN, reason=Reason.DELETED, detail="the blob was deleted", in_doubt=True)
    assert withdrawn.detail == "The file was deleted before it was attached, but it may already be attached."
    attached = an_entry(Phase.ATTACHED, detail="not read back: 503 x")
    assert shown(attached, NOW).detail == "Not read back: 503 x."
