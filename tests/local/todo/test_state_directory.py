"""What a state directory brings back. A killed service is one that writes no more: the next one opens what it left."""

from pathlib import Path

import pytest

from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.mailbox import Attachment, Task
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.state_directory import StateDirectory
from tests.local.todo.desk import TOKEN, Desk, field_of, make_desk, ranges_of

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


def opened(directory: Path, behaviour: dict[str, object] | None = None, *, keep_content: bool = True) -> Desk:
    """A service on *directory*: furnished the first time, as it was left after that."""
    state = MortalState(directory)
    desk = make_desk(behaviour, keeper=state if state.generation == 0 else None, keep_content=keep_content)
    if state.generation == 0:
        return desk
    desk.service.store.clear()
    desk.service.store = type(desk.service.store)(state, keep_content=keep_content, generation=state.generation)
    state.restore(desk.service.store)
    [desk.mailbox] = desk.service.store.mailboxes.values()
    [desk.task] = [task for each in desk.mailbox.lists.values() for task in each.tasks.values()]
    desk.task_list = desk.task.list
    return desk


def killed_in(method: str, directory: Path, *ranges: bytes) -> str:
    """The upload URL of a session whose service died while it kept the last of *ranges*."""
    url = (desk := opened(directory)).open(SIZE)
    keeper = desk.service.store.keeper
    assert isinstance(keeper, MortalState)
    start = 0
    for chunk in ranges[:-1]:
        desk.put(url, start, chunk, SIZE)
        start += len(chunk)
    keeper.dies_in = method
    with pytest.raises(Killed):
        desk.put(url, start, ranges[-1], SIZE)
    return url


def test_a_half_done_session_expects_its_next_byte_and_lands_the_whole_file(tmp_path: Path) -> None:
    url = (desk := opened(tmp_path)).open(SIZE)
    desk.put(url, 0, b"a" * 30, SIZE)
    desk.put(url, 30, b"b" * 30, SIZE)
    desk = opened(tmp_path)
    assert ranges_of(desk.get(url)) == ["60"]
    assert desk.put(url, 60, b"c" * 40, SIZE).status == 201
    assert opened(tmp_path).attached()[0].content == b"a" * 30 + b"b" * 30 + b"c" * 40


def test_a_session_keeps_its_expiry_and_its_own_token(tmp_path: Path) -> None:
    url = (desk := opened(tmp_path, {"upload_url_authtoken": True, "session_lifetime": 60.0})).open(SIZE)
    desk = opened(tmp_path)
    assert desk.ask("GET", url, authorization="").status == 200
    desk.pass_time(60)
    assert desk.ask("GET", url, authorization="").status == 404


def test_bytes_that_were_never_acknowledged_are_cut_off(tmp_path: Path) -> None:
    """A kill between the bytes and the record that counts them."""
    url = killed_in("save_session", tmp_path, b"a" * 30, b"b" * 30)
    desk = opened(tmp_path)
    assert ranges_of(desk.get(url)) == ["30"]
    desk.put(url, 30, b"c" * 70, SIZE)
    assert desk.attached()[0].content == b"a" * 30 + b"c" * 70


def test_a_first_range_that_was_never_acknowledged_is_cut_off(tmp_path: Path) -> None:
    url = killed_in("save_session", tmp_path, b"b" * 30)
    desk = opened(tmp_path)
    assert ranges_of(desk.get(url)) == ["0"]
    desk.put(url, 0, b"c" * SIZE, SIZE)
    assert opened(tmp_path).attached()[0].content == b"c" * SIZE


def test_a_last_range_that_did_not_land_is_expected_again(tmp_path: Path) -> None:
    url = killed_in("save_attachment", tmp_path, b"a" * 30, b"b" * 70)
    desk = opened(tmp_path)
    assert desk.attached() == []
    assert ranges_of(desk.get(url)) == ["30"]


def test_a_file_that_landed_is_no_session_any_more(tmp_path: Path) -> None:
    """A kill between the attachment's record and the end of its session's."""
    url = killed_in("forget_session", tmp_path, b"a" * SIZE)
    desk = opened(tmp_path)
    assert [attachment.content for attachment in desk.attached()] == [b"a" * SIZE]
    assert desk.service.open_sessions() == []
    assert desk.get(url).status == 404


def test_a_record_half_written_leaves_the_old_one(tmp_path: Path) -> None:
    url = (desk := opened(tmp_path)).open(SIZE)
    desk.put(url, 0, bytes(30), SIZE)
    for record in tmp_path.rglob("*.json"):
        record.with_suffix(".new").write_text('{"id": "AAM')
    assert ranges_of(opened(tmp_path).get(url)) == ["30"]


