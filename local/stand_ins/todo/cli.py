"""The command: a To Do service on loopback. It prints one line of JSON when it is ready.

Standard output has that line and nothing else; everything for people goes to standard error.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import EXAMPLE, parse_rule
from local.stand_ins.todo.secrets import Secrets, read_secrets
from local.stand_ins.todo.server import control_path, listen, origin_of, page_path, serving
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.state_directory import StateDirectory
from local.stand_ins.todo.switches import change, read_assignment
from local.stand_ins.todo.throttle import NO_LIMITS, PUBLISHED_LIMITS

_DESCRIPTION = "A Microsoft To Do emulator for upload sessions."
DEFAULT_MAILBOX = "sam@example.com"
DEFAULT_TOKEN = "local-token"  # noqa: S105 - an emulator's token opens nothing
DEFAULT_LIST, DEFAULT_TASK = "Tasks", "Receipts"
SECOND_LIST, SECOND_TASK = "Household", "Insurance"


def main(argv: Sequence[str]) -> int:
    """The command on its own: see `run`."""
    parser = argparse.ArgumentParser(prog="python -m local.stand_ins.todo", description=_DESCRIPTION)
    add_arguments(parser)
    return run(parser, parser.parse_args(argv))


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Run until a signal, or with --tether until standard input ends. Returns the exit status."""
    try:
        asyncio.run(_run(options))
    except (ValueError, OSError) as error:
        print(f"todo: {error}", file=sys.stderr)
        return 2
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.add_argument("--port", type=int, default=0, help="0, the default: a free one")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything in DIR across restarts")
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="NAME=TOKEN",
        help='a mailbox and its token; or JSON: {"upn": ..., "token": ..., "personal": true}',
    )
    parser.add_argument(
        "--behaviour",
        nargs="+",
        action="extend",
        default=[],
        metavar="SWITCH=VALUE",
        help="another reading of the documentation; local/stand_ins/todo/behaviour.py lists the switches",
    )
    parser.add_argument(
        "--limit",
        nargs="+",
        action="extend",
        default=[],
        metavar="LIMIT=VALUE",
        help="throttle; local/stand_ins/todo/throttle.py lists the limits",
    )
    parser.add_argument("--published-limits", action="store_true", help="throttle as Outlook's pages say")
    parser.add_argument(
        "--fault",
        nargs="+",
        action="extend",
        default=[],
        metavar="JSON",
        help=f"what goes wrong, when, how often, such as {EXAMPLE}; local/stand_ins/todo/faults.py lists the effects",
    )
    parser.add_argument("--seed", type=int, default=0, help="for faults with a probability")
    parser.add_argument(
        "--keep-content",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="without, an attachment is its SHA-256 and size only",
    )
    parser.add_argument("--tether", action="store_true", help="end when standard input does")


async def _run(options: argparse.Namespace) -> None:
    secrets = read_secrets()
    with listen(options.port) as listener:
        service = build_service(options, origin_of(listener))
        people = [{"upn": name, "token": token} for name, token in secrets.tokens.items()]
        ready = _furnish(service, secrets, people + [_read_token(text) for text in options.token])
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if options.tether:
            threading.Thread(target=_wait_for_end_of_input, args=(loop, stop), daemon=True).start()
        async with serving(service, listener, secrets):
            print(json.dumps(ready), flush=True)
            print(f"todo: listening on {service.root}", file=sys.stderr)
            await stop.wait()


def build_service(options: argparse.Namespace, root: str) -> TodoService:
    limits = PUBLISHED_LIMITS if options.published_limits else NO_LIMITS
    state = StateDirectory(options.data) if options.data else None
    service = TodoService(
        now=lambda: datetime.now(UTC),
        root=root,
        behaviour=change(DOCUMENTED, dict(map(read_assignment, options.behaviour))),
        limits=change(limits, dict(map(read_assignment, options.limit))),
        faults=list(map(parse_rule, options.fault)),
        keep_content=options.keep_content,
        keeper=state,
        generation=state.generation if state else 0,
        seed=options.seed,
    )
    if state:
        state.restore(service.store)
    return service


def _furnish(service: TodoService, secrets: Secrets, tokens: list[dict[str, Any]]) -> dict[str, Any]:
    """Give every mailbox two lists with a task each, unless it has lists. Returns the line that says it is ready."""
    mailboxes = [
        service.add_mailbox(each["upn"], each["token"], personal=bool(each.get("personal", False)))
        for each in tokens or [{"upn": DEFAULT_MAILBOX, "token": DEFAULT_TOKEN}]
    ]
    for mailbox in mailboxes:
        if not mailbox.lists:
            service.add_task(service.add_list(mailbox, DEFAULT_LIST, wellknown_name="defaultList"), DEFAULT_TASK)
            service.add_task(service.add_list(mailbox, SECOND_LIST), SECOND_TASK)
    first = mailboxes[0]
    task_list = first.default_list()
    return {
        "ready": True,
        "graph": f"{service.root}/v1.0",
        "control": service.root + control_path(secrets),
        "page": service.root + page_path(secrets),
        "user": first.upn,
        "list_id": task_list.id if task_list else "",
        "task_id": next(iter(task_list.tasks), "") if task_list else "",
        "token": first.tokens[0],
    }


def _read_token(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        upn, _, token = text.partition("=")
        if not upn or not token:
            raise ValueError(f"--token {text!r} is neither NAME=TOKEN nor JSON")
        return {"upn": upn, "token": token}
    described = json.loads(text)
    if not {"upn", "token"} <= set(described) <= {"upn", "token", "personal"}:
        raise ValueError("--token as JSON has upn, token and perhaps personal")
    return dict(described)


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not through sys.stdin: its lock, held by a thread while the interpreter ends, is a fatal error.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)
