"""The documents are held to the code: what they name exists, and what they list is complete."""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.stand_ins.todo import faults, throttle
from local.stand_ins.todo.behaviour import Behaviour
from scripts.draw_phases import DOCUMENT as ARCHITECTURE
from scripts.draw_phases import draw, insert
from shared.core.entry import Entry, Reason, Session
from shared.core.metadata_keys import KEYS
from shared.core.outcome import ATTACHMENT, KIND, REASON, STATE
from shared.errors import SettingsError
from shared.settings import KNOWN_ROOTS, Settings
from tests.support.documents import (
    GRAPH_BEHAVIOUR,
    ROOT,
    WITH_A_CONNECTION_STRING,
    WITH_AN_IDENTITY,
    Fact,
    facts,
    markdown_files,
    section,
    settings_of_bindings,
    settings_table,
    table,
)

# Linked before it exists. Empty this when it does.
NOT_WRITTEN_YET: set[Path] = set()
DOCUMENTS = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in markdown_files()]
each_document = pytest.mark.parametrize("path", DOCUMENTS)


def prose(path: Path) -> str:
    """The text without what stands in fences."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


# -- the picture of the phases --


def test_the_picture_of_the_phases_is_up_to_date() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert insert(text, draw()) == text, "run scripts/draw_phases.py --write"


def test_a_document_without_the_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        insert("nothing here", draw())


def test_the_picture_names_the_moves_that_need_no_observation() -> None:
    drawn = draw().splitlines()
    assert "    sending --> locating: Unclear, SliceRefused, taken over" in drawn
    assert any(line.startswith("`waiting` goes to `queued`") and "`confirming`" in line for line in drawn)


# -- links, and names of things --


@each_document
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    lost = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", prose(path)):
        if re.match(r"[a-z]+:|\.\./\.\./(actions|security)/", target):
            continue  # elsewhere, or a page of the forge that hosts this repository
        there = (path.parent / target).resolve() if target else path
        if there in NOT_WRITTEN_YET:
            continue
        if not there.exists() or (anchor and anchor[1:] not in anchors(there)):
            lost.append(target + anchor)
    assert lost == []


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_every_file_that_is_named_exists(path: Path) -> None:
    named = re.findall(r"`((?:tests|scripts|shared|infra|local|docs|bench)/[\w./-]+)`", prose(path))
    named += [
        f"shared/{name}.py"
        for name in re.findall(r"`((?:core|graph|app|adapters|telemetry|sign_in)/[\w/]+)`", prose(path))
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


@each_document
def test_every_test_that_is_named_exists(path: Path) -> None:
    assert set(re.findall(r"`(test_\w+)`", prose(path))) - names_of_tests() == set()


@cache
def names_of_tests() -> frozenset[str]:
    sources = (each.read_text(encoding="utf-8") for each in (ROOT / "tests").rglob("*.py"))
    return frozenset(name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE))


@each_document
def test_every_part_of_the_code_that_is_named_exists(path: Path) -> None:
    """`wire.content_url`, `entry.Entry.is_done`; and the emulator's switches, limits and faults."""
    lost = [dotted for dotted in re.findall(r"`([a-z_]+(?:\.\w+)+)`", prose(path)) if not is_known(dotted)]
    assert lost == []


def is_known(dotted: str) -> bool:
    """True also for what is not about the code at all: a file's name, a key of host.json."""
    first, *rest = dotted.split(".")
    found = namespaces().get(first, [])
    return not found or any(has(each, rest) for each in found)


def has(thing: Any, names: list[str]) -> bool:
    for name in names:
        if name not in members(thing):
            return False
        thing = getattr(thing, name, None)
    return True


@cache
def namespaces() -> Mapping[str, list[Any]]:
    """What a first word can mean: a module of `shared` by its own name, of which two layers may have one each."""
    spaces: dict[str, list[Any]] = {"behaviour": [Behaviour], "throttle": [throttle.Limits], "faults": [faults]}
    for source in (ROOT / "shared").rglob("[a-z]*.py"):
        module = importlib.import_module(".".join(source.relative_to(ROOT).with_suffix("").parts))
        spaces.setdefault(source.stem, []).append(module)
    return spaces


