"""A client as documented."""

import pytest

from tests.local.todo.client import Client, make_client


@pytest.fixture
def client() -> Client:
    return make_client()
