"""The metadata keys that are read, and the key that a misspelt one was meant to be."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

KEYS = ("listid", "list", "taskid", "task", "user", "filename")
# What a key is about: an id and a name are two ways to say the same thing.
ABOUT = {"listid": "list", "list": "list", "taskid": "task", "task": "task", "user": "user", "filename": "filename"}

_SEPARATORS = re.compile(r"[^a-z0-9]")
_OTHER_WORDS = {"listname": "list", "taskname": "task", "tasktitle": "task"}


def likely_key(key: str) -> str:
    """The key of ours that *key* is most likely meant to be; empty where it is like none of them."""
    bare = _bare(key)
    if bare in _OTHER_WORDS:
        return _OTHER_WORDS[bare]
    found = get_close_matches(bare, KEYS, cutoff=0.75)
    return found[0] if found and found[0][0] == bare[:1] else ""


def slips(keys: Iterable[str]) -> dict[str, str]:
    """Those of *keys* that are surely misspelt, each with the key that was meant.

    Surely: with separators or a prefix, with two letters exchanged, with one letter too many or too few. `used` is like
    `user`, but may mean something else.
    """
    return {key: meant for key in keys if (meant := likely_key(key)) and _is_slip(_bare(key), meant)}


def _bare(key: str) -> str:
    return _SEPARATORS.sub("", key.lower()).removeprefix("todo")


def _is_slip(bare: str, meant: str) -> bool:
    if bare in {meant, *_OTHER_WORDS} or sorted(bare) == sorted(meant):
        return True
    shorter = min(len(bare), len(meant))
    return max(len(bare), len(meant)) - shorter == 1 and _shared(bare, meant) == shorter


def _shared(one: str, other: str) -> int:
    return sum(block.size for block in SequenceMatcher(None, one, other).get_matching_blocks())
