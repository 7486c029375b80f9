"""Runs a command so that Ctrl-C, SIGTERM and a closed terminal end it in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

INTERRUPTED = 130


def run(command: Coroutine[Any, Any, int]) -> int:
    """Run *command*, and cancel it at each signal. Returns its exit status, or INTERRUPTED where it has none."""

    async def cancelled_by_signals() -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine that asyncio.run made a task of
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await command

    try:
        return asyncio.run(cancelled_by_signals())
    except asyncio.CancelledError:
        return INTERRUPTED
