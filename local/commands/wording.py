"""What a ledger entry means, in words for a person at a terminal."""

import re
from datetime import UTC, datetime

from local.stack.state_dir import RunningRecord
from shared.core import underway
from shared.core.entry import Entry, Phase
from shared.core.size_text import size_text
from shared.core.tag_text import quoted


def doing(entry: Entry | None, *, now: datetime) -> str:
    """What an upload that is not done does or waits for, and until when."""
    if entry is None:
        return "waits for the event that announces the file"
    if entry.phase is Phase.WAITING:
        return f"waits for sign-in of {entry.account}: {entry.detail.removeprefix(f'{quoted(entry.account)}: ')}"
    if entry.not_before is not None and entry.not_before > now:
        why = in_words(underway.why(entry))
        return f"{_DOING[entry.phase]}; waits until {until_text(entry.not_before, now)}{f': {why}' if why else ''}"
    if entry.phase is Phase.QUEUED and entry.detail:
        return f"{_DOING[entry.phase]}: {entry.detail}"
    return _DOING[entry.phase]


def in_words(detail: str) -> str:
    """An entry's detail for a person: the library's name of a connection error is replaced by words."""
    if unanswered := _NO_REPLY.search(detail):
        return f"Graph cannot be reached, or does not answer ({unanswered[1]}): is this machine online?"
    return detail


def sign_in_advice(account: str, record: RunningRecord) -> str:
    """What a person can do about a file that waits for *account* to sign in, on this stack."""
    known = account.casefold() in {each.casefold() for each in record.accounts}
    people = ", ".join(each for each in record.accounts if "@" in each) or ", ".join(record.accounts)
    if record.connect_url:
        if known:
            return f"{account} connects at {record.connect_url}"
        return (
            f"{account} can never sign in on this stack, where only {people} can: withdraw the file, or send it again"
        )
    if known:
        return f"Graph does not take the token of {account}: end this stack, and start it with another one"
    return (
        f"{account} can never sign in on this stack, which has tokens for {people} only: withdraw the file, or send it "
        "again for one of them, or start the stack with `up --sign-in`"
    )


def arrived(entry: Entry) -> str:
    """How much of the file Graph has."""
    return f"{size_text(entry.offset)} of {size_text(entry.size)}"


def because(entry: Entry) -> str:
    """Why an entry waits or ended: the code, then the words."""
    return ": ".join(filter(None, (entry.reason, in_words(entry.detail))))


def clock_text(when: datetime) -> str:
    """The time of day, in this machine's time zone."""
    return when.astimezone().strftime("%H:%M:%S")


def until_text(when: datetime, now: datetime) -> str:
    """A moment in the future, in this machine's time zone; with its date, where that is not today's."""
    if when.astimezone().date() != now.astimezone().date():
        return moment_text(when)
    return when.astimezone().strftime("%H:%M:%S %Z")


def moment_text(when: datetime) -> str:
    """Date and time, in this machine's time zone."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def utc_now() -> datetime:
    return datetime.now(UTC)


# The text that shared/adapters/graph.py makes.
_NO_REPLY = re.compile(r"no reply to \w+: (.+)")

_DOING = {
    Phase.ARRIVING: "waits for the blob to be complete",
    Phase.QUEUED: "waits for its turn",
    Phase.RESOLVING: "looks for list and task",
    Phase.OPENING: "opens an upload session",
    Phase.SENDING: "sends",
    Phase.LOCATING: "asks which byte the server expects",
    Phase.CONFIRMING: "looks whether it has landed",
    Phase.VERIFYING: "reads the attachment back",
    Phase.WAITING: "waits for sign-in",
    Phase.ATTACHED: "attached; writes it into the blob's tags",
    Phase.REJECTED: "rejected; writes why into the blob's tags",
    Phase.FAILED: "failed; writes why into the blob's tags",
    Phase.SUPERSEDED: "superseded; cancels its session",
    Phase.WITHDRAWN: "withdrawn; cancels its session",
}
