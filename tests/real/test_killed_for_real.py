"""A few rounds of what `make soak` plays many of: real processes, real storage, real deaths."""

from pathlib import Path

import pytest

from tests.real.rounds import play


@pytest.mark.stack
@pytest.mark.azurite
@pytest.mark.parametrize("seed", [3, 8])
def test_every_file_is_attached_once_although_processes_are_killed(seed: int, tmp_path: Path) -> None:
    result = play(seed, tmp_path)
    assert result.killed, "nobody was killed: choose another seed"
    assert result.broken == []
