"""Results of actions, for tests: which observations an action can lead to, by its types, and a result for each."""

from typing import Any, get_args, get_type_hints

from shared.core import actions as do
from shared.core import observations as seen
from shared.core.entry import Entry
from shared.core.transitions import TRANSITIONS

ACTIONS: tuple[type[do.Action], ...] = get_args(do.Action)


def result_type(action: type[do.Action]) -> type[Any]:
    """`Resolve` -> `ResolveResult`."""
    kind = getattr(do, f"{action.__name__}Result")
    assert kind in get_args(do.Result)
    return kind  # type: ignore[no-any-return]


def possible(action: type[do.Action]) -> tuple[type[seen.Observation], ...]:
    """Every observation that the action can lead to, by its type annotations."""
    kinds = get_type_hints(result_type(action))["seen"]
    return get_args(kinds) or (kinds,)


def result(action: type[do.Action], observation: seen.Observation) -> do.Result:
    assert type(observation) in possible(action)
    return result_type(action)(observation)  # type: ignore[no-any-return]


def result_for(entry: Entry, decision: do.Decision, observation: seen.Observation) -> do.Result:
    """The result of *decision*, if it can lead to *observation*; otherwise of another action of the entry's phase."""
    decided = [type(decision)] if not isinstance(decision, do.End) else []
    actions = [*decided, *TRANSITIONS[entry.phase]]
    able = [action for action in actions if type(observation) in possible(action)]
    assert able, f"{type(observation).__name__} cannot be seen while {entry.phase}"
    return result(able[0], observation)
