"""Lists and tasks by name.

Names are not unique and the default list's is localised: none or several is an error that names what was found, so that
the person can choose. The sender of the file reads that error, and may be another person than the owner of the lists
and tasks: with *names_others* off, it says nothing of the account but what the file itself named.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shared.core.attachment import Reference
from shared.core.entry import Reason
from shared.core.observations import Refused, TargetMissing
from shared.core.tag_text import quoted

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A list or a task: its id, its name, and what distinguishes it from another of that name.

    *is_default*: the account's default list. *is_flagged_emails*: the built-in list of flagged mail. *is_shared*:
    others see the list too. *due*: the day by which a task has to be done, as its owner set it.
    """

    id: str
    name: str
    is_default: bool = False
    is_flagged_emails: bool = False
    is_shared: bool = False
    is_completed: bool = False
    due: date | None = None
    created_at: datetime | None = None


def find_list(
    wanted: Reference, lists: Iterable[Named], *, names_others: bool = True
) -> Named | Refused | TargetMissing:
    """The list that *wanted* means; with neither id nor name, the account's default list.

    TargetMissing: none has that name, or none yet.
    """
    lists = tuple(lists)
    if not wanted.name:
        defaults = [each for each in lists if each.is_default]
        if len(defaults) == 1:
            return defaults[0]
        found = f"is among {_shown(lists)}" if names_others else "was found"
        return Refused(Reason.NO_SUCH_LIST, f"set list or listid. No default list {found}")
    return _one("list", wanted.name, lists, Reason.NO_SUCH_LIST, names_others=names_others)


def find_task(
    wanted: Reference, tasks: Iterable[Named], *, list_name: str = "", names_others: bool = True
) -> Named | Refused | TargetMissing:
    """The one open task of exactly this title; else the one open task that differs in case; else the completed one.

    A recurring task leaves a completed one behind each time. *list_name*: the name of the list that was searched, where
    it is known.
    """
    return _one("task", wanted.name, tuple(tasks), Reason.NO_SUCH_TASK, list_name, names_others=names_others)


def are_hidden(lists: Iterable[Named]) -> bool:
    """Whether Graph hides an account's lists: this listing shows flagged mail at most, and not even the default list.

    `GET /me/todo/lists` is known to do so for some accounts: docs/GRAPH_BEHAVIOUR.md.
    """
    return all(each.is_flagged_emails for each in lists)


# What follows it is too long for a tag.
THEIR_IDS = ". Their ids: "
# Nothing that the person renames or creates would help.
HIDDEN = Refused(Reason.NO_SUCH_LIST, "Graph hides this account's lists, so no name can be found: set listid")


def _one(
    kind: str, wanted: str, items: Sequence[Named], missing: Reason, list_name: str = "", *, names_others: bool
) -> Named | Refused | TargetMissing:
    where = f" in the list {quoted(list_name)}" if list_name else ""
    ranks = _ranks(wanted, items)
    found = next((rank for rank in ranks if rank), [])
    if len(found) == 1:
        return found[0]
    if found and not names_others:
        return Refused(Reason.AMBIGUOUS, f"several {kind}s are named {quoted(wanted)}{where}: set {kind}id")
    if found:
        remedy = f"rename one of them, or set {kind}id"
        detail = f"{len(found)} {kind}s are named {quoted(wanted)}{where}: {remedy}{_how_apart(found)}"
        ids = " / ".join(item.id for item in found[:_SHOWN])
        return Refused(Reason.AMBIGUOUS, f"{detail}{THEIR_IDS}{ids}{_more(found)}")
    missed = f"no {kind} is named {quoted(wanted)}{where}"
    return TargetMissing(missing, f"{missed}. Found {_shown(items)}" if names_others else missed)


def _ranks(wanted: str, items: Sequence[Named]) -> tuple[list[Named], list[Named], list[Named]]:
    """Those that match: exactly and open; open, but for the case; exactly and completed."""
    name = _plain(wanted)
    folded = name.casefold()
    open_: list[Named] = []
    but_for_case: list[Named] = []
    completed: list[Named] = []
    for item in items:
        theirs = _plain(item.name)
        if theirs == name:
            (completed if item.is_completed else open_).append(item)
        elif not item.is_completed and theirs.casefold() == folded:
            but_for_case.append(item)
    return open_, but_for_case, completed


def _plain(name: str) -> str:
    # Exact but for Unicode's two ways to write an accent, and outer spaces, which cannot be seen.
    return unicodedata.normalize("NFC", name).strip()


def _how_apart(found: Sequence[Named]) -> str:
    told = [_apart(item) for item in found]
    # Signs that all of them have in common distinguish none of them.
    return f". They are {' / '.join(told[:_SHOWN])}{_more(found)}" if len(set(told)) > 1 else ""


def _apart(item: Named) -> str:
    """What distinguishes it from another of the same name."""
    signs = [
        "the default list" if item.is_default else "",
        "shared" if item.is_shared else "",
        "completed" if item.is_completed else "",
        f"due {item.due:%Y-%m-%d}" if item.due is not None else "",
        f"created {item.created_at:%Y-%m-%d %H:%M:%S}" if item.created_at is not None else "",
    ]
    return " ".join(filter(None, signs)) or "one without a date"


def _shown(items: Sequence[Named]) -> str:
    if not items:
        return "none at all"
    still_open_first = sorted(items, key=lambda item: item.is_completed)
    return " / ".join(quoted(item.name, at_most=40) for item in still_open_first[:_SHOWN]) + _more(items)


def _more(items: Sequence[Named]) -> str:
    return f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
