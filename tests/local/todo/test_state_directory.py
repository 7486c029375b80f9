"""What a state directory brings back. A killed service is one that writes no more: the next one opens what it left."""

from pathlib import Path

import pytest

from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.mailbox import Attachment, Task
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.state_directory import StateDirectory
from tests.local.todo.client import TOKEN, Client, field_of, make_client, ranges_of

SIZE = 100


class Killed(Exception):  # noqa: N818 - what happens, not an error of ours
    """The process ended here."""


class MortalState(StateDirectory):
    """Dies when one of its methods is called."""

    dies_in = ""

    def save_session(self, session: UploadSession) -> None:
        self._live_through("save_session")
        super().save_session(session)

    def save_attachment(self, task: Task, attachment: Attachment) -> None:
        self._live_through("save_attachment")
        super().save_attachment(task, attachment)

    def forget_session(self, session: UploadSession, *, landed: bool) -> None:
        self._live_through("forget_session")
        super().forget_session(session, landed=landed)

    def _live_through(self, method: str) -> None:
        if method == self.dies_in:
            raise Killed


def opened(directory: Path, behaviour: dict[str, object] | None = None, *, keep_content: bool = True) -> Client:
    """A service on *directory*: furnished the first time, as it was left after that."""
    state = MortalState(directory)
    client = make_client(behaviour, keeper=state if state.generation == 0 else None, keep_content=keep_content)
    if state.generation == 0:
        return client
    client.service.store.clear()
    client.service.store = type(client.service.store)(state, keep_content=keep_content, generation=state.generation)
    state.restore(client.service.store)
    [client.mailbox] = client.service.store.mailboxes.values()
    [client.task] = [task for each in client.mailbox.lists.values() for task in each.tasks.values()]
    client.task_list = client.task.list
    return client


def killed_in(method: str, directory: Path, *ranges: bytes) -> str:
    """The upload URL of a session whose service died while it kept the last of *ranges*."""
    url = (client := opened(directory)).open(SIZE)
    keeper = client.service.store.keeper
    assert isinstance(keeper, MortalState)
    start = 0
    for chunk in ranges[:-1]:
        client.put(url, start, chunk, SIZE)
        start += len(chunk)
    keeper.dies_in = method
    with pytest.raises(Killed):
        client.put(url, start, ranges[-1], SIZE)
    return url


def test_a_half_done_session_expects_its_next_byte_and_lands_the_whole_file(tmp_path: Path) -> None:
    url = (client := opened(tmp_path)).open(SIZE)
    client.put(url, 0, b"a" * 30, SIZE)
    client.put(url, 30, b"b" * 30, SIZE)
    client = opened(tmp_path)
    assert ranges_of(client.get(url)) == ["60"]
    assert client.put(url, 60, b"c" * 40, SIZE).status == 201
    assert opened(tmp_path).attached()[0].content == b"a" * 30 + b"b" * 30 + b"c" * 40


def test_a_session_keeps_its_expiry_and_its_own_token(tmp_path: Path) -> None:
    url = (client := opened(tmp_path, {"upload_url_authtoken": True, "session_lifetime": 60.0})).open(SIZE)
    client = opened(tmp_path)
    assert client.ask("GET", url, authorization="").status == 200
    client.pass_time(60)
    assert client.ask("GET", url, authorization="").status == 404


def test_bytes_that_were_never_acknowledged_are_cut_off(tmp_path: Path) -> None:
    """A kill between the bytes and the record that counts them."""
    url = killed_in("save_session", tmp_path, b"a" * 30, b"b" * 30)
    client = opened(tmp_path)
    assert ranges_of(client.get(url)) == ["30"]
    client.put(url, 30, b"c" * 70, SIZE)
    assert client.attached()[0].content == b"a" * 30 + b"c" * 70


def test_a_first_range_that_was_never_acknowledged_is_cut_off(tmp_path: Path) -> None:
    url = killed_in("save_session", tmp_path, b"b" * 30)
    client = opened(tmp_path)
    assert ranges_of(client.get(url)) == ["0"]
    client.put(url, 0, b"c" * SIZE, SIZE)
    assert opened(tmp_path).attached()[0].content == b"c" * SIZE


def test_a_last_range_that_did_not_land_is_expected_again(tmp_path: Path) -> None:
    url = killed_in("save_attachment", tmp_path, b"a" * 30, b"b" * 70)
    client = opened(tmp_path)
    assert client.attached() == []
    assert ranges_of(client.get(url)) == ["30"]


def test_a_file_that_landed_is_no_session_any_more(tmp_path: Path) -> None:
    """A kill between the attachment's record and the end of its session's."""
    url = killed_in("forget_session", tmp_path, b"a" * SIZE)
    client = opened(tmp_path)
    assert [attachment.content for attachment in client.attached()] == [b"a" * SIZE]
    assert client.service.open_sessions() == []
    assert client.get(url).status == 404