def test_what_is_deleted_or_cancelled_stays_so_and_leaves_no_bytes(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    location = desk.upload(b"x" * SIZE).headers["Location"]
    url = desk.open(SIZE)
    desk.put(url, 0, bytes(30), SIZE)
    desk.ask("DELETE", location)
    desk.ask("DELETE", url)
    assert list((tmp_path / "contents").iterdir()) == []
    desk = opened(tmp_path)
    assert desk.attached() == []
    assert desk.service.open_sessions() == []


def test_a_session_that_forgot_its_bytes_has_forgotten_them_for_good(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    url = desk.open(SIZE)
    desk.put(url, 0, bytes(30), SIZE)
    desk.service.faults.add(read_rule({"effect": {"kind": "forget_bytes"}}))
    assert ranges_of(desk.get(url)) == ["0"]
    desk = opened(tmp_path)
    assert ranges_of(desk.get(url)) == ["0"]
    assert desk.put(url, 0, b"x" * SIZE, SIZE).status == 201
    assert desk.attached()[0].content == b"x" * SIZE


def test_a_posted_file_is_kept(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": "aGk=", "contentType": "text/plain"})
    desk = opened(tmp_path)
    attachment: Attachment = desk.attached()[0]
    assert (attachment.name, attachment.content, attachment.content_type) == ("a", b"hi", "text/plain")
    assert desk.get(f"{desk.attachments_url}/{attachment.id}/$value").body == b"hi"


def test_a_second_copy_is_known_as_one_after_a_restart(tmp_path: Path) -> None:
    opened(tmp_path).upload(b"same")
    desk = opened(tmp_path)
    desk.upload(b"same")
    assert desk.offences() == {"second_attachment": 1}


def test_a_moved_task_is_where_it_was_moved_with_what_hangs_on_it(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    desk.upload(b"hi")
    url = desk.open(SIZE)
    desk.service.move_task(desk.task, desk.service.add_list(desk.mailbox, "Elsewhere"))
    desk = opened(tmp_path)
    assert desk.task_list.display_name == "Elsewhere"
    assert desk.put(url, 0, bytes(SIZE), SIZE).status == 201
    assert [attachment.size for attachment in desk.attached()] == [2, SIZE]


def test_a_deleted_task_takes_everything_along(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    desk.upload(b"hi")
    desk.open(SIZE)
    desk.service.delete_task(desk.task)
    desk.service.add_task(desk.task_list, "New")
    desk = opened(tmp_path)
    assert (desk.task.title, desk.attached(), desk.service.open_sessions()) == ("New", [], [])


def test_lists_come_back_in_their_order(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    names = ["Tasks", *(f"list {number}" for number in range(12))]
    for name in names[1:]:
        desk.service.add_list(desk.mailbox, name, shared=True)
    lists = opened(tmp_path).mailbox.lists.values()
    assert [each.display_name for each in lists] == names
    assert [each.shared for each in lists] == [False] + [True] * 12


def test_a_revoked_token_stays_revoked(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    desk.service.add_mailbox("sam@example.com", "second")
    desk.service.revoke_token(TOKEN)
    assert opened(tmp_path).mailbox.tokens == ["second"]


def test_a_reset_leaves_nothing_but_the_generation(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    desk.upload(b"hi")
    desk.service.reset()
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()] == ["generation"]


def test_contents_that_are_not_kept_leave_no_bytes_but_half_done_ones_do(tmp_path: Path) -> None:
    desk = opened(tmp_path, keep_content=False)
    desk.upload(b"hi")
    assert list((tmp_path / "contents").iterdir()) == []
    url = desk.open(2)
    desk.put(url, 0, b"h", 2)
    desk = opened(tmp_path, keep_content=False)
    desk.put(url, 1, b"i", 2)
    first, second = desk.attached()
    assert (first.sha256, first.content) == (second.sha256, None)


def test_new_ids_never_repeat_old_ones(tmp_path: Path) -> None:
    first = opened(tmp_path).upload(b"one").headers["Location"]
    desk = opened(tmp_path)
    desk.service.delete_task(desk.task)
    desk.task = desk.service.add_task(desk.task_list, "Receipts")
    assert desk.upload(b"two").headers["Location"] != first
    assert field_of(desk.get(desk.task_url), "title") == "Receipts"
