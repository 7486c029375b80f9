"""The commands that ask a running stack, and those that turn one of its uploads."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from local.stack.emulator import Emulator
from local.stack.state_dir import EmulatorRecord
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.local.processes import wait_until
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


def status(terminal: Terminal, *arguments: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(terminal.run("status", "--json", *arguments).stdout)
    return said


def rejected(terminal: Terminal, directory: Path, name: str) -> Path:
    file = directory / name
    file.write_bytes(os.urandom(500))
    assert terminal.run("attach", file, "--task", "no such task").returncode == 1
    return file


def test_a_file_is_found_by_a_part_of_its_name_with_all_that_is_known_but_its_secrets(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    rejected(busy_terminal, tmp_path, "found by name.pdf")
    said = status(busy_terminal, "FOUND by")
    (entry,) = said["ended"]
    assert (entry["attachment_name"], entry["state"]) == ("found by name.pdf", "rejected")
    assert (entry["account"], entry["task"]) == ("sam@example.com", "no such task")
    assert said["counts"]["rejected"] >= 1
    assert "attachmentSessions" not in json.dumps(said)
    by_id = status(busy_terminal, entry["upload_id"][:10])
    assert [each["upload_id"] for each in by_id["ended"]] == [entry["upload_id"]]


def test_uploads_are_chosen_by_their_state(stack: Up, busy_terminal: Terminal, tmp_path: Path) -> None:
    rejected(busy_terminal, tmp_path, "one of the rejected.pdf")
    said = status(busy_terminal, "--state", "rejected")
    assert {each["state"] for each in said["under_way"] + said["ended"]} == {"rejected"}


def test_a_name_that_means_nothing_is_status_1(stack: Up, busy_terminal: Terminal) -> None:
    asked = busy_terminal.run("status", "nothing has this name")
    assert (asked.returncode, "Nothing matches." in asked.stdout) == (1, True)


def test_a_rejected_file_is_tried_again_with_what_was_wrong_put_right(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    file = rejected(busy_terminal, tmp_path, "to be retried.pdf")
    retried = busy_terminal.run("retry", "to be retried", "--task", "Receipts")
    assert retried.returncode == 0, retried.stderr
    assert "is written again" in retried.stdout
    emulator = Emulator(EmulatorRecord(stack.emulator()["control"], "", ""))
    wait_until(lambda: file.name in {held.name for held in emulator.attachments().values()}, "the attachment")
    wait_until(lambda: not status(busy_terminal, "to be retried")["under_way"], "the end of its upload")
    again = busy_terminal.run("retry", "to be retried")
    assert (again.returncode, "is attached already" in again.stderr) == (1, True)


def test_what_is_retried_keeps_its_content_type_and_the_tags_of_its_owner(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    connection = Connection(connection_string=stack.ready()["storage"])
    with azure_clients.container_client(connection, stack.ready()["container"]) as container:
        blob = container.get_blob_client("in a folder/tagged.txt")
        metadata = {"task": "no%20such", "filename": "tagged.txt"}
        blob.upload_blob(b"text", metadata=metadata, tags={"project": "x"})
        wait_until(lambda: blob.get_blob_tags().get("todo_state") == "rejected", "the rejection")
        wait_until(lambda: status(busy_terminal, "in a folder/tagged")["ended"], "the end of its upload")
        assert busy_terminal.run("retry", "in a folder/tagged.txt", "--task-id", "also none").returncode == 0
        assert blob.get_blob_properties().metadata == {"filename": "tagged.txt", "taskid": "also%20none"}
        assert blob.get_blob_tags()["project"] == "x"


def test_a_file_that_waits_is_withdrawn_and_one_that_is_attached_is_not(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "for nobody.pdf"
    file.write_bytes(b"bytes")
    waiting = busy_terminal.run("attach", file, "--task", "Receipts", "--user", "nobody@example.com")
    assert waiting.returncode == 3
    assert "nobody@example.com can never sign in on this stack" in " ".join(waiting.stderr.split())
    (entry,) = status(busy_terminal, "for nobody")["under_way"]
    assert "can never sign in on this stack, which has tokens for sam@example.com, kim@example.com" in entry["does"]
    withdrawn = busy_terminal.run("withdraw", "for nobody")
    assert withdrawn.returncode == 0, withdrawn.stderr
    connection = Connection(connection_string=stack.ready()["storage"])
    with azure_clients.container_client(connection, stack.ready()["container"]) as container:
        assert not container.get_blob_client(entry["blob"]).exists()
    attached = tmp_path / "not withdrawn.pdf"
    attached.write_bytes(b"bytes")
    assert busy_terminal.run("attach", attached, "--task", "Receipts").returncode == 0
    refused = busy_terminal.run("withdraw", "not withdrawn")
    assert (refused.returncode, "is attached already: remove it in To Do" in refused.stderr) == (1, True)


def test_a_name_of_several_files_is_asked_back_with_their_ids(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    rejected(busy_terminal, tmp_path, "twins.pdf")
    rejected(busy_terminal, tmp_path, "twins.pdf")
    refused = busy_terminal.run("retry", "twins")
    assert refused.returncode == 1
    assert "'twins' means 2 files; say which, by the beginning of its id:" in refused.stderr
    ids = [each["upload_id"][:8] for each in status(busy_terminal, "twins")["ended"]]
    assert all(upload_id in refused.stderr for upload_id in ids)


def test_lists_and_tasks_come_with_ids_that_attach_takes(stack: Up, busy_terminal: Terminal, tmp_path: Path) -> None:
    (mailbox,) = json.loads(busy_terminal.run("lists", "--user", "kim@example.com", "--json").stdout)
    (household,) = [each for each in mailbox["lists"] if each["name"] == "Household"]
    (task,) = household["tasks"]
    for_people = busy_terminal.run("lists").stdout.splitlines()
    assert f"    listid={household['id']}" in for_people
    assert f"      taskid={task['id']}" in for_people
    file = tmp_path / "by id.pdf"
    file.write_bytes(b"bytes")
    where = ("--list-id", household["id"], "--task-id", task["id"], "--user", "kim@example.com")
    assert busy_terminal.run("attach", file, *where).returncode == 0


def test_lists_of_another_graph_are_asked_with_a_token(stack: Up, busy_terminal: Terminal) -> None:
    """Over Graph's own protocol, as the real one is asked."""
    root, token = stack.ready()["graph"], stack.emulator()["token"]
    (mailbox,) = json.loads(busy_terminal.run("lists", "--graph-root", root, "--token", token, "--json").stdout)
    assert [(each["name"], [task["name"] for task in each["tasks"]]) for each in mailbox["lists"]] == [
        ("Tasks", ["Receipts"]),
        ("Household", ["Insurance"]),
    ]
    refused = busy_terminal.run("lists", "--graph-root", root, "--token", "wrong")
    assert (refused.returncode, "does not take the token" in refused.stderr) == (1, True)


