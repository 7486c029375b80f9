"""`python -m local COMMAND`: the embedded stack from a terminal."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence

_USAGE = """\
usage: python -m local COMMAND [...]

  demo      attach real files on a stack of its own, and show that they arrived byte for byte
  up        start everything and keep it running until Ctrl-C
  attach    attach files to a task: on the stack that runs, or on one for the time being
  status    what is under way, what it waits for, and how the last uploads ended
  todo      the To Do emulator alone

Each has its own --help. Everything listens on 127.0.0.1 only."""

_MODULES = {
    "demo": "local.commands.demo",
    "up": "local.commands.up",
    "attach": "local.commands.attach",
    "status": "local.commands.status",
    "todo": "local.stand_ins.todo.cli",
}


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 where all went as asked, 2 where nothing could be begun, 130 after Ctrl-C."""
    if os.name != "posix":
        print("todo-attach: the embedded stack needs Linux, macOS or WSL", file=sys.stderr)
        return 2
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(_USAGE)
        return 0 if arguments else 2
    if arguments[0] not in _MODULES:
        print(f"todo-attach: there is no command {arguments[0]!r}\n\n{_USAGE}", file=sys.stderr)
        return 2
    try:
        # Only the one that is asked for: some of them import much.
        command: Callable[[Sequence[str]], int] = importlib.import_module(_MODULES[arguments[0]]).main
        return command(arguments[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
