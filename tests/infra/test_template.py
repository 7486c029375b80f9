"""The compiled templates: descriptions, bounds, order; and what the compiler's own checks cannot see."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.infra.deployed import INFRA, each_template, every_option, module, parameters, sample, template
from tests.infra.deployed import event_subscription as subscription
from tests.infra.tools import ROOT

pytestmark = pytest.mark.infra


def test_every_parameter_and_output_is_described() -> None:
    for name, each in each_template():
        for kind in ("parameters", "outputs"):
            described = {key: value.get("metadata", {}).get("description") for key, value in each.get(kind, {}).items()}
            assert [key for key, text in described.items() if not text] == [], name


@pytest.mark.parametrize("name", ["main", "subscription"])
def test_every_number_and_text_that_a_person_gives_is_bounded(name: str) -> None:
    bounds = {"int": {"minValue", "maxValue"}, "string": {"minLength", "maxLength"}}
    for parameter, each in template(name)["parameters"].items():
        names_a_resource = name == "subscription" and parameter.endswith(("Name", "Id"))
        if "allowedValues" in each or parameter == "location" or each.get("type") not in bounds or names_a_resource:
            continue
        # A text that may be empty has no shortest length.
        wanted = bounds[each["type"]] - ({"minLength"} if each.get("defaultValue") == "" else set())
        assert wanted <= each.keys(), parameter


def test_all_but_the_account_has_a_default() -> None:
    assert [name for name, each in parameters().items() if "defaultValue" not in each] == ["defaultAccount"]


def test_defaults_keep_their_own_bounds() -> None:
    for name, each in parameters().items():
        value = each.get("defaultValue")
        if isinstance(value, str) and value.startswith("["):
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            assert each.get("minValue", value) <= value <= each.get("maxValue", value), name
        if isinstance(value, str):
            assert each.get("minLength", 0) <= len(value) <= each.get("maxLength", len(value)), name
        assert value is None or "allowedValues" not in each or value in each["allowedValues"], name


def test_no_module_comes_from_a_registry_and_every_one_is_used() -> None:
    used = set(re.findall(r"^module \w+ '([^']+)'", (INFRA / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))
    assert used == {path.relative_to(INFRA).as_posix() for path in (INFRA / "modules").glob("*.bicep")}


def test_every_parameter_in_the_parameter_file_has_a_word_of_explanation() -> None:
    lines = (INFRA / "main.bicepparam").read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        assert not line.startswith("param ") or above.startswith(("//", "param ")), line


def test_roles_come_before_the_app() -> None:
    """Nothing in the app's parameters says so, and it reads storage and secrets from its first second on."""
    assert "roles" in template()["resources"]["functionApp"]["dependsOn"]


def test_the_blob_service_is_written_once_and_knows_the_app_s_host_name() -> None:
    """A write without the CORS rules deletes them: with two, no browser could send a file between them."""
    written = [
        symbol
        for symbol, resource in template()["resources"].items()
        if resource["type"] == "Microsoft.Resources/deployments"
        for each in _resources(module(symbol))
        if each["type"] == "Microsoft.Storage/storageAccounts/blobServices" and not each.get("existing")
    ]
    assert written == ["blobService"]
    assert "functionApp" in template()["resources"]["blobService"]["dependsOn"]


