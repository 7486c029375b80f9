"""The settings, the sample file, and the document about them name the same things."""

import json
import re
from dataclasses import replace

from local.stand_ins.todo.cli import DEFAULT_MAILBOX, DEFAULT_TOKEN
from shared.settings import Settings
from tests.support.documents import (
    ROOT,
    WITH_A_CONNECTION_STRING,
    WITH_SIGN_IN,
    every_setting,
    section,
    settings_of_bindings,
    settings_read,
    settings_table,
)

# Read by the host or by Core Tools, never by the application.
OF_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    return values


def test_the_document_names_every_setting_and_nothing_else() -> None:
    assert set(settings_table()) == every_setting()


def test_the_document_names_every_setting_of_sign_in_too() -> None:
    table = section(ROOT / "docs" / "configuration.md", "## Sign-in")
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == settings_read(WITH_SIGN_IN) - every_setting()


def test_the_sample_has_every_setting_and_nothing_else() -> None:
    """With a connection string: a managed identity exists only in Azure."""
    assert set(sample()) == settings_read(WITH_A_CONNECTION_STRING) | settings_of_bindings() | OF_THE_HOST


def test_the_sample_can_be_used_and_holds_the_defaults() -> None:
    found = Settings.from_environ(sample())
    least = Settings.from_environ(WITH_A_CONNECTION_STRING)
    chosen = {name: getattr(found, name) for name in ("container", "queue", "table", "graph_root", "tokens")}
    assert found == replace(least, **chosen)


def test_the_sample_s_account_is_the_emulator_s() -> None:
    assert Settings.from_environ(sample()).tokens == {DEFAULT_MAILBOX: DEFAULT_TOKEN}


def test_every_value_of_the_sample_is_text() -> None:
    """Core Tools takes nothing else."""
    assert {type(value) for value in sample().values()} == {str}
