"""Azure Functions Core Tools behind the command line of the stand-in for the host: `python -m local.stack.core_tools`.

It has the same options except `--lease` (a real host's lease is always ten minutes), writes the same lines of JSON, and
ends with its parent in the same way. So a stack runs on either, and does not know which.

Core Tools check no key without `--enableAuth`, and listen on every address of this machine.

    *Not seen*: this was never run with real Core Tools. tests/local/test_core_tools.py runs it with a program that has
    their command line, and that starts the stand-in.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import threading
import urllib.error
import urllib.request
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.stack.known_ports import free_port
from local.stack.plan import CORE_TOOLS
from local.stand_ins.functions.event_stream import EventStream

_DEPLOYED = ("function_app.py", "host.json", "requirements.txt", "shared")
_TETHER = Path(__file__).with_name("tether.py")
_LOOK_SECONDS = 0.5
_LONGEST_LINE = 16 * 1024 * 1024
_STAMP = re.compile(r"\[[^\]]*Z\] ?")
_SERIOUS = re.compile(r"\b(error|exception|fail(ed|ure)?|warning)\b", re.IGNORECASE)
# Core Tools are on this machine, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main(arguments: Sequence[str]) -> int:
    """Returns 0 where Core Tools ended because they were asked to; else their own status, or 1."""
    parser = argparse.ArgumentParser(prog="python -m local.stack.core_tools", description=__doc__.partition("\n")[0])
    parser.add_argument("--app", type=Path, required=True, metavar="DIR", help="the directory of function_app.py")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument("--tether", action="store_true", help="end when stdin reaches its end")
    parser.add_argument("--drain-seconds", type=float, default=10.0, metavar="S", help="how long Core Tools may end")
    options = parser.parse_args(arguments)
    events = EventStream()
    try:
        with TemporaryDirectory(prefix="todo-attach-app-") as directory:
            lay_out(options.app.resolve(), Path(directory))
            return asyncio.run(_CoreTools(options, Path(directory), events).live())
    finally:
        events.close()


def lay_out(app: Path, directory: Path) -> None:
    """Link what is deployed of *app* into *directory*, and write settings there that name only the language.

    Core Tools take every setting of local.settings.json that the environment does not have. A checkout may have such a
    file with the settings of a real deployment, which must not get into this stack.
    """
    for name in _DEPLOYED:
        (directory / name).symlink_to(app / name)
    settings = {"IsEncrypted": False, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}
    (directory / "local.settings.json").write_text(json.dumps(settings))


def environment(app: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The stack's settings, with those for Core Tools: which Python to use, and to show the worker's log lines."""
    levels = json.loads((app / "host.json").read_text())["logging"]["logLevel"]
    override = "AzureFunctionsJobHost__logging__logLevel__"
    shown = {f"{override}{category}": "Information" for category in levels if category.endswith(".User")}
    python = Path(sys.executable)
    return {
        **inherited,
        **shown,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
        "languageWorkers__python__defaultExecutablePath": str(python),
        "VIRTUAL_ENV": str(python.parent.parent),
        "PATH": f"{python.parent}{os.pathsep}{inherited.get('PATH', '')}",
        # Otherwise the id is made of the directory, which is new at each start, and so would be the queue of blob
        # events.
        "AzureFunctionsWebHost__hostid": inherited.get("AzureFunctionsWebHost__hostid", "todo-attach-local"),
    }


def event_of(line: str) -> dict[str, str]:
    """A line of Core Tools, in the form of the stand-in's events."""
    text = _STAMP.sub("", line, count=1).strip()
    if text.startswith('{"event"'):
        return {"level": "INFO", "logger": "todo_attach", "message": text}
    return {"level": "WARNING" if _SERIOUS.search(text) else "INFO", "logger": CORE_TOOLS, "message": text}


class _CoreTools:
    """One run of Core Tools."""

    def __init__(self, options: argparse.Namespace, directory: Path, events: EventStream) -> None:
        self._options = options
        self._directory = directory
        self._events = events
        self._port: int = options.port or free_port()
        self._root = f"http://127.0.0.1:{self._port}"

    async def live(self) -> int:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked.set)
        if self._options.tether:
            _when_stdin_ends(lambda: loop.call_soon_threadsafe(asked.set))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_TETHER), "--", CORE_TOOLS, "start", "--port", str(self._port)),
            cwd=self._directory,
            env=environment(self._directory, os.environ),
            stdin=PIPE,  # only this process holds the other end: Core Tools end with it, however it dies
            stdout=PIPE,
            stderr=STDOUT,
            limit=_LONGEST_LINE,
        )
        tasks = [asyncio.create_task(work) for work in (self._relay(process), self._announce())]
        ended, told = asyncio.create_task(process.wait()), asyncio.create_task(asked.wait())
        await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
        by_itself = ended.done()
        if not by_itself:
            await self._end(process)
        await asyncio.wait(tasks[:1], timeout=1)
        for task in (*tasks, told):
            task.cancel()
        if by_itself:
            self._events.emit("host_ended", reason=f"Core Tools ended with status {process.returncode}")
            return process.returncode or 0
        self._events.emit("drained")
        return 0

    async def _end(self, process: Process) -> None:
        self._events.emit("draining")
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self._options.drain_seconds):
                await process.wait()
        except TimeoutError:
            self._events.emit("stopped_hard")
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _relay(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for as a pipe
        while data := await process.stdout.readline():
            line = data.decode(errors="replace").rstrip()
            if line:
                self._events.emit("log", function=None, invocation_id=None, **event_of(line))

    async def _announce(self) -> None:
        """Say that the host is ready once it runs and has functions: "Running" alone does not prove that it has any."""
        while True:
            functions = await asyncio.to_thread(self._functions)
            if functions:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        webhook = f"{self._root}/runtime/webhooks/blobs?functionName=Host.Functions."
        self._events.ready(
            url=self._root,
            functions=sorted(functions),
            disabled=[],
            blob_webhooks={name: f"{webhook}{name}" for name, kinds in functions.items() if "blobTrigger" in kinds},
            lease_seconds=600,
            pid=os.getpid(),
            worker_pid=0,  # Core Tools do not say
        )

    def _functions(self) -> dict[str, set[str]]:
        """Each function's name, and the kinds of its bindings; nothing while the host does not run."""
        try:
            if self._get("/admin/host/status").get("state") != "Running":
                return {}
            listed = self._get("/admin/functions")
        except (OSError, ValueError, urllib.error.URLError):
            return {}
        return {each["name"]: {binding["type"] for binding in each["config"]["bindings"]} for each in listed}

    def _get(self, path: str) -> Any:
        with _OPENER.open(self._root + path, timeout=5) as answer:
            return json.load(answer)


def _when_stdin_ends(ended: Callable[[], object]) -> None:
    def watch() -> None:
        # Not through sys.stdin: a thread that holds its lock while the interpreter ends is a fatal error.
        while os.read(0, 4096):
            pass
        ended()

    threading.Thread(target=watch, name="tether", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
