"""Every command that a document shows is one that the program takes, and every command that there is has its line."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local import __main__ as command_line
from local.commands import exit_codes
from tests.support.documents import ROOT, markdown_files, section

README = ROOT / "README.md"
LOCAL_STACK = ROOT / "docs/local-stack.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(path: Path) -> Iterator[list[str]]:
    """The words of each command line in the fences of *path* that are a shell's, without settings before it."""
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield words


def shown(*begins: str) -> list[list[str]]:
    """What follows *begins* in every command of every document that has it."""
    found = [words for path in DOCUMENTS for words in commands(path)]
    return [words[len(begins) :] for words in found if tuple(words[: len(begins)]) == begins]


ON_THIS_MACHINE = shown(".venv/bin/python", "-m", "local")
SCRIPTS = [words for path in DOCUMENTS for words in commands(path) if words[0].startswith("scripts/")]
PYTHON_SCRIPTS = [words for words in shown(".venv/bin/python") if words[0].startswith("scripts/")]


def test_the_documents_are_all_looked_at() -> None:
    assert set(DOCUMENTS) <= set(markdown_files())
    assert len(ON_THIS_MACHINE) > 8
    assert len(SCRIPTS) > 8


@pytest.mark.parametrize("words", ON_THIS_MACHINE, ids=" ".join)
def test_a_command_of_the_local_stack_is_one_that_it_takes(words: list[str]) -> None:
    parser, command = command_line._parser(words[0], command_line._module(words[0]))
    assert command is not None
    assert parser.parse_args(words).command == words[0]


@pytest.mark.parametrize("words", [*SCRIPTS, *PYTHON_SCRIPTS], ids=" ".join)
def test_an_option_of_a_script_stands_in_its_help(words: list[str]) -> None:
    told = help_of(words[0])
    assert [word for word in words[1:] if word.startswith("--") and not re.search(rf"{word}\b", told)] == []


@cache
def help_of(script: str) -> str:
    interpreter = [str(ROOT / ".venv/bin/python")] if script.endswith(".py") else []
    done = subprocess.run([*interpreter, ROOT / script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("words", shown("make"), ids=" ".join)
def test_a_target_of_make_exists(words: list[str]) -> None:
    assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_command_of_the_local_stack_has_its_line() -> None:
    told = re.findall(r"^\| `(\w+)[^|]*` \|", section(LOCAL_STACK, "## Commands"), re.MULTILINE)
    assert told == list(command_line._COMMANDS)


def test_every_exit_status_of_the_help_has_its_line() -> None:
    told = re.findall(r"^\| (\d+) \|", section(LOCAL_STACK, "## Commands"), re.MULTILINE)
    assert told == re.findall(r"^ +(\d+) +", exit_codes.TEXT, re.MULTILINE)


def test_the_readme_s_two_commands_come_first() -> None:
    """A newcomer needs nothing else to see it run."""
    assert [words[:2] for words in commands(README)][:2] == [["make", "demo"], ["make", "test"]]


def test_the_readme_names_the_real_core_tools_and_so_does_the_help() -> None:
    assert "--host func" in README.read_text(encoding="utf-8")
    _, up = command_line._parser("up", command_line._module("up"))
    assert up is not None
    assert "Core Tools" in up.format_help()
