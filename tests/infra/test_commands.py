"""Every `az` command that this repository shows to anybody, through the Azure CLI's own parser; and the shell's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.az_lines import complaints, lines_of, sources
from tests.infra.deployed import sample
from tests.infra.tools import ROOT
from tests.support.documents import section, table

SCRIPTS = [
    *sorted((ROOT / "scripts").glob("*.sh")),
    *(ROOT / "scripts" / name for name in ("bicep", "lock", "mutants", "setup-browser", "setup-checks")),
    ROOT / "setup",
]
SOURCED = {"lib.sh", "steps.sh"}


@pytest.mark.infra
def test_every_az_command_is_one_that_the_azure_cli_understands() -> None:
    lines = [line for path in sources() for line in lines_of(path)]
    assert len(lines) > 40
    distinct = list(dict.fromkeys(lines))
    said = complaints([line.words for line in distinct])
    assert [f"{line} => {each}" for line, each in zip(distinct, said, strict=True) if each] == []


def test_an_operator_is_told_where_the_names_in_the_commands_come_from() -> None:
    pages = (ROOT / "docs/operations.md", ROOT / "docs/deploying.md")
    told = {name: output.split("`")[1] for name, output in table(section(pages[0], "## The names in the commands"))}
    words = " ".join(word for page in pages for line in lines_of(page) for word in line.words)
    used = re.findall(r"\b(?!TODO_ATTACH)[A-Z]{2,}(?:_[A-Z]+)*\b", words)
    # The group is the operator's own; where the others come from stands beside their commands.
    assert set(used) - {"RG", "WORKSPACE_ID", "KEY_ID", "VERSION", "SUBSCRIPTION", "NAME"} == set(told)
    assert set(told.values()) <= set(sample().outputs)


def test_no_command_is_shown_that_flex_consumption_does_not_have() -> None:
    """There is no log stream on it: `az webapp log tail` exists in the CLI, and hangs or fails."""
    for path in sources():
        assert "log tail" not in path.read_text(encoding="utf-8"), path


SEEDED = {
    "az functionapp log tail --name a --resource-group g": "no command",
    "az storage blob upload --account-name a --container-name c --file f --auth-mode entra": "entra",
    "az storage blob upload --account-name a --container-name c --nme n --file f --auth-mode login": "--nme",
    "az functionapp deployment source config-zip -g g -n a --src z --remote-build true": "--remote-build",
    "az storage blob tag list --account-name a --container-name c --name n --auth-mode login": "no command",
}


@pytest.mark.infra
def test_a_seeded_mistake_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "seeded.sh"
    script.write_text("\n".join(SEEDED), encoding="utf-8")
    said = complaints([line.words for line in lines_of(script)])
    assert len(said) == len(SEEDED)
    for each, wanted in zip(said, SEEDED.values(), strict=True):
        assert wanted in each


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("    az group show --name rg", "group show --name rg"),
        ("Run `az group show --name rg` first.", "group show --name rg"),
        ("`az group show` and more", "group show"),
    ],
)
def test_commands_in_documents_are_found(tmp_path: Path, text: str, words: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert [" ".join(line.words) for line in lines_of(page)] == [words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('x=$(az group show --name "$group" --query id) || die', "group show --name value --query id"),
        ("az a b \\\n  --c d \\\n  --e f", "a b --c d --e f"),
        ('az a b --query "[\n  x]" --c', "a b --query [ x] --c"),
        ('az a b --c "${many[@]}" --d', "a b --c value --d"),
        ('az a b "${options[@]}" --d', "a b --d"),
        ('die "no. Run: az login"', "login"),
        ("  - run: az bicep lint --file infra/main.bicep", "bicep lint --file infra/main.bicep"),
    ],
)
def test_commands_in_scripts_are_found(tmp_path: Path, text: str, words: str) -> None:
    script = tmp_path / "script.sh"
    script.write_text(text, encoding="utf-8")
    assert [" ".join(line.words) for line in lines_of(script)] == [words]


@pytest.mark.infra
def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    done = subprocess.run([shellcheck, "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_strict_and_can_be_run(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    if script.name not in SOURCED:
        assert "set -euo pipefail" in script.read_text(encoding="utf-8")
        assert script.stat().st_mode & 0o111


def test_workflows_use_actions_by_commit_and_hold_no_secret() -> None:
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used)
        assert "secrets." not in text