def members(thing: Any) -> set[str]:
    return {*dir(thing), *getattr(thing, "__dataclass_fields__", {})}


# -- complete lists --

SENDING = ROOT / "docs/sending.md"


def test_who_sends_files_is_told_every_reason_and_what_to_do() -> None:
    told = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", section(SENDING, "## What became of it"), re.MULTILINE)
    reasons = [reason for each in told for reason in re.findall(r"`([a-z-]+)`", each)]
    assert sorted(reasons) == sorted(reason for reason in Reason if reason)


def test_who_sends_files_is_told_every_tag_and_every_metadata_key() -> None:
    told = re.findall(r"^\| `(todo_\w+)` \|", section(SENDING, "## What became of it"), re.MULTILINE)
    assert told == [STATE, REASON, ATTACHMENT, KIND]
    keys = [key for row in table(section(SENDING, "## Metadata")) for key in re.findall(r"`(\w+)`", row[0])]
    assert sorted(keys) == sorted(KEYS)


def test_the_architecture_tells_every_field_of_the_entry_and_no_other() -> None:
    told = [row[0].strip("`") for row in table(section(ARCHITECTURE, "## The ledger entry"))]
    of_session = [f"session.{field.name}" for field in fields(Session)]
    assert sorted(told) == sorted([*(field.name for field in fields(Entry)), *of_session])


def test_the_architecture_has_every_module_in_its_layer() -> None:
    """By the row of its folder; `settings`, `ports`, `errors` and the wiring have no folder."""
    rows = {row[0].strip("`"): set(re.findall(r"`(?:\w+/)*(\w+)`", row[2])) for row in _layers()}
    modules = [path for path in (ROOT / "shared").rglob("*.py") if path.name != "__init__.py"]
    layer_of = dict.fromkeys(("settings", "wiring", "sign_in_wiring"), "edges")
    layer_of |= {"ports": "contracts", "errors": "contracts"}
    folders = {path: path.relative_to(ROOT / "shared").parts[0].removesuffix(".py") for path in modules}
    missing = [path for path in modules if path.stem not in rows[layer_of.get(folders[path], folders[path])]]
    assert [path.relative_to(ROOT).as_posix() for path in missing] == []
    named = {name for told in rows.values() for name in told}
    assert named - {path.stem for path in (ROOT / "shared").rglob("*")} == set()


def test_the_architecture_tells_every_function_and_what_it_calls() -> None:
    names = re.findall(r'@app\.function_name\("(\w+)"\)', (ROOT / "function_app.py").read_text(encoding="utf-8"))
    told = [row for row in table(section(ARCHITECTURE, "## The flow of one attachment")) if len(row) == 3]
    assert sorted(name for row in told for name in re.findall(r"`(\w+)`", row[0])) == sorted(names)


def _layers() -> list[list[str]]:
    return [row for row in table(section(ARCHITECTURE, "## Layers")) if len(row) == 3]


def test_the_architecture_tells_all_ten_invariants() -> None:
    told = [row[0] for row in table(section(ARCHITECTURE, "## Invariants"))]
    assert told == [f"I{number}" for number in range(1, 11)]


OPEN_QUESTIONS = facts("## Unknown or contradictory")
KNOWN = facts("## Documented, reported or inferred")
each_fact = pytest.mark.parametrize("fact", [*OPEN_QUESTIONS, *KNOWN], ids=lambda fact: fact.number)


def test_all_thirty_open_questions_about_graph_are_answered_in_order() -> None:
    assert [fact.number for fact in OPEN_QUESTIONS] == [str(number) for number in range(1, 31)]
    assert [fact.title for fact in OPEN_QUESTIONS if not fact.title.endswith("?")] == []


