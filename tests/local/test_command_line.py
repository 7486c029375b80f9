"""What is refused before anything is started, and how it is said."""

import socket
from pathlib import Path

import pytest

from local import __main__ as command_line
from local.stack.app_settings import LONGEST_LEASE_SECONDS, SHORTEST_LEASE_SECONDS, Graph, app_settings, environment
from local.stack.child import ChildFailed
from local.stack.known_ports import KnownPorts
from shared.settings import Settings

_FAKE_GRAPH = Graph("http://127.0.0.1:1/v1.0", {"sam@example.com": "a", "kim@example.com": "b"})


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("TODO_ATTACH_TOKEN", raising=False)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        status = command_line.main(arguments)
    except SystemExit as exit_:  # argparse leaves this way
        status = int(str(exit_.code))
    assert status in {1, 2}
    return capsys.readouterr().err


def test_without_a_command_all_of_them_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main([]) == 2
    assert command_line.main(["--help"]) == 0
    assert "attach files to a task" in capsys.readouterr().out


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no command 'upp'" in refused(capsys, "upp")


def test_every_file_that_cannot_be_attached_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = refused(capsys, "attach", str(tmp_path / "missing"), str(tmp_path))
    assert "missing cannot be read: no such file" in said
    assert "is a directory" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["attach"], "FILE"),
        (["attach", "f", "--list", "a", "--list-id", "b"], "not allowed with"),
        (["up", "--lease", "1"], "use 2 to 600 seconds"),
        (["up", "--lease", "601"], "use 2 to 600 seconds"),
        (["up", "--lease", "long"], "use 2 to 600 seconds"),
        (["up", "--duplicate-events", "-1"], "use 0 or more"),
        (["up", "--duplicate-events", "twice"], "use 0 or more"),
        (["up", "--behaviour", "session_get=403"], "Behaviour.session_get cannot be 403; it is one of works, 404"),
        (["up", "--fault", "{nonsense"], "the fault '{nonsense' is not JSON"),
        (["up", "--fault", "503"], "is not an object"),
        (["up", "--fault", '{"effect": 503}'], "the effect 503 is not an object"),
        (["up", "--fault", '{"effect": {"kind": "explode"}}'], "no effect 'explode'"),
        (["up", "--graph-root", "https://graph.microsoft.com/v1.0"], "--graph-root needs --token"),
        (["up", "--graph-root", "http://graph.microsoft.com/v1.0", "--token", "t"], "use https"),
        (["up", "--graph-root", "https://example.com", "--token", "t"], "graph.microsoft.com"),
        (["up", "--graph-root", "https://graph.microsoft.com", "--token", "t"], "ends in its version"),
        (
            ["up", "--graph-root", "https://microsoftgraph.chinacloudapi.cn/v1.0", "--sign-in", "--client-id", "c"],
            "does not exist in this cloud",
        ),
        (["up", "--graph-root", "http://127.0.0.1:1/v1.0", "--token", "t", "--fault", "{}"], "the emulator's"),
        (["status"], "no stack runs in"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert said in refused(capsys, *arguments)


@pytest.mark.parametrize("lease", [None, SHORTEST_LEASE_SECONDS, 30, LONGEST_LEASE_SECONDS])
def test_the_application_takes_the_settings_of_a_stack(lease: int | None) -> None:
    storage = "DefaultEndpointsProtocol=http;AccountName=a"
    settings = Settings.from_environ(app_settings(storage, _FAKE_GRAPH, lease_seconds=lease))
    assert settings.default_account == "sam@example.com"
    assert lease is None or settings.limits.deadline.total_seconds() < lease


def test_a_stack_never_reports_to_the_cloud_and_never_asks_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    of_another = (
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
        "OTEL_TRACES_SAMPLER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    for name in of_another:
        monkeypatch.setenv(name, "somebody-elses")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("TODO_ATTACH_QUEUE", "somebody-elses")
    result = environment({"TODO_ATTACH_QUEUE": "ours"})
    assert not result.keys() & set(of_another)
    assert result["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert result["TODO_ATTACH_QUEUE"] == "ours"


def test_a_port_that_belongs_to_somebody_else_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        port = somebody_else.getsockname()[1]
        with pytest.raises(ChildFailed, match=f"port {port}, for todo, is taken"):
            KnownPorts(None, {"todo": port}).check()
    KnownPorts(None, {"todo": port}).check()
