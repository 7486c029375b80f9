"""Every script, at the keyboard: its help, a missing tool, an old bash."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.scripted import Azure, ok
from tests.infra.tools import ROOT

LIBRARIES = {"lib.sh", "steps.sh"}  # sourced, never run
RUN = sorted(path.name for path in (ROOT / "scripts").glob("*.sh") if path.name not in LIBRARIES)
SETUP = ("lock", "mutants", "setup-browser", "setup-checks", "../setup")
PROGRAMS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", [*RUN, *PROGRAMS, *SETUP])
def test_help_helps_and_does_nothing_else(script: str, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in ROOT.iterdir() if path.is_file()}
    command = (
        [ROOT / ".venv/bin/python", ROOT / "scripts" / script] if script in PROGRAMS else [ROOT / "scripts" / script]
    )
    done = subprocess.run(
        [*command, "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert script in SETUP or script in done.stdout
    assert len(done.stdout.splitlines()) > 1
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in ROOT.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("script", RUN)
@pytest.mark.parametrize("argument", ["--colour", "surplus"])
def test_what_a_script_does_not_know_is_named_with_its_usage(script: str, argument: str, tmp_path: Path) -> None:
    run = Azure(tmp_path / "home").run(script, argument)
    assert run.code == 1
    assert argument in run.said
    assert "usage: " in run.said
    assert run.calls == []


TALKS_TO_AZURE = {
    "connect-entra.sh": ("--resource-group", "rg"),
    "deploy.sh": ("--resource-group", "rg"),
    "destroy.sh": ("--resource-group", "rg"),
    "doctor.sh": ("--resource-group", "rg"),
    "outcome.sh": ("--account", "a", "--name", "b"),
    "rotate-webhook-key.sh": ("--resource-group", "rg"),
}


@pytest.mark.parametrize("script", TALKS_TO_AZURE)
def test_a_missing_azure_cli_is_said_in_words(script: str) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / script, *TALKS_TO_AZURE[script]],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]},
    )
    assert done.returncode == 1
    assert "the command az was not found. Install the Azure CLI" in done.stderr


# What bash 3.2, which is what macOS has, does not know.
NEWER = {
    r"\bmapfile\b|\breadarray\b": "reads lines into an array",
    r"\bdeclare -[A-Za-z]*A|\blocal -[A-Za-z]*[An]|\bdeclare -n": "associative arrays and references",
    r"\$\{\w+(\[[^]]*\])?(\^|,)": "changes capitals",
    r"\$\{\w+@\w\}": "transforms",
    r"&>>|\|&": "redirects both",
    r";;&|;&(\s|$)": "falls through",
    r"\bcoproc\b|\bshopt -s (globstar|lastpipe|inherit_errexit)": "options and words of bash 4",
    r"printf '%\(": "prints times",
    r"\$\{\w+\[-1\]\}|\$\{\w+: -": "counts from the end",
    r"\bEPOCHSECONDS\b|\bBASHPID\b": "variables of bash 4 and 5",
    r"\bwait -n\b|\[\[ -v ": "more of bash 4",
}


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_a_script_is_for_the_bash_of_macos_too(script: Path) -> None:
    text = re.sub(r"(?m)^\s*#.*$", "", script.read_text(encoding="utf-8"))
    assert {why: re.findall(pattern, text) for pattern, why in NEWER.items() if re.search(pattern, text)} == {}


@pytest.mark.parametrize("line", ["mapfile -t a", "x=${y,,}", "declare -A m", "a &>> b", "echo ${a[-1]}"])
def test_a_seeded_novelty_is_seen(line: str) -> None:
    assert any(re.search(pattern, line) for pattern in NEWER)


def test_a_file_of_the_local_stack_is_asked_for_there(tmp_path: Path) -> None:
    run = Azure(tmp_path / "home").run("outcome.sh", "--local", "--name", "a.pdf", "--state", str(tmp_path))
    assert run.code == 1
    assert f"no stack runs in {tmp_path}" in run.said
    assert run.calls == []


# -- the workflow's rollback --


def artifacts(*rows: tuple[str, str, str]) -> str:
    return "\n".join("\t".join(row) for row in rows)


def test_the_workflow_goes_back_to_the_newest_good_package_that_is_not_the_last_one(tmp_path: Path) -> None:
    azure = Azure(tmp_path / "home")
    azure.answer(
        "gh api",
        ok(
            artifacts(
                ("2026-11-01T00:00:00Z", "published-aaa", "1"),
                ("2026-11-01T01:00:00Z", "good-aaa", "1"),
                ("2026-11-02T00:00:00Z", "published-bbb", "2"),
                ("2026-11-02T01:00:00Z", "good-bbb", "2"),
            )
        ),
    )
    assert azure.run("good-artifact.sh", "--repository", "o/r").said.strip() == "1 good-aaa", "bbb runs, and is bad"


def test_after_a_package_that_never_ran_the_workflow_goes_back_to_the_last_that_did(tmp_path: Path) -> None:
    azure = Azure(tmp_path / "home")
    azure.answer(
        "gh api",
        ok(
            artifacts(
                ("2026-11-02T01:00:00Z", "good-bbb", "2"),
                ("2026-11-03T00:00:00Z", "published-ccc", "3"),
                ("2026-11-01T01:00:00Z", "good-aaa", "1"),
            )
        ),
    )
    assert azure.run("good-artifact.sh", "--repository", "o/r").said.strip() == "2 good-bbb"


def test_without_a_good_package_the_workflow_says_so(tmp_path: Path) -> None:
    azure = Azure(tmp_path / "home")
    azure.answer("gh api", ok(artifacts(("2026-11-03T00:00:00Z", "published-ccc", "3"))))
    run = azure.run("good-artifact.sh", "--repository", "o/r")
    assert run.code == 1
    assert "no earlier good package is kept" in run.said


def test_the_workflow_deploys_what_it_attested_after_an_approval() -> None:
    text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    build, deploy, rollback = re.split(r"(?m)^  (?:deploy|rollback):$", text.partition("\njobs:\n")[2])
    for step in ("--prebuilt dist/todo-attach.zip", "attest-build-provenance@", "attest-sbom@", "name: published-"):
        assert step in build
    assert "attestations: write" in build
    assert "azure/login@" not in build, "the job that builds cannot reach Azure"
    for job, publishes in ((deploy, "scripts/deploy.sh"), (rollback, "scripts/rollback.sh")):
        assert "environment: production" in job
        assert "attestations: write" not in job
        order = ["gh attestation verify dist/todo-attach.zip", "azure/login@", publishes, "name: good-"]
        assert [job.index(each) for each in order] == sorted(job.index(each) for each in order)