def test_the_facts_about_graph_are_numbered_in_order() -> None:
    assert [fact.number for fact in KNOWN] == [str(number) for number in range(31, 31 + len(KNOWN))]


@each_fact
def test_every_fact_about_graph_is_whole(fact: Fact) -> None:
    assert list(fact.items) == ["source", "seen live", "the app", "switch", "test"]
    assert all([fact.title, fact.text, *fact.items.values()])
    assert re.search(r"`test_\w+`", fact.items["test"])


@each_fact
def test_every_fact_about_graph_says_what_kind_of_source_it_has(fact: Fact) -> None:
    kinds = {row[0] for row in table(GRAPH_BEHAVIOUR.read_text(encoding="utf-8"))}
    told = re.search(r" \(([^()]+)\)$", fact.items["source"])
    assert told is not None
    assert set(told[1].split("; ")) <= kinds


@each_fact
def test_no_fact_about_graph_claims_that_we_saw_it(fact: Fact) -> None:
    assert re.fullmatch(r"(no|others)( \(.+\))?", fact.items["seen live"])


def test_every_switch_of_the_emulator_has_its_fact() -> None:
    told = {name for fact in [*OPEN_QUESTIONS, *KNOWN] for name in re.findall(r"`([\w.]+)`", fact.items["switch"])}
    switches = {f"behaviour.{field.name}" for field in fields(Behaviour)}
    limits = {f"throttle.{field.name}" for field in fields(throttle.Limits)}
    assert (switches | limits) - told == set()


# -- settings --


def refusal(name: str, value: str, environ: Mapping[str, str]) -> str:
    """What the settings say about *value*; empty where they take it."""
    try:
        Settings.from_environ({**environ, name: value})
    except SettingsError as error:
        return " ".join(mistake for mistake in error.mistakes if mistake.startswith(name))
    return ""


def surroundings(name: str) -> Mapping[str, str]:
    return WITH_AN_IDENTITY if "__" in name else WITH_A_CONNECTION_STRING


def documented() -> Iterator[Any]:
    for name, (_, default, bounds, *_rest) in settings_table().items():
        if name not in settings_of_bindings() - {"TODO_ATTACH_CONTAINER", "TODO_ATTACH_QUEUE"}:
            yield pytest.param(name, default, bounds, id=name)


each_setting = pytest.mark.parametrize(("name", "default", "bounds"), list(documented()))


@each_setting
def test_a_setting_s_documented_default_is_its_default(name: str, default: str, bounds: str) -> None:
    environ = {each: value for each, value in surroundings(name).items() if each != name}
    if default.startswith("must be set"):
        assert refusal(name, "", environ)
    elif default.startswith("empty"):
        assert not refusal(name, "", environ)
    else:
        assert Settings.from_environ({**environ, name: default.strip("`")}) == Settings.from_environ(environ)


@each_setting
def test_a_setting_s_documented_bounds_are_its_bounds(name: str, default: str, bounds: str) -> None:
    told = refusal(name, "!", surroundings(name))
    number = re.search(r"use a number from (\S+) to (\S+)$", told)
    choice = re.search(r"use ([\w ]+ or \w+|\d+ to .+)$", told)
    if name == "TODO_ATTACH_GRAPH_ROOT":
        assert all(host in bounds for host in KNOWN_ROOTS)
    elif number:
        assert f"{number[1]} to {number[2]}" in bounds
        assert not refusal(name, number[1], surroundings(name))
        assert not refusal(name, number[2], surroundings(name))
    elif choice:
        assert choice[1] == bounds
    elif told:
        assert any(word in told for word in bounds.split() if len(word) > 4)
    else:
        assert bounds == "any text"


@each_setting
def test_a_whole_number_is_documented_as_one(name: str, default: str, bounds: str) -> None:
    if " to " in bounds and default.strip("`").isdigit():
        is_whole = bool(refusal(name, f"{default.strip('`')}.0", surroundings(name)))
        assert ("whole number" in bounds) is is_whole
