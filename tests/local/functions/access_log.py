"""Azurite with its access log, on an event loop of its own."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.stack import azurite

_PATIENCE_SECONDS = 60.0

type OnLine = Callable[[str], None]


class ObservedAzurite:
    """A running Azurite whose access log others can follow."""

    def __init__(self, connection_string: str, observers: list[OnLine]) -> None:
        self.connection_string = connection_string
        self._observers = observers

    @contextmanager
    def observed_by(self, observer: OnLine) -> Iterator[None]:
        """*observer* is called on another thread."""
        self._observers.append(observer)
        try:
            yield
        finally:
            self._observers.remove(observer)


@contextmanager
def running() -> Iterator[ObservedAzurite]:
    observers: list[OnLine] = []

    def on_access(line: str) -> None:
        for observer in tuple(observers):
            observer(line)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    key = azurite.new_key()
    starting = azurite.start(
        azurite.Ports(), key=key, directory=None, environment=dict(os.environ), on_access=on_access
    )
    try:
        child, ports = asyncio.run_coroutine_threadsafe(starting, loop).result(_PATIENCE_SECONDS)
        yield ObservedAzurite(ports.connection_string(key), observers)
        asyncio.run_coroutine_threadsafe(child.end(10), loop).result(_PATIENCE_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
