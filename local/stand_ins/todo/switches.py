"""Frozen records of switches, which are changed by name: from a command line, from JSON, from a test.

A misspelt switch, or a value that it does not accept, is an error that names both: a fault that silently never fires
would let a test pass for the wrong reason.
"""

import json
import types
from collections.abc import Mapping
from dataclasses import Field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, Protocol, TypeAliasType, Union, get_args, get_origin, get_type_hints


class Record(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def change[R: Record](record: R, changes: Mapping[str, object]) -> R:
    """A copy of the record with *changes*, each of which is checked."""
    return replace(record, **checked(type(record), changes))


def checked(kind: type[Record], values: Mapping[str, object]) -> dict[str, Any]:
    hints = _hints(kind)
    known = {field.name for field in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{kind.__name__} has no {name!r}; it has {', '.join(sorted(known))}")
        if not _fits(value, hints[name]):
            raise ValueError(f"{kind.__name__}.{name} cannot be {value!r}; it is {_describe(hints[name])}")
    return dict(values)


def read_assignment(text: str) -> tuple[str, object]:
    """`key=value` as typed in a shell. The value is JSON if it can be read as JSON, and text otherwise."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not key=value")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value


@cache
def _hints(kind: type[Record]) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: object, hint: Any) -> bool:
    if isinstance(hint, TypeAliasType):
        return _fits(value, hint.__value__)
    origin = get_origin(hint)
    if origin is Literal:
        return not isinstance(value, bool) and value in get_args(hint)
    if origin in (types.UnionType, Union):
        return any(_fits(value, option) for option in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is not None:
        return isinstance(value, origin)
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    if isinstance(hint, TypeAliasType):
        return _describe(hint.__value__)
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(str(option) for option in get_args(hint))
    return getattr(hint, "__name__", None) or str(hint)
