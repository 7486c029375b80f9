"""Shows uploads as they go: a bar for each file at a terminal, plain lines elsewhere."""

import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from local.commands.follow import OnEntry
from local.commands.put import PutFile
from local.commands.wording import arrived, doing, utc_now
from shared.core.entry import Entry, Phase

_PIPE_WIDTH = 120


def terminal(*, stderr: bool) -> Console:
    """Standard output or error, with the terminal's own width; for a pipe or a file, one wide enough for our texts."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=_PIPE_WIDTH)


@contextmanager
def shown(console: Console) -> Iterator[OnEntry]:
    """Gives a function that is called with each file and its entry, again and again, and draws what has changed."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
        # A long text is cut off here: it must not take the room of the name and the bar.
        TextColumn(
            "{task.fields[doing]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
        ),
    )
    with _without_echo(), Progress(*columns, console=console, expand=True) as progress:
        yield _Bars(progress).show


@contextmanager
def _without_echo() -> Iterator[None]:
    """Do not show what is typed: an echoed ^C or Enter moves the cursor, and the bars would be drawn a second time."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    quiet = termios.tcgetattr(keyboard)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def show(self, file: PutFile, entry: Entry | None) -> None:
        if file.upload_id not in self._bars:
            # An empty file gets a length of 1, or its bar would never fill.
            self._bars[file.upload_id] = self._progress.add_task(_short(file.name), total=max(file.size, 1), doing="")
        there = entry.offset if entry is not None else 0
        if entry is not None and entry.phase is Phase.ATTACHED:
            there = max(file.size, 1)
        self._progress.update(self._bars[file.upload_id], completed=there, doing=_words(entry))
        if entry is not None and entry.phase.is_terminal:
            self._progress.stop_task(self._bars[file.upload_id])


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, str] = {}

    def show(self, file: PutFile, entry: Entry | None) -> None:
        words = _words(entry)
        if entry is not None and entry.phase is Phase.SENDING:
            words += f"; {arrived(entry)} arrived"
        if self._said.get(file.upload_id) != words:
            self._said[file.upload_id] = words
            self._console.print(f"{file.name}: {words}", markup=False, highlight=False, soft_wrap=True)


def _words(entry: Entry | None) -> str:
    if entry is not None and entry.phase.is_terminal:
        return str(entry.phase)
    return doing(entry, now=utc_now())


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:14]}…{name[-9:]}"
