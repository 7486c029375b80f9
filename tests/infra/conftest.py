"""Which of these tests run: all where the tools are, none silently left out where they must be.

`scripts/setup-checks` makes the tools, `scripts/bicep build` the templates. With TODO_ATTACH_CHECKS=required (as
`make check` sets it) a missing one is an error; without, the tests marked `infra` stay out of the way.
"""

import os
from importlib.util import find_spec

import pytest

from tests.infra.tools import az_environment, language_service, templates

_REQUIRED = os.environ.get("TODO_ATTACH_CHECKS") == "required"
_TOOLS = (az_environment(), language_service(), templates() / "main.json")
_READY = find_spec("duckdb_kql") is not None and all(tool.exists() for tool in _TOOLS)

# Some import the query engine.
collect_ignore_glob = [] if _READY or _REQUIRED else ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "infra: needs what scripts/setup-checks and scripts/bicep make; runs in `make check`"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _REQUIRED or "infra" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("infra")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
