"""Runs the plain script in a process of its own, which is kept warm, and tells it what to attach."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bench.stack import MeasuredStack, Written
from local.stack.app_settings import CONTAINER, environment
from local.stack.child import REPOSITORY


@dataclass(frozen=True, slots=True)
class Attached:
    """When the script began, and when the last of its files was attached, in seconds since the epoch."""

    began: float
    landed: float

    @property
    def seconds(self) -> float:
        return self.landed - self.began


class Baseline:
    """Attaches the same blobs to a task of its own in the same emulator."""

    def __init__(self, stack: MeasuredStack) -> None:
        self._stack = stack

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.plain_child"), stdin=PIPE, stdout=PIPE, cwd=REPOSITORY, env=environment({})
        )
        place = self._stack.plain
        await self._ask({"storage": self._stack.storage, "container": CONTAINER, "token": place.token})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def attach(self, files: Sequence[Written]) -> Attached:
        """Attach *files* one after another."""
        began = time.time()
        await self._ask({"blobs": [file.name for file in files], "task_url": self._stack.plain.url})
        return Attached(began, max(await self._stack.landed(files, account=self._stack.plain.account)))

    async def _ask(self, record: dict[str, Any]) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # both were asked for as pipes
        assert stdout is not None
        stdin.write(json.dumps(record).encode() + b"\n")
        await stdin.drain()
        if not await stdout.readline():
            raise RuntimeError("the plain script ended; what it said stands above")
