"""What is refused before anything is started, and how it is said."""

import json
import socket
from pathlib import Path

import pytest

from local import __main__ as command_line
from local.stack.app_settings import LONGEST_LEASE_SECONDS, SHORTEST_LEASE_SECONDS, Graph, app_settings, environment
from local.stack.child import ChildFailed
from local.stack.known_ports import KnownPorts
from shared.settings import Settings

_FAKE_GRAPH = Graph("http://127.0.0.1:1/v1.0", {"sam@example.com": "a", "kim@example.com": "b"})


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("TODO_ATTACH_TOKEN", raising=False)


@pytest.mark.parametrize("command", ["status", "lists", "show", "reconcile"])
def test_a_command_that_needs_a_stack_says_how_to_start_one(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert command_line.main([command]) == 1
    said = capsys.readouterr().err
    assert "no stack runs in" in said
    assert "start one with `python -m local up`" in said


@pytest.mark.parametrize("command", ["demo", "up", "attach", "status", "retry", "withdraw", "lists", "show", "todo"])
def test_every_command_has_help_which_names_the_exit_statuses(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert command_line.main([command, "--help"]) == 0
    assert "3    no file failed, but one waits for a person to sign in" in capsys.readouterr().out


def test_a_graph_that_is_out_of_reach_is_said_in_words_before_anything_starts(
    capsys: pytest.CaptureFixture[str], unused_port: int
) -> None:
    root = f"http://127.0.0.1:{unused_port}/v1.0"
    status = command_line.main(["attach", __file__, "--graph-root", root, "--token", "t", "--task", "Receipts"])
    said = " ".join(capsys.readouterr().err.split())
    assert status == 1
    assert f"{root}: Graph cannot be reached, or does not answer (ConnectionError): is this machine online?" in said
    assert "starting" not in said


def test_a_directory_is_attached_with_every_file_in_it_but_hidden_ones(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.txt", "below/a.txt", ".hidden", "below/.DS_Store"):
        (tmp_path / name).write_bytes(b"1")
    assert command_line.main(["attach", str(tmp_path), "--recursive", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [Path(each["file"]).relative_to(tmp_path).as_posix() for each in planned["files"]] == [
        "b.txt",
        "below/a.txt",
    ]
    assert "is a directory; --recursive attaches" in refused(capsys, "attach", str(tmp_path))
    (tmp_path / "empty").mkdir()
    assert "has no files in it" in refused(capsys, "attach", str(tmp_path / "empty"), "--recursive")


def test_a_dry_run_starts_nothing_and_says_where_the_files_would_go(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "plan.pdf"
    file.write_bytes(bytes(2048))
    assert command_line.main(["attach", str(file), "--task", "Receipts", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f'{file} (2.0 KiB) would go to the task "Receipts" of the default list' in said
    assert "an emulator that is thrown away" in said


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
    assert "attach files to a task" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "invalid choice: 'upp'" in refused(capsys, "upp")


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
        (["up", "--client-id", "c"], "--client-id is for sign-in at the real Entra: it needs --sign-in"),
        (["up", "--sign-in", "--client-id", "c"], "--client-id is for sign-in at the real Entra"),
        (["up", "--tenant", "t"], "--tenant is for sign-in at the real Entra"),
        (["up", "--token", "t"], "--token is for another Graph: it needs --graph-root"),
        (["up", "--account", "me"], "--account is for another Graph"),
        (["up", "--ports", "10000,10001"], "not three different ports"),
        (["up", "--ports", "10000,10000,10001"], "not three different ports"),
        (["up", "--ports", "0,1,2"], "'0' is not a port"),
        (["up", "--graph-root", "http://127.0.0.1:1/v1.0", "--token", "t", "--published-limits"], "the emulator's"),
        (["attach", __file__, "--task", ""], "argument --task: it is empty"),
        (["attach", __file__, "--list", " "], "argument --list: it is empty"),
        (["attach", __file__, "--user", ""], "argument --user: it is empty"),
        (["attach", __file__, "--list", "Tasks"], "which task? Say --task NAME"),
        (["attach", __file__, "--timeout", "-1"], "not a number of seconds above 0"),
        (["attach", __file__, "--timeout", "nan"], "not a number of seconds above 0"),
        (["attach", __file__, "--graph-root", "http://127.0.0.1:1/v1.0", "--token", "t"], "which task?"),
        (["status", "--state", "lost"], "invalid choice: 'lost'"),
        (["lists", "--sign-in"], "it needs --graph-root"),
        (["retry"], "NAME"),
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
