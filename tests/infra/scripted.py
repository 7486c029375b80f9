"""Runs the scripts of scripts/ against the recording stand-in for `az`."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.package import hashed, sources
from tests.infra.fake_az import Answer, FakeAz, serving
from tests.infra.tools import ROOT

FUNCTIONS = (
    "open_upload",
    "send_range",
    "park_range",
    "reopen_upload",
    "sweep",
    "catch_up",
    "connect",
    "connected",
    "disconnect",
    "files",
    "files_action",
)


def ok(text: str = "") -> Answer:
    return (0, text + "\n" if text else "", "")


def error(text: str) -> Answer:
    return (1, "", f"ERROR: {text}\n")


def tags(**values: str) -> Answer:
    inside = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in values.items())
    return ok(f"<?xml version='1.0'?><Tags><TagSet>{inside}</TagSet></Tags>")


# In the order in which scripts/steps.sh asks for them.
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
    "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id",
    "1d000000-0000-4000-8000-000000000001",
    "https://staccount.blob.core.windows.net/",
    "None",  # no registration yet; an empty output comes as an empty line, one that is missing as None
    "https://func-app.azurewebsites.net/api",
    "log-workspace",
    "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Insights/scheduledQueryRules/alert-silent-x",
]
CLIENT = "0f000000-0000-4000-8000-000000000001"
WITH_SIGN_IN = [CLIENT if each == "None" else each for each in OUTPUTS]
SCOPE = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/staccount"
GIVEN = f"{SCOPE}/providers/Microsoft.Authorization/roleAssignments/given"
ASSIGNMENT = {
    "id": GIVEN,
    "scope": SCOPE,
    "principalId": "p-1",
    "principalName": "the app",
    "roleDefinitionName": "Storage Blob Data Owner",
    "roleDefinitionId": "/roles/1",
}


def parameters(**values: object) -> Answer:
    """What `az bicep build-params --stdout` prints of a parameter file with these *values*."""
    inner = {"parameters": {name: {"value": value} for name, value in values.items()}}
    return ok(json.dumps({"parametersJson": json.dumps(inner), "templateJson": "{}"}))


def package_hash() -> str:
    """Of the package that scripts/package.py makes of this checkout, for a build in Azure."""
    return hashed(sources(ROOT))


def heartbeat(package: str = "", at: str = "2026-11-28T03:00:00Z", version: str = "0.1.0") -> Answer:
    return ok("\n".join([package or package_hash(), at, version]))


EXAMPLE = parameters(prefix="todoattach", defaultAccount="someone@example.com", senderPrincipalIds=[], alertEmail="")
HEALTHY: dict[str, list[Answer]] = {
    "account show": [ok("Sub  0000")],
    "account get-access-token": [ok("t0ken-of-azure")],
    "group exists": [ok("true")],
    "bicep build-params": [EXAMPLE],
    "ad signed-in-user show": [ok("11111111-2222-3333-4444-555555555555")],
    "functionapp list": [ok("func-app")],
    "functionapp show": [ok("func-app.scm.azurewebsites.net")],
    "deployment group list": [ok("todo-attach")],
    "deployment group list *correlationId": [ok(GIVEN)],
    "deployment group show": [ok("\n".join(OUTPUTS))],
    "deployment group show *[silentAlertId.value]": [ok(OUTPUTS[-1])],
    "rest *scheduledQueryRules/alert-silent-x": [ok("true")],
    "deployment group show *properties.correlationId": [ok("correlation")],
    "deployment group create *infra/names.json": [ok("kv-todoatt-abcdefghijklm")],
    "functionapp function list": [ok("\n".join(f"func-app/{each}" for each in FUNCTIONS))],
    "functionapp keys list": [ok("true")],
    "eventgrid system-topic event-subscription show": [ok("Succeeded")],
    "storage entity show": [heartbeat()],
    "role assignment list": [ok(json.dumps([ASSIGNMENT]))],
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
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> Path:
        """Where the scripts keep good packages. Survives a run, as the machine of a person who deploys does."""
        return self.home.with_name("packages")

    def answer(self, words: str, *answers: Answer) -> None:
        """From now on, calls that begin with *words* (and, after a `*`, contain the rest) are answered so, in turn."""
        self.answers.pop(words, None)
        self.answers[words] = list(answers)

    def run(self, script: str, *arguments: str, typed: str = "", fails_at: int = -1) -> Run:
        """*fails_at*: after how many calls of `az` one fails for good."""
        shutil.rmtree(self.home, ignore_errors=True)
        fake = FakeAz(self.home, self.answers, fails_at)
        with serving(fake, self.home / "bin") as address:
            done = self._run(script, arguments, typed, address)
        return Run(done.returncode, done.stdout, fake.calls)

    def _run(
        self, script: str, arguments: tuple[str, ...], typed: str, address: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "TODO_ATTACH_PAUSE_SECONDS": "0",
            "TODO_ATTACH_PACKAGES": str(self.packages),
            **address,
            **self.environment,
        }
        # The scripts are for the bash of macOS too, which is 3.2: TODO_ATTACH_BASH names another one to try.
        bash = [os.environ["TODO_ATTACH_BASH"]] if "TODO_ATTACH_BASH" in os.environ else []
        return subprocess.run(
            [*bash, ROOT / "scripts" / script, *arguments],
            cwd=ROOT,
            env=environ,
            input=typed,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
