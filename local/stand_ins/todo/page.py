"""A page for people: the emulator's tasks with their attachments, and the uploads that are under way.

It changes nothing, runs no script, loads nothing from elsewhere, and reloads itself every few seconds. There is no
socket here: a request comes in, a response goes out. Any person may have chosen the names on it, so all text is
escaped. A browser must save a download and not display it, because a file that is a web page could run there.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from urllib.parse import quote, unquote

from local.stand_ins.todo.mailbox import Attachment, Task
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.wire import Headers, Request, Response

_REFRESH_SECONDS = 3
_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h2 { margin-top: 2rem } h3 { margin-bottom: 0 }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8888; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top }
td.hash { font-family: monospace; font-size: .8rem; overflow-wrap: anywhere }
td.name { overflow-wrap: anywhere } td.size { white-space: nowrap }
progress { width: 8rem }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # this page's address is a secret
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}
_DOWNLOADS = "attachments/"


def handle_page(service: TodoService, request: Request) -> Response:
    """Answer a request. Its URL is relative to the page's own."""
    path = request.url.partition("?")[0]
    if request.method not in {"GET", "HEAD"}:
        return _text(405, "this page can only be looked at")
    if not path:
        page = "\n".join(_page(service))
        return Response(200, Headers({**_HEADERS, "Content-Type": "text/html; charset=utf-8"}), page.encode())
    if path.startswith(_DOWNLOADS):
        return _download(service, unquote(path.removeprefix(_DOWNLOADS)))
    return _text(404, "there is no such page")


def _download(service: TodoService, attachment_id: str) -> Response:
    found = next((each for each in _attachments(service) if each.id == attachment_id), None)
    if found is None:
        return _text(404, "there is no such attachment; perhaps it was deleted")
    if found.content is None:
        return _text(410, "this emulator keeps no contents, only their SHA-256")
    headers = {
        **_HEADERS,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
    }
    return Response(200, Headers(headers), found.content)


def _text(status: int, text: str) -> Response:
    return Response(status, Headers({**_HEADERS, "Content-Type": "text/plain; charset=utf-8"}), text.encode())


def _page(service: TodoService) -> Iterator[str]:
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{_REFRESH_SECONDS}">'
    yield f"<title>To Do emulator</title><style>{_STYLE}</style></head><body>"
    yield "<h1>To Do emulator</h1>"
    yield f"<p>What Microsoft To Do would show. As of {_time(service.now())}.</p>"
    yield from _under_way(service.open_sessions())
    for mailbox in service.store.mailboxes.values():
        yield f"<h2>{escape(mailbox.upn)}</h2>"
        for task_list in mailbox.lists.values():
            for task in task_list.tasks.values():
                yield f"<h3>{escape(task.title)} <small>in {escape(task_list.display_name)}</small></h3>"
                yield from _attached(task)
    yield "</body></html>"


def _under_way(sessions: Iterable[UploadSession]) -> Iterator[str]:
    yield "<h2>Uploads under way</h2>"
    rows = [
        f'<tr><td class="name">{escape(each.name)}</td><td>{escape(each.task.title)}</td>'
        f'<td class="size">{each.received:,} of {each.size:,} bytes</td>'
        f'<td><progress aria-label="bytes received" max="{each.size}" value="{each.received}"></progress></td></tr>'
        for each in sessions
    ]
    yield from _table(("file", "task", "received", ""), rows) if rows else ["<p>None.</p>"]


def _attached(task: Task) -> Iterator[str]:
    rows = [
        f'<tr><td class="name">{_link(each)}</td><td class="size">{each.size:,} bytes</td>'
        f'<td>{_time(each.created)}</td><td class="hash">{each.sha256}</td></tr>'
        for each in task.attachments.values()
    ]
    yield from _table(("attachment", "size", "attached at", "SHA-256"), rows) if rows else ["<p>No attachments.</p>"]


def _table(headings: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f'<th scope="col">{each}</th>' for each in headings) + "</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table>"


def _link(attachment: Attachment) -> str:
    name = escape(attachment.name)
    if attachment.content is None:
        return name
    return f'<a href="{_DOWNLOADS}{quote(attachment.id, safe="")}" download>{name}</a>'


def _time(when: datetime) -> str:
    return f'<time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M:%S} UTC</time>'


def _attachments(service: TodoService) -> Iterator[Attachment]:
    for mailbox in service.store.mailboxes.values():
        for task_list in mailbox.lists.values():
            for task in task_list.tasks.values():
                yield from task.attachments.values()
