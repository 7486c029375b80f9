"""Runs the scripts of scripts/ against the recording stand-in for `az`."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.infra.tools import ROOT

type Answer = tuple[int, str, str]
FUNCTIONS = ("open_upload", "send_range", "park_range", "reopen_upload", "sweep", "connect", "connected", "disconnect")


def ok(text: str = "") -> Answer:
    return (0, text + "\n" if text else "", "")


def error(text: str) -> Answer:
    return (1, "", f"ERROR: {text}\n")


def tags(**values: str) -> Answer:
    inside = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in values.items())
    return ok(f"<?xml version='1.0'?><Tags><TagSet>{inside}</TagSet></Tags>")


OUTPUTS = [
    "func-app",
    "staccount",
    "attachments",
    "dead-letters",
    "upload-ranges",
    "webjobs-blobtrigger-poison",
    "ledger",
    "evgt-topic",
    "kv-vault",
    "/subscriptions/0/identity",
    "https://staccount.blob.core.windows.net/",
    "",  # no registration yet
    "https://func-app.azurewebsites.net/api",
]
CLIENT = "0f000000-0000-4000-8000-000000000001"
WITH_SIGN_IN = [each or CLIENT for each in OUTPUTS]
HEALTHY: dict[str, list[Answer]] = {
    "account show": [ok("Sub  0000")],
    "group exists": [ok("true")],
    "ad signed-in-user show": [ok("11111111-2222-3333-4444-555555555555")],
    "functionapp list": [ok("func-app")],
    "deployment group create *infra/main.bicep": [ok("\n".join(OUTPUTS))],
    "functionapp function list": [ok("\n".join(f"func-app/{each}" for each in FUNCTIONS))],
    "functionapp keys list": [ok("true")],
    "rest *comp=tags": [tags(todo_state="rejected", todo_reason="metadata: names no task")],
}


@dataclass
class Run:
    """What a script did: its exit code, what it said, and every call of `az`."""

    code: int
    said: str
    calls: list[list[str]]

    def did(self, words: str) -> list[list[str]]:
        wanted = words.split()
        return [call for call in self.calls if call[: len(wanted)] == wanted]


@dataclass
class Azure:
    """A pretended Azure: healthy, but for what a test changes with `answer`."""

    home: Path
    answers: dict[str, list[Answer]] = field(default_factory=lambda: dict(HEALTHY))

    def answer(self, words: str, *answers: Answer) -> None:
        """From now on, calls that begin with *words* (and, after a `*`, contain the rest) are answered so, in turn."""
        self.answers.pop(words, None)
        self.answers[words] = list(answers)

    def run(self, script: str, *arguments: str, typed: str = "", fails_at: int = -1) -> Run:
        """*fails_at*: after how many calls of `az` one fails for good."""
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "bin").mkdir(parents=True)
        az = self.home / "bin/az"
        az.write_text(f"#!{sys.executable} -ES\n" + Path(__file__).with_name("fake_az.py").read_text(encoding="utf-8"))
        az.chmod(0o755)
        scenario = [(_words(words), answers) for words, answers in self.answers.items()]
        (self.home / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
        environ = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "FAKE_AZ_HOME": str(self.home),
            "FAKE_AZ_FAILS_AT": str(fails_at),
            "TODO_ATTACH_PAUSE_SECONDS": "0",
        }
        done = subprocess.run(
            [ROOT / "scripts" / script, *arguments],
            env=environ,
            input=typed,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        log = self.home / "calls.jsonl"
        calls = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        return Run(done.returncode, done.stdout, calls)


def _words(text: str) -> list[str]:
    head, star, rest = text.partition(" *")
    return [*head.split(), *([f"*{rest}"] if star else [])]