def test_a_dry_run_looks_the_names_up_on_the_stack_that_runs(
    stack: Up, busy_terminal: Terminal, files: list[Path]
) -> None:
    planned = busy_terminal.run("attach", files[1], "--list", "Household", "--task", "Insurance", "--dry-run")
    assert planned.returncode == 0
    assert 'would go to the task "Insurance" of the list "Household", as sam@example.com' in planned.stdout
    wrong = busy_terminal.run("attach", files[1], "--list", "Household", "--task", "none", "--dry-run")
    assert (wrong.returncode, 'no task is named "none". Found "Insurance"' in wrong.stdout) == (1, True)


def test_metadata_that_is_put_right_after_a_rejection_is_seen_by_itself(stack: Up, busy_terminal: Terminal) -> None:
    """An edit raises no event. Nobody runs anything: a timer of the app finds the file by its tag."""
    ready = stack.ready()
    with azure_clients.container_client(Connection(ready["storage"]), ready["container"]) as container:
        blob = container.upload_blob("put right.txt", b"hello", metadata={"taks": "Receipts"})
        wait_until(lambda: blob.get_blob_tags().get("todo_state") == "rejected", "the rejection")
        assert "it is read again within ten minutes" in blob.get_blob_tags()["todo_reason"]
        blob.set_blob_metadata({"task": "Receipts"})
        wait_until(lambda: blob.get_blob_tags().get("todo_state") == "attached", "the file")


def test_reconcile_starts_nothing_where_every_event_arrived(stack: Up, busy_terminal: Terminal) -> None:
    wait_until(lambda: "0 missing" in busy_terminal.run("reconcile", "--only-look").stdout, "nothing missing")


def test_attach_tells_a_program_everything_in_json(stack: Up, busy_terminal: Terminal, files: list[Path]) -> None:
    attached = busy_terminal.run("attach", files[1], "--task", "Receipts", "--json")
    (file,) = json.loads(attached.stdout)["files"]
    assert (file["outcome"], file["bytes"], file["same_bytes"]) == ("attached", 17, True)
