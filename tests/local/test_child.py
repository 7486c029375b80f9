import asyncio
import os
import sys
from collections.abc import Callable

import pytest

from local.stack import supervised
from local.stack.child import Child, ChildFailed, Command
from local.stack.supervised import Supervised
from tests.local.processes import wait_for_end_of


def python(code: str, *, on_output: Callable[[str], None] = lambda _: None, held: tuple[int, ...] = ()) -> Command:
    return Command(name="the child", arguments=[sys.executable, "-c", code], on_output=on_output, held=held)


# Ends well when it is asked to.
_POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("not yet")
print("ready 42", flush=True)
time.sleep(600)
"""


def first_word(line: str) -> str | None:
    return line.removeprefix("ready ") if line.startswith("ready ") else None


async def started(command: Command, *, within_seconds: float = 30.0) -> tuple[Child, str]:
    return await Child.start(command, first_word, within_seconds=within_seconds)


def test_a_child_is_started_when_it_says_so() -> None:
    async def scenario() -> None:
        child, word = await started(python(_POLITE))
        assert word == "42"
        assert await child.end(10)
        wait_for_end_of({child.pid})

    asyncio.run(scenario())


def test_lines_after_readiness_are_passed_on() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        child, _ = await started(python("print('early\\nready 1\\nlate', flush=True)", on_output=heard.append))
        assert await child.exited() == 0
        assert heard == ["late"]

    asyncio.run(scenario())


def test_a_child_that_dies_early_is_quoted() -> None:
    async def scenario() -> None:
        with pytest.raises(ChildFailed) as caught:
            await started(python("import sys; sys.exit('no disk')"))
        assert str(caught.value) == "the child ended before it was ready\n  | no disk"

    asyncio.run(scenario())


def test_a_child_that_never_gets_ready_is_ended() -> None:
    async def scenario() -> None:
        with pytest.raises(ChildFailed, match=r"was not ready within 0.5 s"):
            await started(python("input()"), within_seconds=0.5)

    asyncio.run(scenario())


def test_a_program_that_is_not_there_is_named() -> None:
    async def scenario() -> None:
        with pytest.raises(ChildFailed, match="cannot be started: No such file"):
            await started(Command(name="it", arguments=["/no/such/program"]))

    asyncio.run(scenario())


def test_a_deaf_child_is_killed_with_what_it_started() -> None:
    code = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", grandchild.pid, flush=True)
time.sleep(600)
"""

    async def scenario() -> None:
        child, grandchild = await started(python(code))
        assert not await child.end(0.1)
        wait_for_end_of({child.pid, int(grandchild)})

    asyncio.run(scenario())


def test_what_a_child_holds_stays_open_until_it_ends() -> None:
    async def scenario() -> None:
        reading, writing = os.pipe()
        child, _ = await started(python("print('ready 1', flush=True); input()", held=(writing,)))
        os.close(writing)
        await child.kill()
        assert os.read(reading, 1) == b""
        os.close(reading)

    asyncio.run(scenario())


def test_a_supervised_child_is_started_again() -> None:
    async def scenario() -> None:
        told: list[str] = []
        pids: list[int] = []
        again = asyncio.Event()

        async def launch() -> Child:
            child, _ = await started(python(_POLITE))
            pids.append(child.pid)
            if len(pids) == 2:
                again.set()
            return child

        sturdy = Supervised("it", launch, restartable=True, report=told.append)
        await sturdy.start()
        os.kill(pids[0], 9)
        await asyncio.wait_for(again.wait(), 30)
        assert "died with signal 9" in told[0]
        assert "it is started again in 0.5 s" in told[0]
        assert await sturdy.end(10)
        wait_for_end_of(set(pids))

    asyncio.run(scenario())


def test_a_child_that_dies_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "_PAUSES_SECONDS", (0.0, 0.0))

    async def scenario() -> None:
        told: list[str] = []

        async def launch() -> Child:
            if told:
                raise ChildFailed("it has no disk")
            child, _ = await started(python("print('ready 1', flush=True)"))
            return child

        sickly = Supervised("it", launch, restartable=True, report=told.append)
        await sickly.start()
        assert str(await asyncio.wait_for(sickly.failed, 30)) == "it has no disk"
        assert len(told) == 2
        assert await sickly.end(10)

    asyncio.run(scenario())


def test_a_child_that_holds_its_data_in_memory_is_given_up() -> None:
    async def scenario() -> None:
        async def launch() -> Child:
            child, _ = await started(
                python("print('ready 1', flush=True); import os; os.write(2, b'out of luck'); raise SystemExit(3)")
            )
            return child

        forgetful = Supervised("it", launch, restartable=False, report=lambda _: None)
        await forgetful.start()
        failure = await asyncio.wait_for(forgetful.failed, 30)
        assert "died with status 3, and with it what it had in memory" in str(failure)
        assert "out of luck" in str(failure)
        assert await forgetful.end(10)

    asyncio.run(scenario())
