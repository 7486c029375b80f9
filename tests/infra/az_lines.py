"""Finds the `az` command lines in documents, scripts and workflows, and asks the Azure CLI's parser about them."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.infra.tools import ROOT, az_environment

PYTHON = ROOT / ".venv-az/bin/python"
CACHE = ROOT / ".local/az-parser.json"


@dataclass(frozen=True, slots=True)
class Line:
    """One command line, as its words after `az`."""

    file: str
    number: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: az {' '.join(self.words)}"


def sources() -> list[Path]:
    """Everything that shows somebody an `az` command."""
    found = [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("scripts/*"),
        *ROOT.glob(".github/workflows/*.yml"),
        *ROOT.glob("infra/**/*.bicep*"),
    ]
    return sorted(path for path in found if path.is_file())


def lines_of(path: Path) -> Iterator[Line]:
    """The command lines in *path*: those that are run, and those that are told to people."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    text = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(text, 1):
        for command in (*_run(text, number - 1), *_told(line)):
            yield Line(name, number, tuple(_words(command)))


_RUN = re.compile(r"(?:^\s*(?:\$ |- run: |run: )?|\$\(|[=(]\()(az [a-z].*)")
_TOLD = re.compile(r"""(?:`|: |and try: |^//\s+)(az [a-z][^`"]*)""")


def _run(text: Sequence[str], index: int) -> Iterator[str]:
    """A command that stands in line *index*, with the lines that a backslash or an open quote continues it on."""
    found = _RUN.search(text[index])
    if not found:
        return
    command = found[1]
    for line in text[index + 1 :]:
        if command.endswith("\\"):
            command = f"{command[:-1]} {line.strip()}"
        elif _is_open(command):
            command = f"{command} {line.strip()}"
        else:
            break
    yield command


def _told(line: str) -> Iterator[str]:
    if not _RUN.search(line):
        yield from _TOLD.findall(line)


def _is_open(command: str) -> bool:
    """Whether a quote is still open at the end."""
    try:
        list(_lexer(command))
    except ValueError:
        return True
    return False


def _lexer(command: str) -> Iterator[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=");<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    yield from lexer


def _words(command: str) -> list[str]:
    """The words after `az`, up to where the command ends; whatever a shell would fill in becomes a stand-in.

    A whole array is an option's values, or options of its own; the latter are checked where a script has been run.
    """
    command = re.sub(r'(--[\w-]+ )"\$\{\w+\[@\]\}"', r"\1value", command)
    command = re.sub(r'"\$\{\w+\[@\]\}"', "", command)
    command = re.sub(r"\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|<[a-zA-Z -]+>", "value", command)
    words: list[str] = []
    try:
        for word in _lexer(command):
            if set(word) <= set(");<>|&}"):
                break
            words.append(word)
    except ValueError:  # a quote that the surrounding text closes: the command ended there
        pass
    return [word for word in words[1:] if word != "2"]


def complaints(lines: Sequence[Sequence[str]]) -> list[str]:
    """What the Azure CLI's own parser says about each line: '' for nothing. Kept for as long as the CLI is the same."""
    version = az_environment().read_text(encoding="utf-8")
    kept: dict[str, str] = {}
    if CACHE.exists():
        stamp, kept = json.loads(CACHE.read_text(encoding="utf-8"))
        kept = kept if stamp == version else {}
    with tempfile.TemporaryDirectory() as scratch:
        stand_in = Path(scratch) / "file.json"
        stand_in.write_text("{}", encoding="utf-8")
        unknown = [line for line in lines if _key(line) not in kept]
        asked = [[_existing(word, stand_in) for word in line] for line in unknown]
        answers = _ask(asked) if asked else []
    kept |= {_key(line): said for line, said in zip(unknown, answers, strict=True)}
    CACHE.parent.mkdir(exist_ok=True)
    CACHE.write_text(json.dumps([version, kept]), encoding="utf-8")
    return ["" if _is_mention(line, kept[_key(line)]) else kept[_key(line)] for line in lines]


def understood(calls: Sequence[Sequence[str]]) -> dict[str, str]:
    """What the parser has against calls that a script really made: nothing, if all is well."""
    distinct = [list(call) for call in dict.fromkeys(tuple(call) for call in calls)]
    return {" ".join(call): said for call, said in zip(distinct, complaints(distinct), strict=True) if said}


def _key(line: Sequence[str]) -> str:
    return "\0".join("/tmp/file" if word.startswith(tempfile.gettempdir()) else word for word in line)


def _ask(asked: Sequence[Sequence[str]]) -> list[str]:
    answer = subprocess.run(
        [PYTHON, "-W", "ignore", Path(__file__).with_name("az_parser.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        # Its hundreds of modules are compiled once, whatever the environment says: setup-checks leaves that to us.
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    )
    found: list[str] = json.loads(answer.stdout)
    return found


def _is_mention(line: Sequence[str], said: str) -> bool:
    """Prose names a command without its arguments: then it only has to exist."""
    return said.startswith("the following arguments are required") and not any(word.startswith("-") for word in line)


def _existing(word: str, stand_in: Path) -> str:
    """The parser opens files that some arguments name: one that does not exist becomes one that does."""
    if word.startswith("@"):
        return f"@{stand_in}"
    is_file = word.endswith((".json", ".zip", ".txt", ".pdf")) and "=" not in word
    return str(stand_in) if is_file and not Path(word).exists() else word