def _resources(compiled: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A template has its resources by symbol where it refers to existing ones, and as a list otherwise."""
    found = compiled["resources"]
    return list(found.values()) if isinstance(found, dict) else found


def test_each_type_is_deployed_in_one_version() -> None:
    everything = [*every_option().resources, *subscription().resources]
    used = {(each.type, each.body["apiVersion"]) for each in everything}
    assert len(used) == len({each.type for each in everything})


def test_every_option_is_on_where_every_option_is_shown() -> None:
    """A parameter whose default stands for "off" is given another value there."""
    given = (INFRA / "snapshots/every-option.bicepparam").read_text(encoding="utf-8")
    named = set(re.findall(r"^param (\w+) =", given, re.MULTILINE))
    off = {name for name, each in parameters().items() if each.get("defaultValue") in (False, "", 0, [])}
    assert off - named == set()


def test_the_compiler_evaluated_the_snapshots_without_a_diagnostic() -> None:
    for each in (sample(), every_option(), subscription()):
        assert each.diagnostics == []


def test_a_lifecycle_rule_never_deletes_a_file_that_may_still_wait() -> None:
    """Longest wait: for a person to sign in, for the mailbox's turn, and then the age of an upload."""
    variables = template()["variables"]
    assert variables["longestWaitDays"] == (
        "[add(add(parameters('signInWaitDays'), parameters('queueWaitDays')), "
        "div(add(parameters('maxAgeHours'), 23), 24))]"
    )
    assert variables["effectiveDeleteFilesAfterDays"] == (
        "[if(equals(parameters('deleteFilesAfterDays'), 0), 0, "
        "max(parameters('deleteFilesAfterDays'), add(variables('longestWaitDays'), 1)))]"
    )


def test_an_upload_is_never_forgotten_while_its_file_may_be_brought_back() -> None:
    assert template()["variables"]["effectiveKeepFinishedDays"] == (
        "[if(equals(parameters('keepFinishedDays'), 0), 0, "
        "max(parameters('keepFinishedDays'), add(parameters('deletedBlobDays'), 1), 8))]"
    )


def test_what_belongs_to_the_site_is_written_one_after_another() -> None:
    """Two writes at a time end with "another operation is in progress"."""
    order = ("config", "basicPublishingCredentialsPolicies", "basicPublishingCredentialsPolicies", "diagnosticSettings")
    listed = module("functionApp")["resources"]
    after = [each for each in listed if each["type"].rpartition("/")[2] in order]
    assert [each["type"].rpartition("/")[2] for each in after] == list(order)
    for before, each in pairwise(after):
        parent, name = (before["name"].split("'")[1::2][-1], before["type"])
        assert any(name in wait and (parent in wait or "format" in parent) for wait in each["dependsOn"]), each["type"]


def test_saved_searches_that_exist_are_written_over() -> None:
    """Without an etag they answer 409, and every second deployment fails. The types do not know it there."""
    saved = sample().of("Microsoft.OperationalInsights/workspaces/savedSearches")
    assert saved
    assert {each.at("etag") for each in saved} == {"*"}
    assert not any("etag" in each.body for each in saved)


def test_instances_finish_their_slice_before_they_end() -> None:
    """Spelled as Microsoft's documentation of site updates on Flex Consumption has it: no type would see a mistake."""
    for snapshot in (sample(), every_option()):
        app = snapshot.one("Microsoft.Web/sites")
        assert app.at("functionAppConfig.siteUpdateStrategy") == {"type": "RollingUpdate"}


def test_an_instance_smaller_than_what_was_measured_is_not_offered() -> None:
    assert parameters()["instanceMemoryMB"]["allowedValues"] == [2048, 4096]


# -- scripts/bicep itself --


def _checkout(tmp_path: Path) -> Path:
    """A copy of what the script works on."""
    root = tmp_path / "checkout"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/bicep", root / "scripts/bicep")
    shutil.copytree(INFRA, root / "infra")
    shutil.copy(ROOT / "bicepconfig.json", root)
    return root


def _compiler(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def _run(root: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "scripts/bicep", *words],
        env={"PATH": "/usr/bin:/bin", "HOME": str(root), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_warning_is_a_failure_although_the_compiler_ends_well(tmp_path: Path) -> None:
    noisy = _compiler(tmp_path / "noisy", "echo 'main.bicep(1,1) : Warning BCP037: no such property' >&2")
    done = _run(_checkout(tmp_path), "build", BICEP=str(noisy))
    assert done.returncode == 1
    assert "infra/main.bicep has diagnostics" in done.stderr
    assert "BCP037" in done.stderr


def test_where_there_is_no_compiler_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    done = _run(_checkout(tmp_path), "check")
    assert done.returncode == 1
    assert "az bicep install --version v" in done.stderr
    assert "Azure.Bicep.CommandLine.linux-x64" in done.stderr


def test_a_compiler_that_was_named_and_cannot_be_run_is_not_passed_over(tmp_path: Path) -> None:
    done = _run(_checkout(tmp_path), "check", BICEP="/no/such/file")
    assert done.returncode == 1
    assert "BICEP is /no/such/file" in done.stderr


@pytest.mark.parametrize("place", ["BICEP", "PATH", "az"])
def test_the_compiler_is_looked_for(place: str, tmp_path: Path) -> None:
    root = _checkout(tmp_path)
    where = {"BICEP": root / "mine", "PATH": root / "bin/bicep", "az": root / ".azure/bin/bicep"}[place]
    where.parent.mkdir(parents=True, exist_ok=True)
    _compiler(where, 'echo "$@" >>"$HOME/said"')
    environ = {"BICEP": str(where)} if place == "BICEP" else {}
    environ |= {"PATH": f"{root}/bin:{os.defpath}"} if place == "PATH" else {}
    assert _run(root, "snapshot", **environ).returncode == 0
    assert len((root / "said").read_text(encoding="utf-8").splitlines()) == 3
