"""Fixtures that several families of tests share."""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from local.stack import azurite
from shared.settings import Connection
from tests.support.browser.webdriver import programs

# Set where a run without a browser must fail instead of leaving these tests out: in CI.
_BROWSER_REQUIRED = os.environ.get("TODO_ATTACH_BROWSER") == "required"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _BROWSER_REQUIRED or programs() is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip("left out, since Chromium is missing: run scripts/setup-browser"))


class _Loop:
    """An event loop on a thread of its own, for the embedded stack's asyncio parts."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def storage() -> Iterator[Connection]:
    """An Azurite of this test run's own, in memory."""
    loop = _Loop()
    key = azurite.new_key()
    child, ports = loop.run(
        azurite.start(
            azurite.Ports(), key=key, directory=None, environment=dict(os.environ), on_access=lambda _line: None
        )
    )
    yield Connection(connection_string=ports.connection_string(key))
    loop.run(child.end(10))
    loop.close()
