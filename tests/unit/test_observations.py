from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from shared.core import observations as seen
from shared.core.upload import TRANSITIONS

EVERY = get_args(seen.Observation)


def test_every_observation_of_the_module_is_in_the_union() -> None:
    named = {value for value in vars(seen).values() if isinstance(value, type) and value.__module__ == seen.__name__}
    assert set(EVERY) == named


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_observation_can_be_absorbed_somewhere(kind: type) -> None:
    assert any(kind in row for row in TRANSITIONS.values())


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_an_observation_is_a_frozen_value(kind: type) -> None:
    assert is_dataclass(kind)
    with pytest.raises((FrozenInstanceError, TypeError)):
        object.__new__(kind).anything = 1  # type: ignore[attr-defined]