def test_a_record_half_written_leaves_the_old_one(tmp_path: Path) -> None:
    url = (client := opened(tmp_path)).open(SIZE)
    client.put(url, 0, bytes(30), SIZE)
    for record in tmp_path.rglob("*.json"):
        record.with_suffix(".new").write_text('{"id": "AAM')
    assert ranges_of(opened(tmp_path).get(url)) == ["30"]


def test_what_is_deleted_or_cancelled_stays_so_and_leaves_no_bytes(tmp_path: Path) -> None:
    client = opened(tmp_path)
    location = client.upload(b"x" * SIZE).headers["Location"]
    url = client.open(SIZE)
    client.put(url, 0, bytes(30), SIZE)
    client.ask("DELETE", location)
    client.ask("DELETE", url)
    assert list((tmp_path / "contents").iterdir()) == []
    client = opened(tmp_path)
    assert client.attached() == []
    assert client.service.open_sessions() == []


def test_a_session_that_forgot_its_bytes_has_forgotten_them_for_good(tmp_path: Path) -> None:
    client = opened(tmp_path)
    url = client.open(SIZE)
    client.put(url, 0, bytes(30), SIZE)
    client.service.faults.add(read_rule({"effect": {"kind": "forget_bytes"}}))
    assert ranges_of(client.get(url)) == ["0"]
    client = opened(tmp_path)
    assert ranges_of(client.get(url)) == ["0"]
    assert client.put(url, 0, b"x" * SIZE, SIZE).status == 201
    assert client.attached()[0].content == b"x" * SIZE


def test_a_posted_file_is_kept(tmp_path: Path) -> None:
    client = opened(tmp_path)
    client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aGk=", "contentType": "text/plain"})
    client = opened(tmp_path)
    attachment: Attachment = client.attached()[0]
    assert (attachment.name, attachment.content, attachment.content_type) == ("a", b"hi", "text/plain")
    assert client.get(f"{client.attachments_url}/{attachment.id}/$value").body == b"hi"


def test_a_second_copy_is_known_as_one_after_a_restart(tmp_path: Path) -> None:
    opened(tmp_path).upload(b"same")
    client = opened(tmp_path)
    client.upload(b"same")
    assert client.offences() == {"second_attachment": 1}


def test_a_moved_task_is_where_it_was_moved_with_what_hangs_on_it(tmp_path: Path) -> None:
    client = opened(tmp_path)
    client.upload(b"hi")
    url = client.open(SIZE)
    client.service.move_task(client.task, client.service.add_list(client.mailbox, "Elsewhere"))
    client = opened(tmp_path)
    assert client.task_list.display_name == "Elsewhere"
    assert client.put(url, 0, bytes(SIZE), SIZE).status == 201
    assert [attachment.size for attachment in client.attached()] == [2, SIZE]


def test_a_deleted_task_takes_everything_along(tmp_path: Path) -> None:
    client = opened(tmp_path)
    client.upload(b"hi")
    client.open(SIZE)
    client.service.delete_task(client.task)
    client.service.add_task(client.task_list, "New")
    client = opened(tmp_path)
    assert (client.task.title, client.attached(), client.service.open_sessions()) == ("New", [], [])


def test_lists_come_back_in_their_order(tmp_path: Path) -> None:
    client = opened(tmp_path)
    names = ["Tasks", *(f"list {number}" for number in range(12))]
    for name in names[1:]:
        client.service.add_list(client.mailbox, name, shared=True)
    lists = opened(tmp_path).mailbox.lists.values()
    assert [each.display_name for each in lists] == names
    assert [each.shared for each in lists] == [False] + [True] * 12


def test_a_revoked_token_stays_revoked(tmp_path: Path) -> None:
    client = opened(tmp_path)
    client.service.add_mailbox("sam@example.com", "second")
    client.service.revoke_token(TOKEN)
    assert opened(tmp_path).mailbox.tokens == ["second"]


def test_a_reset_leaves_nothing_but_the_generation(tmp_path: Path) -> None:
    client = opened(tmp_path)
    client.upload(b"hi")
    client.service.reset()
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()] == ["generation"]


def test_contents_that_are_not_kept_leave_no_bytes_but_half_done_ones_do(tmp_path: Path) -> None:
    client = opened(tmp_path, keep_content=False)
    client.upload(b"hi")
    assert list((tmp_path / "contents").iterdir()) == []
    url = client.open(2)
    client.put(url, 0, b"h", 2)
    client = opened(tmp_path, keep_content=False)
    client.put(url, 1, b"i", 2)
    first, second = client.attached()
    assert (first.sha256, first.content) == (second.sha256, None)


def test_new_ids_never_repeat_old_ones(tmp_path: Path) -> None:
    first = opened(tmp_path).upload(b"one").headers["Location"]
    client = opened(tmp_path)
    client.service.delete_task(client.task)
    client.task = client.service.add_task(client.task_list, "Receipts")
    assert client.upload(b"two").headers["Location"] != first
    assert field_of(client.get(client.task_url), "title") == "Receipts"
