"""Lists and tasks by name.

Names are not unique and the default list's is localised: none or several is an error that names what was found, so
that the person can choose.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.core.attachment import Reference
from shared.core.entry import Reason
from shared.core.observations import Refused

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A list or a task: its id and its name.

    *is_default*: the account's default list. *is_flagged_emails*: the built-in list of flagged mail.
    """

    id: str
    name: str
    is_default: bool = False
    is_flagged_emails: bool = False


def find_list(wanted: Reference, lists: Iterable[Named]) -> Named | Refused:
    """The list that *wanted* means; with neither id nor name, the account's default list."""
    lists = tuple(lists)
    if not wanted.name:
        defaults = [each for each in lists if each.is_default]
        if len(defaults) == 1:
            return defaults[0]
        return Refused(Reason.NO_SUCH_LIST, f"no default list among {_shown(lists)}: set list or listid")
    return _one("list", wanted.name, lists, Reason.NO_SUCH_LIST)


def find_task(wanted: Reference, tasks: Iterable[Named]) -> Named | Refused:
    """The one task whose title is exactly the wanted one."""
    return _one("task", wanted.name, tuple(tasks), Reason.NO_SUCH_TASK)


def are_hidden(lists: Iterable[Named]) -> bool:
    """Whether Graph hides an account's lists: this listing shows flagged mail at most, and not even the default list.

    `GET /me/todo/lists` is known to do so for some accounts: docs/GRAPH_BEHAVIOUR.md.
    """
    return all(each.is_flagged_emails for each in lists)


# Nothing that the person renames or creates would help.
HIDDEN = Refused(Reason.NO_SUCH_LIST, "Graph hides this account's lists, so no name can be found: set listid")


def _one(kind: str, name: str, items: Sequence[Named], missing: Reason) -> Named | Refused:
    found = [item for item in items if _same(item.name, name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = _some([item.id for item in found])
        return Refused(Reason.AMBIGUOUS, f'{len(found)} {kind}s are named "{name}": set {kind}id instead, one of {ids}')
    return Refused(missing, f'no {kind} is named "{name}"; found {_shown(items)}')


def _same(left: str, right: str) -> bool:
    # Exact but for Unicode's two ways to write an accent, and outer spaces, which nobody can see.
    return unicodedata.normalize("NFC", left).strip() == unicodedata.normalize("NFC", right).strip()


def _shown(items: Sequence[Named]) -> str:
    return _some([f'"{item.name[:40]}"' for item in items]) if items else "none at all"


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    return shown if len(texts) <= _SHOWN else f"{shown} and {len(texts) - _SHOWN} more"
