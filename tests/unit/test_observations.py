from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from shared.core import observations as seen
from tests.support.results import ACTIONS, possible

EVERY = get_args(seen.Observation)


def test_every_observation_of_the_module_is_in_the_union() -> None:
    named = {value for value in vars(seen).values() if isinstance(value, type) and value.__module__ == seen.__name__}
    assert set(EVERY) == named


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_observation_is_one_that_some_action_can_lead_to(kind: type) -> None:
    assert any(kind in possible(action) for action in ACTIONS)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_an_observation_is_a_frozen_value(kind: type) -> None:
    assert is_dataclass(kind)
    with pytest.raises((FrozenInstanceError, TypeError)):
        object.__new__(kind).anything = 1  # type: ignore[attr-defined]
