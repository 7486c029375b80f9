"""What a ledger entry means, in words for a person at a terminal."""

from datetime import UTC, datetime

from shared.core.entry import Entry, Phase


def size_text(size: int) -> str:
    """12 bytes, 3.0 KiB, 25.0 MiB."""
    if size < 1024:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    return f"{size / 1024:.1f} KiB" if size < 1024**2 else f"{size / 1024**2:.1f} MiB"


def doing(entry: Entry | None, *, now: datetime) -> str:
    """What an upload that is not done does, or waits for, and until when."""
    if entry is None:
        return "waits for the event that announces the file"
    if entry.phase is Phase.WAITING:
        return f"waits for sign-in of {entry.account}: {entry.detail}"
    if entry.not_before is not None and entry.not_before > now:
        why = _why(entry)
        return f"{_DOING[entry.phase]}; waits until {clock_text(entry.not_before)}{f': {why}' if why else ''}"
    return _DOING[entry.phase]


def _why(entry: Entry) -> str:
    """Why it is put off: the entry's own words, else what the entry shows."""
    if entry.times_parked:
        return "its message failed too often"
    if entry.detail:
        return entry.detail
    if entry.phase is Phase.RESOLVING and entry.size == 0:
        return "an empty file may still be written"
    return "an earlier request may still be applied" if entry.phase is Phase.CONFIRMING else ""


def arrived(entry: Entry) -> str:
    """How much of the file the server holds."""
    return f"{size_text(entry.offset)} of {size_text(entry.size)}"


def because(entry: Entry) -> str:
    """Why an entry waits or ended: the code, then the words."""
    return ": ".join(filter(None, (entry.reason, entry.detail)))


def clock_text(when: datetime) -> str:
    """A moment of today, by this machine's time zone."""
    return when.astimezone().strftime("%H:%M:%S")


def utc_now() -> datetime:
    return datetime.now(UTC)


_DOING = {
    Phase.RESOLVING: "looks for list and task",
    Phase.OPENING: "opens an upload session",
    Phase.SENDING: "sends",
    Phase.LOCATING: "asks which byte the server expects",
    Phase.CONFIRMING: "looks whether it has landed",
    Phase.WAITING: "waits for sign-in",
    Phase.ATTACHED: "attached; tells so in the blob's tags",
    Phase.REJECTED: "rejected; tells why in the blob's tags",
    Phase.FAILED: "failed; tells why in the blob's tags",
    Phase.SUPERSEDED: "superseded; cancels its session",
    Phase.WITHDRAWN: "withdrawn; cancels its session",
}
