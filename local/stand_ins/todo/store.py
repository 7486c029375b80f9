"""Everything that the service has: mailboxes, tokens, sessions; and the interface of what stores it beyond the process.

Every change goes to the keeper before the client gets an answer, so that what was acknowledged survives a kill.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, Protocol

from local.stand_ins.todo import ids
from local.stand_ins.todo.mailbox import Attachment, Mailbox, Task, TaskList, WellknownName
from local.stand_ins.todo.sessions import UploadSession

# So many of the last expired sessions are remembered, to be answered otherwise than those that never existed.
_REMEMBERED_EXPIRED = 1_000


class Keeper(Protocol):
    """Stores records beyond the process. A saved record replaces the one with the same id."""

    def save_mailbox(self, mailbox: Mailbox) -> None: ...
    def save_list(self, task_list: TaskList) -> None: ...
    def save_task(self, task: Task) -> None: ...
    def save_attachment(self, task: Task, attachment: Attachment) -> None: ...
    def save_session(self, session: UploadSession) -> None: ...
    def append(self, session: UploadSession, chunk: bytes) -> None:
        """Append *chunk*, before the `save_session` that counts it: a kill between them loses a range, and no order."""

    def forget_task(self, task: Task) -> None: ...
    def forget_attachment(self, attachment: Attachment) -> None: ...
    def forget_session(self, session: UploadSession, *, landed: bool) -> None: ...
    def forget_all(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What a bearer token is valid for. An application's token has no mailbox of its own."""

    mailbox: Mailbox | None


