"""A desk as documented."""

import pytest

from tests.local.todo.desk import Desk, make_desk


@pytest.fixture
def desk() -> Desk:
    return make_desk()
