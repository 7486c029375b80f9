"""The Bicep files, read as they stand: syntax, names, and what files promise each other.

A stand-in for the compiler, which no package registry carries: .github/workflows has a job with the real one.
"""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, Expression, contract_problems, every_file, load, parse

MAIN = load(INFRA / "main.bicep")


def _ids(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", every_file(), ids=_ids)
def test_a_file_reads_without_a_problem(path: Path) -> None:
    assert [str(problem) for problem in load(path).problems] == []


@pytest.mark.parametrize("path", every_file(), ids=_ids)
def test_a_file_and_its_modules_agree(path: Path) -> None:
    assert [str(problem) for problem in contract_problems(load(path))] == []


@pytest.mark.parametrize("path", every_file(), ids=_ids)
def test_every_parameter_and_output_is_described(path: Path) -> None:
    file = load(path)
    undescribed = [name for name, each in file.parameters.items() if not each.decorators.get("description")]
    assert undescribed + [name for name, each in file.outputs.items() if not each.described] == []


@pytest.mark.parametrize("name", ["main.bicep", "subscription.bicep"])
def test_every_number_and_text_that_a_person_gives_is_bounded(name: str) -> None:
    bounds = {"int": {"minValue", "maxValue"}, "string": {"minLength", "maxLength"}}
    for each in load(INFRA / name).parameters.values():
        names_a_resource = name == "subscription.bicep" and each.name.endswith(("Name", "Id"))
        given = set(each.decorators)
        if "allowed" in given or each.name == "location" or each.type not in bounds or names_a_resource:
            continue
        # A text that may be empty has no shortest length.
        wanted = bounds[each.type] - ({"minLength"} if each.default == "" else set())
        assert wanted <= given, each.name


def test_all_but_the_account_has_a_default() -> None:
    assert [each.name for each in MAIN.parameters.values() if not each.has_default] == ["defaultAccount"]


def test_defaults_keep_their_own_bounds() -> None:
    for each in MAIN.parameters.values():
        value, rules = each.default, each.decorators
        if isinstance(value, bool) or value is None or isinstance(value, Expression):
            continue
        if isinstance(value, int):
            assert int(str(rules.get("minValue", value))) <= value <= int(str(rules.get("maxValue", value))), each.name
        if isinstance(value, str):
            assert len(value) >= int(str(rules.get("minLength", 0))), each.name
        allowed = rules.get("allowed")
        assert allowed is None or (isinstance(allowed, list) and value in allowed), each.name


def test_no_module_comes_from_a_registry() -> None:
    used = [module.type for path in every_file() for module in load(path).modules.values()]
    assert used
    assert all(re.fullmatch(r"modules/[a-z]+\.bicep", each) for each in used)


def test_every_module_is_used() -> None:
    used = {(INFRA / module.type).resolve() for module in MAIN.modules.values()}
    assert used == set((INFRA / "modules").glob("*.bicep"))


def test_the_parameter_file_names_parameters_that_exist_and_gives_all_that_must_be_given() -> None:
    text = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
    assert re.search(r"^using 'main\.bicep'$", text, re.MULTILINE)
    given = set(re.findall(r"^param (\w+) =", text, re.MULTILINE))
    assert given <= MAIN.parameters.keys()
    assert {each.name for each in MAIN.parameters.values() if not each.has_default} <= given


def test_every_parameter_in_the_parameter_file_has_a_word_of_explanation() -> None:
    lines = (INFRA / "main.bicepparam").read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        assert not line.startswith("param ") or above.startswith(("//", "param ")), line


def test_roles_come_before_the_app() -> None:
    waits = MAIN.modules["functionApp"].body["dependsOn"]
    assert isinstance(waits, list)
    assert [each.text for each in waits if isinstance(each, Expression)] == ["roles"]


def test_a_lifecycle_rule_never_deletes_a_file_that_may_still_wait() -> None:
    """Longest wait: for a person to sign in, and then the age of an upload. Computed as main.bicep does."""
    days, hours = MAIN.parameters["signInWaitDays"].decorators, MAIN.parameters["maxAgeHours"].decorators
    longest = MAIN.variables["longestWaitDays"]
    effective = MAIN.variables["effectiveDeleteFilesAfterDays"]
    assert isinstance(longest, Expression)
    assert isinstance(effective, Expression)
    assert longest.text == "signInWaitDays + (maxAgeHours + 23) / 24"
    assert effective.text == "deleteFilesAfterDays == 0 ? 0 : max(deleteFilesAfterDays, longestWaitDays + 1)"
    assert days["maxValue"] == 90
    assert hours["maxValue"] == 720


SEEDED = {
    "resource a 'A/b@1' = {\n  name: nothing\n}": "nothing is not declared",
    "param unused string": "unused is declared and not used",
    "output a string = uniqeString('a')": "unknown function uniqeString",
    "@descripton('x')\nparam a string\noutput b string = a": "unknown decorator descripton",
    "resource a 'A/b@1' existing = {\n  name: 'a'\n}": "a is looked up and not used",
    "output a string = 'x": "cannot be read",
    "type a = string": "a statement that this reader does not know",
}


@pytest.mark.parametrize(("text", "found"), SEEDED.items())
def test_a_seeded_mistake_is_seen(text: str, found: str) -> None:
    assert any(found in str(problem) for problem in parse(text, Path("seeded.bicep")).problems)


CONTRACTS = {
    "name: 'id-${base}'": ("", "identity lacks name"),
    "location: location\n    tags: tags\n  }\n}\n\nmodule monitoring": (
        "location: location\n    tags: tags\n    colour: 'red'\n  }\n}\n\nmodule monitoring",
        "identity has no parameter colour",
    ),
    "identity.outputs.clientId": ("identity.outputs.clientID", "identity has no output clientID"),
    "retentionDays: logRetentionDays": (
        "retentionDays: '30'",
        "monitoring.retentionDays wants int and is given string",
    ),
}


@pytest.mark.parametrize(("before", "after", "found"), [(k, *v) for k, v in CONTRACTS.items()])
def test_a_seeded_breach_of_a_module_s_contract_is_seen(before: str, after: str, found: str, tmp_path: Path) -> None:
    text = MAIN.path.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "modules").symlink_to(INFRA / "modules")
    broken = tmp_path / "main.bicep"
    broken.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert any(found in str(problem) for problem in contract_problems(load(broken)))
