"""What the host refuses to start with: all of it, at once, by name."""

import shutil
from pathlib import Path

import pytest

from tests.local.functions.conftest import APPS
from tests.local.functions.hosted import Hosted

STORAGE = "UseDevelopmentStorage=true"


def refused(app: Path, settings: dict[str, str]) -> tuple[str, str]:
    """All problems as one text, and stderr."""
    host = Hosted(app, settings)
    try:
        problems = host.wait_for(event="refused")["problems"]
        assert host.exit_status() == 2
        return "\n".join(problems), host.stderr
    finally:
        host.end()


def test_every_mistake_of_an_app_is_named_at_once() -> None:
    problems, said = refused(
        APPS / "mistaken",
        {"AzureWebJobsStorage": STORAGE, "Identity__queueServiceUri": "https://account.queue.core.windows.net"},
    )

    for expected in (
        'version must be "2.0"',
        "batchSize: 33",
        "'unresolved': app setting 'NOWHERE'",
        "'identity': connection 'Identity' is an identity connection (Identity__queueServiceUri)",
        "'unconnected': connection 'Absent'",
        "'retried': a retry policy",
        "'polled': a blob trigger runs here with source=EVENT_GRID only",
        "'untimed': 'whenever'",
        "'outgoing': binding 'out' of type 'queue'",
        "'administrative': route 'admin/orders'",
        "'foreign': binding 'message' of type 'serviceBusTrigger'",
    ):
        assert expected in problems
        assert expected in said
    assert "extensions.queues.maxDequeCount has no effect here" in said
    assert "Azure's host would start, and say so in its log only" in said


def test_a_bundle_that_is_missing_and_storage_that_is_not_set_are_named(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(APPS / "contract", app)
    (app / "host.json").write_text('{"version": "2.0"}')

    problems, _ = refused(
        app,
        {
            "ToyStorage": STORAGE,
            "TOY_QUEUE": "toy",
            "TOY_CONTAINER": "toy",
            "TOY_SCHEDULE": "* * * * * *",
        },
    )

    assert "connection 'AzureWebJobsStorage' is not set" in problems
    assert "extensionBundle is missing" in problems


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("x = 1", "Could not find top level function app instances"),
        (None, "no function_app.py"),
    ],
)
def test_an_app_that_cannot_be_loaded_is_refused_in_the_librarys_words(
    tmp_path: Path, source: str | None, reason: str
) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    if source is not None:
        (tmp_path / "function_app.py").write_text(source)

    problems, _ = refused(tmp_path, {"AzureWebJobsStorage": STORAGE})

    assert reason in problems