class Store:
    def __init__(self, keeper: Keeper | None, *, keep_content: bool, generation: int) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self.grants: dict[str, Grant] = {}
        self.sessions: dict[str, UploadSession] = {}
        self.keep_content = keep_content
        self.keeper = keeper
        # How often the state directory was opened: otherwise a restarted service would give out the same ids again.
        self._generation = generation
        self._given_out = 0
        self._expired: dict[str, None] = {}

    # --- mailboxes, lists, tasks ---

    def add_mailbox(self, upn: str, token: str, *, personal: bool = False) -> Mailbox:
        mailbox = self.find_mailbox(upn)
        if mailbox is None:
            mailbox = Mailbox(ids.object_id(upn), upn, personal)
            self.mailboxes[mailbox.object_id] = mailbox
        if token not in mailbox.tokens:
            mailbox.tokens.append(token)
        self.grants[token] = Grant(mailbox)
        if self.keeper:
            self.keeper.save_mailbox(mailbox)
        return mailbox

    def adopt_mailbox(self, mailbox: Mailbox, tokens: list[str]) -> None:
        """Add a mailbox that a keeper has stored."""
        self.mailboxes[mailbox.object_id] = mailbox
        mailbox.tokens.extend(tokens)
        self.grants |= dict.fromkeys(tokens, Grant(mailbox))

    def add_application_token(self, token: str) -> None:
        self.grants[token] = Grant(None)

    def revoke_token(self, token: str) -> None:
        grant = self.grants.pop(token)
        if grant.mailbox is not None:
            grant.mailbox.tokens.remove(token)
            if self.keeper:
                self.keeper.save_mailbox(grant.mailbox)

    def find_mailbox(self, name: str) -> Mailbox | None:
        return next((each for each in self.mailboxes.values() if each.answers_to(name)), None)

    def add_list(
        self, mailbox: Mailbox, name: str, *, wellknown_name: WellknownName = "none", shared: bool = False
    ) -> TaskList:
        ordinal = sum(each.display_name == name for each in mailbox.lists.values())
        list_id = ids.list_id(mailbox.object_id, f"{name}\0{ordinal}", personal=mailbox.personal)
        task_list = TaskList(list_id, name, mailbox, wellknown_name, shared)
        mailbox.lists[list_id] = task_list
        if self.keeper:
            self.keeper.save_list(task_list)
        return task_list

    def add_task(self, task_list: TaskList, title: str) -> Task:
        ordinal = sum(each.title == title for each in task_list.tasks.values())
        owner = task_list.mailbox
        task_id = ids.task_id(owner.object_id, task_list.id, title, str(ordinal), personal=owner.personal)
        if task_id in task_list.tasks:  # an earlier namesake was moved away or deleted
            task_id = self._fresh_task_id(owner, title)
        task = Task(task_id, title, task_list, key=task_id)
        task_list.tasks[task_id] = task
        if self.keeper:
            self.keeper.save_task(task)
        return task

    def move_task(self, task: Task, to: TaskList, *, id_: Literal["changes", "stays"]) -> None:
        del task.list.tasks[task.id]
        if id_ == "changes":
            task.id = self._fresh_task_id(to.mailbox, task.title)
        task.list = to
        to.tasks[task.id] = task
        if self.keeper:
            self.keeper.save_task(task)

    def delete_task(self, task: Task) -> None:
        del task.list.tasks[task.id]
        task.deleted = True
        if self.keeper:
            self.keeper.forget_task(task)

    # --- sessions ---

    def open_session(
        self, task: Task, name: str, size: int, content_type: str, *, now: datetime, expires: datetime, authtoken: bool
    ) -> UploadSession:
        self._bury_expired(now)
        mailbox = task.list.mailbox
        key = self._next_key()
        session = UploadSession(
            id=ids.session_id(mailbox.object_id, key, personal=mailbox.personal),
            mailbox=mailbox,
            task=task,
            list_id=task.list.id,
            task_id=task.id,
            name=name,
            size=size,
            content_type=content_type,
            created=now,
            expires=expires,
            authtoken=sha256(key.encode()).hexdigest() if authtoken else "",
            keeps_content=self.keep_content,
        )
        self.sessions[session.id] = session
        if self.keeper:
            self.keeper.save_session(session)
        return session

    def keep_range(self, session: UploadSession, chunk: bytes, expires: datetime) -> None:
        session.keep(chunk)
        session.expires = expires
        if self.keeper:
            self.keeper.append(session, chunk)
            # The last range is saved only when the file lands. Otherwise a kill between the two would leave a session
            # that has all bytes and has not landed, and so expects a range that does not exist.
            if not session.complete():
                self.keeper.save_session(session)

    def expire_session(self, session: UploadSession, now: datetime) -> None:
        session.expires = now
        self._bury_expired(now)

    def empty_session(self, session: UploadSession) -> None:
        if session.finished:
            return
        session.forget()
        if self.keeper:
            self.keeper.forget_session(session, landed=False)
            self.keeper.save_session(session)

    def cancel_session(self, session: UploadSession) -> None:
        del self.sessions[session.id]
        if self.keeper:
            self.keeper.forget_session(session, landed=session.finished)

    def session_ran_out(self, session_id: str, now: datetime) -> bool:
        session = self.sessions.get(session_id)
        return session_id in self._expired or (session is not None and session.expires <= now)

    def open_sessions(self, now: datetime) -> list[UploadSession]:
        return [each for each in self.sessions.values() if not each.finished and each.expires > now]

    # --- attachments ---

    def land_session(self, session: UploadSession, name: str, now: datetime, *, lingers: bool) -> Attachment:
        attachment = Attachment(
            id=ids.attachment_id(session.task.id, self._next_key()),
            name=name,
            declared_name=session.name,
            size=session.size,
            sha256=session.sha256(),
            content_type=session.content_type,
            created=now,
            content=session.take_content(),
            content_key=session.id,
        )
        self._land(session.task, attachment)
        session.finished = True
        if not lingers:
            del self.sessions[session.id]
        if self.keeper:
            self.keeper.forget_session(session, landed=True)
        return attachment

    def land_inline(
        self, task: Task, content: bytes, now: datetime, *, declared_name: str, name: str, content_type: str
    ) -> Attachment:
        attachment_id = ids.attachment_id(task.id, self._next_key())
        attachment = Attachment(
            id=attachment_id,
            name=name,
            declared_name=declared_name,
            size=len(content),
            sha256=sha256(content).hexdigest(),
            content_type=content_type,
            created=now,
            content=content if self.keep_content else None,
            content_key=attachment_id,
        )
        self._land(task, attachment)
        return attachment

    def delete_attachment(self, task: Task, attachment: Attachment) -> None:
        del task.attachments[attachment.id]
        task.copies[attachment.declared_name, attachment.sha256] -= 1
        if self.keeper:
            self.keeper.forget_attachment(attachment)

    def clear(self) -> None:
        """Forget everything, except which ids were given out."""
        self.mailboxes.clear()
        self.grants.clear()
        self.sessions.clear()
        self._expired.clear()
        if self.keeper:
            self.keeper.forget_all()

    def _land(self, task: Task, attachment: Attachment) -> None:
        task.attachments[attachment.id] = attachment
        task.copies[attachment.declared_name, attachment.sha256] += 1
        if self.keeper:
            self.keeper.save_attachment(task, attachment)

    def _bury_expired(self, now: datetime) -> None:
        for session in [each for each in self.sessions.values() if each.expires <= now]:
            self.cancel_session(session)
            self._expired[session.id] = None
        while len(self._expired) > _REMEMBERED_EXPIRED:
            del self._expired[next(iter(self._expired))]

    def _fresh_task_id(self, owner: Mailbox, title: str) -> str:
        return ids.task_id(owner.object_id, title, self._next_key(), personal=owner.personal)

    def _next_key(self) -> str:
        self._given_out += 1
        return f"{self._generation}.{self._given_out}"
