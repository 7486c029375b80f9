"""What a person reads, and what an outcome counts as."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.commands.follow import has_ended
from local.commands.log_lines import line_of
from local.commands.put import PutFile
from local.commands.report import Seen, as_json
from local.commands.sending import Outcome, lines_of
from local.commands.uploads import Upload
from local.commands.wording import because, doing, sign_in_advice
from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Entry, Phase, Reason, Report
from shared.ports import Stored
from tests.local.records import a_record
from tests.support.documents import ROOT, section, table

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_BLOB = BlobVersion("devstoreaccount1", "attachments", "b", "0x1")
_FILE = PutFile("report.pdf", 10, "hash", _BLOB)
_ENTRY = Entry(
    upload_id=_BLOB.upload_id(),
    blob=_BLOB,
    size=10,
    account="sam@example.com",
    wanted_list=Reference(),
    wanted_task=Reference(name="Receipts"),
    attachment_name="report.pdf",
    created_at=_NOW,
    phase=Phase.SENDING,
)
_ATTACHED = replace(_ENTRY, phase=Phase.ATTACHED, report=Report(Phase.ATTACHED), attachment_id="AAMk")
_WAITING = replace(_ENTRY, phase=Phase.WAITING, reason=Reason.SIGN_IN, detail="nobody is signed in")


def test_it_is_told_what_an_upload_waits_for_and_until_when() -> None:
    throttled = replace(_ENTRY, not_before=_NOW + timedelta(seconds=30), detail="HTTP 429")
    until = (_NOW + timedelta(seconds=30)).astimezone().strftime("%H:%M:%S %Z")
    assert doing(throttled, now=_NOW) == f"sends; waits until {until}: HTTP 429"
    assert doing(throttled, now=_NOW + timedelta(minutes=1)) == "sends"
    days = replace(_ENTRY, not_before=_NOW + timedelta(days=2))
    assert doing(days, now=_NOW) == f"sends; waits until {(_NOW + timedelta(days=2)).astimezone():%Y-%m-%d %H:%M:%S %Z}"
    queued = replace(_ENTRY, phase=Phase.QUEUED, detail="other files are first")
    assert doing(queued, now=_NOW) == "waits for its turn: other files are first"
    assert doing(_WAITING, now=_NOW) == "waits for sign-in of sam@example.com: nobody is signed in"
    assert doing(None, now=_NOW) == "waits for the event that announces the file"
    assert because(_WAITING) == "needs-sign-in: nobody is signed in"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (replace(_ENTRY, phase=Phase.CONFIRMING), "an earlier request may still be applied"),
        (replace(_ENTRY, times_parked=1), "its message failed too often"),
    ],
)
def test_a_wait_without_a_detail_of_its_own_still_has_a_reason(entry: Entry, why: str) -> None:
    put_off = replace(entry, not_before=_NOW + timedelta(seconds=30))
    assert doing(put_off, now=_NOW).endswith(f": {why}")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words(phase: Phase) -> None:
    assert doing(replace(_ENTRY, phase=phase), now=_NOW)


def test_following_ends_when_all_is_done_and_told() -> None:
    assert has_ended(_ATTACHED)
    assert not has_ended(replace(_ATTACHED, report=Report()))
    assert not has_ended(_ENTRY)


def test_following_ends_where_only_a_person_could_help() -> None:
    assert not has_ended(_WAITING)
    assert has_ended(replace(_WAITING, report=Report(Phase.WAITING)))


@pytest.mark.parametrize(
    ("entry", "same", "word", "good"),
    [
        (None, None, "not seen", False),
        (_ENTRY, None, "not finished (sending)", False),
        (_ATTACHED, True, "attached", True),
        (_ATTACHED, None, "attached", True),
        (_ATTACHED, False, "attached, but not the same bytes", False),
        (replace(_ENTRY, phase=Phase.REJECTED), None, "rejected", False),
    ],
)
def test_only_an_attached_file_with_its_own_bytes_is_good(
    entry: Entry | None, same: bool | None, word: str, good: bool
) -> None:
    outcome = Outcome(_FILE, entry, same)
    assert (outcome.word, outcome.is_good) == (word, good)


def test_a_program_reads_outcomes_separated_by_tabs() -> None:
    heading, row = lines_of([Outcome(_FILE, _ATTACHED, True)])
    assert heading.split("\t") == ["file", "bytes", "outcome", "reason", "attachment id"]
    assert row.split("\t") == ["report.pdf", "10", "attached", "", "AAMk"]


def recorded(**record: object) -> dict[str, Any]:
    return {"source": "functions", "event": "log", "logger": "todo_attach", "message": json.dumps(record)}


_STEP = {
    "event": "step",
    "upload_id": "0123456789abcdef",
    "action": "SendSlice",
    "observation": "Progress",
    "next_phase": "sending",
    "offset": 1024,
    "size": 2048,
}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (recorded(event="accepted", upload_id="0123456789abcdef", size=3), "01234567  a file of 3 bytes"),
        (recorded(**_STEP), "01234567  SendSlice: Progress, sending, 1.0 KiB of 2.0 KiB there"),
        (
            recorded(**{**_STEP, "action": "End", "observation": "", "next_phase": "failed", "reason": "too-old"}),
            "01234567  End: the end, failed (too-old)",
        ),
        (
            recorded(**{**_STEP, "observation": "Deferred", "status": 429, "waits_for": "throttling", "wait": 7.0}),
            "01234567  SendSlice: Deferred, sending, 1.0 KiB of 2.0 KiB there (HTTP 429, waits 7 s for throttling)",
        ),
        (
            recorded(event="parked", upload_id="0123456789abcdef", parked=2, invocation_id="1", trigger="pubsub"),
            "01234567  parked parked=2",
        ),
        (recorded(event="sweep", live=1, announced=0, cleared=0), None),
        (recorded(event="catch_up", looked_at=9, entered=0, failed=0), None),
        (recorded(event="dropped", upload_id="0123456789abcdef"), None),
        ({"event": "log", "logger": "azure", "level": "INFO", "message": "hello"}, None),
        ({"event": "log", "logger": "azure", "level": "ERROR", "message": "alas"}, "azure: alas"),
        ({"event": "invocation_ended", "source": "functions", "status": "succeeded"}, None),
        (
            {"event": "invocation_ended", "source": "functions", "function": "sweep", "status": "failed"},
            "functions: invocation_ended function=sweep status=failed",
        ),
        ({"event": "delivered", "source": "event grid"}, None),
        ({"event": "given_up", "source": "event grid", "blob": "c/b"}, "event grid: given_up blob=c/b"),
    ],
)
def test_a_watcher_sees_what_moves_an_upload_and_what_goes_wrong(event: dict[str, Any], line: str | None) -> None:
    assert line_of(event) == line


def test_a_lost_connection_is_told_in_words() -> None:
    lost = replace(_ENTRY, not_before=_NOW + timedelta(seconds=30), detail="no reply to list_lists: ConnectionError")
    assert doing(lost, now=_NOW).endswith(
        "Graph cannot be reached, or does not answer (ConnectionError): is this machine online?"
    )


@pytest.mark.parametrize(
    ("account", "accounts", "connect_url", "advice"),
    [
        ("sam@example.com", ("sam@example.com",), "http://x/connect", "sam@example.com connects at http://x/connect"),
        (
            "who@example.com",
            ("sam@example.com",),
            "http://x/connect",
            "can never sign in on this stack, where only sam",
        ),
        ("who@example.com", ("sam@example.com",), "", "can never sign in on this stack, which has tokens for sam"),
        ("SAM@example.com", ("sam@example.com",), "", "Graph does not take the token of SAM@example.com"),
    ],
)
def test_what_a_waiting_file_can_hope_for_on_this_stack_is_said(
    account: str, accounts: tuple[str, ...], connect_url: str, advice: str
) -> None:
    assert advice in sign_in_advice(account, replace(a_record(), accounts=accounts, connect_url=connect_url))


def test_every_member_of_status_json_is_documented() -> None:
    text = section(ROOT / "docs" / "local-stack.md", "## status --json")
    rows = table(text) + table(text.partition("Each upload has these members")[2])
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    upload = Upload(_ENTRY.upload_id, Stored(_ENTRY, "1", _NOW, _NOW))
    seen = Seen(_NOW, {}, [upload], [], [], asked=False)
    said = as_json(seen, a_record())
    (entry,) = said["under_way"]
    assert said.keys() | entry.keys() == documented
