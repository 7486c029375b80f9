"""A supervised child: it is started again when it dies, with growing pauses, where that loses nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from local.stack.child import Child, ChildFailed

# A child that lived this long had started well: if it dies, the pauses begin again with the shortest.
WELL_AFTER_SECONDS = 30.0
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


class Supervised:
    """One child at a time, each made by *launch*. *report* gets a text for each death and each new start.

    `failed` is set when the child is given up: at its first death where it is not *restartable*, since its data are
    lost with it, and otherwise when several starts in a row have failed.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], Awaitable[Child]],
        *,
        restartable: bool,
        report: Callable[[str], None],
    ) -> None:
        self._name = name
        self._launch = launch
        self._restartable = restartable
        self._report = report
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[ChildFailed] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """The id of the child that runs; 0 while none does."""
        return self._child.pid if self._child is not None else 0

    async def start(self) -> None:
        """Start the first child. Raises ChildFailed."""
        self._child = await self._launch()
        self._keeper = asyncio.create_task(self._keep(self._child))

    async def end(self, grace_seconds: float) -> bool:
        """End the child, if there is one. Returns whether it ended by itself, with status 0."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        return await self._child.end(grace_seconds) if self._child is not None else True

    async def _keep(self, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        pauses = self._pauses()
        while True:
            born = clock()
            status = await child.exited()
            self._child = None
            # A host that ended by itself, with status 0, is started again for ever, as the platform does.
            if status == 0 or clock() - born > WELL_AFTER_SECONDS:
                pauses = self._pauses()
            failure = child.failure(self._obituary(status))
            while self._child is None:
                pause = next(pauses, None)
                if pause is None:
                    self.failed.set_result(failure)
                    return
                self._report(f"{failure}\n  {self._name} is started again in {pause:g} s")
                await asyncio.sleep(pause)
                try:
                    self._child = child = await self._launch()
                except ChildFailed as error:
                    failure = error
            self._report(f"{self._name} runs again (process {child.pid})")

    def _pauses(self) -> Iterator[float]:
        return iter(_PAUSES_SECONDS if self._restartable else ())

    def _obituary(self, status: int) -> str:
        died = f"died with signal {-status}" if status < 0 else f"died with status {status}"
        return died if self._restartable else f"{died}, and with it what it had in memory"
