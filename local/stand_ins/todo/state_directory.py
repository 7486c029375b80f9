"""A directory that stores everything across restarts, also after SIGKILL.

    generation              how often it was opened, since new ids must not repeat old ones
    mailboxes/*.json  lists/*.json  tasks/*.json  attachments/*.json  sessions/*.json
    contents/*              bytes of an attachment, or those that a session has so far

A record is written whole to a new file, which is then renamed over the old one: after a kill one of the two is there.
Bytes are appended before the session's record counts them; surplus bytes after a kill are cut off at the next start.
When a session lands, its bytes stay where they are, and the attachment's record is written before the session's is
removed: a session that an attachment names has landed. Nothing is synced to disk: this survives a killed process, but
not a power cut.
"""

import json
import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from local.stand_ins.todo.mailbox import Attachment, Mailbox, Task, TaskList
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.store import Store

_KINDS = ("mailboxes", "lists", "tasks", "attachments", "sessions")


class StateDirectory:
    """`store.Keeper` in a directory. To open it begins a new generation; `restore` fills an empty store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: dict[Path, int] = {}
        self._last_order = 0
        for kind in (*_KINDS, "contents"):
            (path / kind).mkdir(parents=True, exist_ok=True)
        counter = path / "generation"
        self.generation = int(counter.read_text()) + 1 if counter.exists() else 0
        _replace(counter, str(self.generation))

    def restore(self, store: Store) -> None:
        mailboxes = {data["object_id"]: self._restore_mailbox(store, data) for data in self._records("mailboxes")}
        lists = {data["id"]: _restore_list(mailboxes[data["mailbox"]], data) for data in self._records("lists")}
        tasks = {data["key"]: _restore_task(lists[data["list"]], data) for data in self._records("tasks")}
        landed = {
            self._restore_attachment(tasks[data["task"]], data, keep_content=store.keep_content)
            for data in self._records("attachments")
            if data["task"] in tasks
        }
        for data in self._records("sessions"):
            if data["id"] in landed or data["task"] not in tasks:
                self._remove("sessions", data["id"])
                continue
            session = self._restore_session(tasks[data["task"]], data, keep_content=store.keep_content)
            store.sessions[session.id] = session

    # --- the keeper ---

    def save_mailbox(self, mailbox: Mailbox) -> None:
        self._save(
            "mailboxes",
            mailbox.object_id,
            {
                "object_id": mailbox.object_id,
                "upn": mailbox.upn,
                "personal": mailbox.personal,
                "tokens": mailbox.tokens,
            },
        )

    def save_list(self, task_list: TaskList) -> None:
        self._save(
            "lists",
            task_list.id,
            {
                "id": task_list.id,
                "display_name": task_list.display_name,
                "mailbox": task_list.mailbox.object_id,
                "wellknown_name": task_list.wellknown_name,
                "shared": task_list.shared,
            },
        )

    def save_task(self, task: Task) -> None:
        self._save("tasks", task.key, {"id": task.id, "key": task.key, "title": task.title, "list": task.list.id})

    def save_attachment(self, task: Task, attachment: Attachment) -> None:
        content = self._content(attachment.content_key)
        if attachment.content is not None and not content.exists():
            content.write_bytes(attachment.content)
        self._save(
            "attachments",
            attachment.id,
            {
                "id": attachment.id,
                "task": task.key,
                "name": attachment.name,
                "declared_name": attachment.declared_name,
                "size": attachment.size,
                "sha256": attachment.sha256,
                "content_type": attachment.content_type,
                "created": attachment.created.isoformat(),
                "content_key": attachment.content_key,
            },
        )
        if attachment.content is None:
            content.unlink(missing_ok=True)

    def save_session(self, session: UploadSession) -> None:
        self._save(
            "sessions",
            session.id,
            {
                "id": session.id,
                "task": session.task.key,
                "list_id": session.list_id,
                "task_id": session.task_id,
                "name": session.name,
                "size": session.size,
                "content_type": session.content_type,
                "created": session.created.isoformat(),
                "expires": session.expires.isoformat(),
                "authtoken": session.authtoken,
                "received": session.received,
            },
        )

    def append(self, session: UploadSession, chunk: bytes) -> None:
        with self._content(session.id).open("ab") as content:
            content.write(chunk)

    def forget_task(self, task: Task) -> None:
        self._remove("tasks", task.key)
        for attachment in task.attachments.values():
            self.forget_attachment(attachment)

    def forget_attachment(self, attachment: Attachment) -> None:
        self._remove("attachments", attachment.id)
        self._content(attachment.content_key).unlink(missing_ok=True)

    def forget_session(self, session: UploadSession, *, landed: bool) -> None:
        self._remove("sessions", session.id)
        if not landed:
            self._content(session.id).unlink(missing_ok=True)

    def forget_all(self) -> None:
        for kind in (*_KINDS, "contents"):
            for file in (self._path / kind).iterdir():
                file.unlink()
        self._orders.clear()

    # --- restoring ---

    def _restore_mailbox(self, store: Store, data: dict[str, Any]) -> Mailbox:
        mailbox = Mailbox(data["object_id"], data["upn"], data["personal"])
        store.adopt_mailbox(mailbox, data["tokens"])
        return mailbox

    def _restore_attachment(self, task: Task, data: dict[str, Any], *, keep_content: bool) -> str:
        """Returns the key of its content: the id of its session, where it had one."""
        file = self._content(data["content_key"])
        attachment = Attachment(
            id=data["id"],
            name=data["name"],
            declared_name=data["declared_name"],
            size=data["size"],
            sha256=data["sha256"],
            content_type=data["content_type"],
            created=datetime.fromisoformat(data["created"]),
            content=file.read_bytes() if keep_content and file.exists() else None,
            content_key=data["content_key"],
        )
        task.attachments[attachment.id] = attachment
        task.copies[attachment.declared_name, attachment.sha256] += 1
        return attachment.content_key

    def _restore_session(self, task: Task, data: dict[str, Any], *, keep_content: bool) -> UploadSession:
        session = UploadSession(
            id=data["id"],
            mailbox=task.list.mailbox,
            task=task,
            list_id=data["list_id"],
            task_id=data["task_id"],
            name=data["name"],
            size=data["size"],
            content_type=data["content_type"],
            created=datetime.fromisoformat(data["created"]),
            expires=datetime.fromisoformat(data["expires"]),
            authtoken=data["authtoken"],
            keeps_content=keep_content,
        )
        if data["received"]:
            # A kill between the bytes and their record leaves surplus bytes, which were never acknowledged.
            os.truncate(self._content(session.id), data["received"])
            session.keep(self._content(session.id).read_bytes())
        else:
            self._content(session.id).unlink(missing_ok=True)
        return session

    # --- files ---

    def _records(self, kind: str) -> list[dict[str, Any]]:
        """The records, in the order in which they were first saved."""
        records: list[dict[str, Any]] = []
        for file in (self._path / kind).glob("*.json"):
            record = json.loads(file.read_bytes())
            self._orders[file] = record["order"]
            self._last_order = max(self._last_order, record["order"])
            records.append(record)
        return sorted(records, key=lambda record: int(record["order"]))

    def _save(self, kind: str, key: str, record: dict[str, Any]) -> None:
        file = self._file(kind, key)
        if file not in self._orders:
            self._last_order += 1
            self._orders[file] = self._last_order
        order = self._orders[file]
        _replace(file, json.dumps(record | {"order": order}))

    def _remove(self, kind: str, key: str) -> None:
        file = self._file(kind, key)
        self._orders.pop(file, None)
        file.unlink(missing_ok=True)

    def _file(self, kind: str, key: str) -> Path:
        return self._path / kind / f"{_file_name(key)}.json"

    def _content(self, key: str) -> Path:
        return self._path / "contents" / _file_name(key)


def _restore_list(mailbox: Mailbox, data: dict[str, Any]) -> TaskList:
    task_list = TaskList(data["id"], data["display_name"], mailbox, data["wellknown_name"], data["shared"])
    mailbox.lists[task_list.id] = task_list
    return task_list


def _restore_task(task_list: TaskList, data: dict[str, Any]) -> Task:
    task = Task(data["id"], data["title"], task_list, data["key"])
    task_list.tasks[task.id] = task
    return task


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def _file_name(key: str) -> str:
    # Ids are long and case-sensitive, and not every file system accepts such names.
    return sha256(key.encode()).hexdigest()[:32]
