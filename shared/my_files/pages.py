"""The HTML of the page of a person's own files, the parts of it that its script requests, and the script.

All text comes from outside and is escaped. Without the script the page works, except for progress, search and large
files. The script finds the page's elements by their ids.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from shared.core.size_text import size_text
from shared.my_files.shown import ShownUpload
from shared.sign_in.browser import BrowserResponse
from shared.sign_in.look import Look
from shared.sign_in.person import Person

_SCRIPT = Path(__file__).with_name("files.js").read_text(encoding="utf-8")
_SCRIPT_TAG = f'"{hashlib.sha256(_SCRIPT.encode()).hexdigest()[:32]}"'

_TITLE = "Your files for To Do"
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{max-width:52rem}"
    "h3{font-size:1.125rem;line-height:1.4;margin:0}"
    "small,.about,.hint,progress+span{font-size:1rem;color:#595959}"
    "select,input[type=search],input[type=file]{font:inherit;box-sizing:border-box;width:100%;max-width:100%}"
    "select,input[type=search]{padding:.4rem .5rem}"
    "fieldset{border:1px solid #767676;border-radius:.25rem;margin:0 0 1rem;padding:.5rem 1rem 1rem;min-width:0}"
    "legend,label.over{font-weight:600}"
    "label.over{display:block}"
    "form{margin:0}"
    "#lists{display:grid;gap:.25rem;margin:0 0 1rem}"
    "#lists button{justify-self:start;margin-top:.5rem}"
    "#find{margin:0 0 .5rem}"
    ".choices{max-height:15rem;overflow-y:auto}"
    ".choice{display:flex;gap:.75rem;align-items:baseline;padding:.4rem .25rem;border-top:1px solid #d0d0d0}"
    ".choice:first-child{border-top:0}"
    ".choice input{flex:none}"
    ".title{unicode-bidi:isolate}"
    "#drop{border:2px dashed #767676;border-radius:.25rem;padding:.75rem 1rem;margin:0 0 1rem}"
    "#drop.over-it{border-style:solid;border-color:#0b57a4}"
    "#refused{margin:0 0 1rem}"
    "#sending{margin:1.5rem 0 0}"
    "nav.row{margin:1rem 0 0}"
    "button.small,.button.small{padding:.25rem .9rem;font-size:1rem}"
    ".who,.row{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:0 0 1rem}"
    ".who{justify-content:space-between}"
    "ul.files{list-style:none;margin:0;padding:0}"
    "ul.files>li{display:grid;grid-template-columns:1fr auto;gap:.1rem 1rem;padding:.9rem 0;"
    "border-top:1px solid #d0d0d0}"
    "ul.files p{margin:0}"
    ".about,.detail,.bar,.actions{grid-column:1/-1}"
    ".state{font-weight:600;border-left:.35rem solid #767676;padding-left:.5rem;align-self:start}"
    ".state.good{border-color:#1a7f37;color:#116329}"
    ".state.bad{border-color:#c62828;color:#a31515}"
    ".bar{display:flex;gap:.75rem;align-items:center}"
    "progress{flex:1;max-width:30rem;min-width:6rem;height:1rem;accent-color:#0b57a4}"
    ".actions{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:.4rem}"
    ".notice,.trouble{border-left:.35rem solid #0b57a4;padding:.25rem .75rem}"
    ".trouble{border-color:#c62828}"
    ".unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}"
    "[hidden]{display:none!important}"
    "@media(max-width:30rem){ul.files>li{grid-template-columns:1fr}}"
    "@media(prefers-color-scheme:dark){small,.about,.hint,progress+span{color:#b8b8b8}"
    ".choice,ul.files>li{border-color:#4a4a4a}#drop.over-it,.notice{border-color:#8ec5ff}"
    ".state.good{border-color:#57c26e;color:#7ee08f}.state.bad,.trouble{border-color:#ff7b72}.state.bad{color:#ffa198}"
    "progress{accent-color:#8ec5ff}}"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the person's lists."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task of the chosen list."""

    id: str
    title: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class FilesView:
    """What the page shows. Where Graph gave no *lists* or *tasks*, they are a text: why, and what to do.

    *tasks_cut*: the list has more tasks than these. *next_page* names the next page of the listing; empty at its end.
    *notice*: what has just been done, or was not.
    """

    person: Person
    lists: Sequence[Choice] | str
    chosen: Choice | None
    tasks: Sequence[TaskChoice] | str
    tasks_cut: bool
    uploads: Sequence[ShownUpload]
    next_page: str
    is_first_page: bool
    notice: str


@dataclass(frozen=True, slots=True)
class FilesPages:
    """Renders the pages. *app_url* is the app's own root (`.../api`); the script sends files to *blob_origin*.

    *max_file_bytes*: the largest file that the script may send; *max_form_bytes*: the largest that a form may.
    """

    app_url: str
    authority: str
    blob_origin: str
    max_file_bytes: int
    max_form_bytes: int

    @property
    def address(self) -> str:
        """The address of the page itself."""
        return f"{self.app_url}/files"

    # -- the page, and what its script requests --

    def files(self, view: FilesView) -> BrowserResponse:
        notice = f'<p class="notice" role="status">{escape(view.notice)}</p>' if view.notice else ""
        return self._look.page(
            200,
            _TITLE,
            f'<div class="who"><span>Signed in as <strong>{escape(view.person.name)}</strong></span>'
            f"{self._form('sign-out', 'Sign out')}</div>{notice}"
            f'<section aria-labelledby="to-send"><h2 id="to-send">Send files</h2>{self._sending(view)}</section>'
            '<section aria-labelledby="sent"><h2 id="sent" tabindex="-1">Files of the last 30 days</h2>'
            f'<div class="row"><a id="refresh" class="button quiet small" href="{escape(self.address)}">Refresh</a>'
            '<span id="looked" class="hint"></span></div>'
            '<p id="not-done" class="trouble" role="alert" hidden></p>'
            f'<div id="uploads">{self._listing(view)}</div></section>'
            '<p id="said" class="unseen" role="status"></p>',
        )

    def listing(self, view: FilesView) -> BrowserResponse:
        """Only the listing, for the script."""
        return self._look.fragment(self._listing(view))

    def tasks(self, tasks: Sequence[TaskChoice] | str, *, cut: bool = False) -> BrowserResponse:
        """Only the tasks to choose from, for the script."""
        return self._look.fragment(_tasks(tasks, cut=cut))

    def script(self, known: str = "") -> BrowserResponse:
        """The script. *known*: the ETag of the one that the browser has."""
        headers = {**self._look.security_headers(), "Cache-Control": "no-cache", "ETag": _SCRIPT_TAG}
        if known == _SCRIPT_TAG:
            return BrowserResponse(304, headers)
        return BrowserResponse(200, {**headers, "Content-Type": "text/javascript; charset=utf-8"}, _SCRIPT)

    def json(self, status: int, content: Mapping[str, object]) -> BrowserResponse:
        """A response in JSON, for the script."""
        headers = {**self._plain.security_headers(), "Content-Type": "application/json"}
        return BrowserResponse(status, headers, json.dumps(content))

    def redirect(self, url: str) -> BrowserResponse:
        return self._look.redirect(url)

    # -- other pages --

    def sign_in_first(self) -> BrowserResponse:
        return self._plain.page(
            200,
            _TITLE,
            "<p>Send files to your tasks in Microsoft To Do, and see what became of those that were sent for you.</p>"
            + self._button("sign-in", "Sign in"),
        )

    def not_connected(self, person: Person) -> BrowserResponse:
        return self._plain.page(
            403,
            "Your To Do is not connected",
            f"<p>You signed in as <strong>{escape(person.name)}</strong>, whose To Do is not connected. Connect it "
            "once; then you can send files to its tasks.</p>"
            f'<p><a class="button" href="{escape(self.app_url)}/connect">Connect</a></p>'
            + self._button("sign-in", "Use another account", quiet=True),
        )

    def signed_out(self) -> BrowserResponse:
        return self._plain.page(
            200,
            "You are signed out",
            "<p>This browser can see and send your files no longer. Your To Do is still connected, and what you sent "
            "goes on. On a computer that others use, sign out at Microsoft too.</p>"
            + self._button("sign-in", "Sign in again"),
        )

    def problem(self, status: int, title: str, words: str) -> BrowserResponse:
        """*words*: what went wrong, and what to do. The script takes them out of the page, by their element's id."""
        return self._plain.page(
            status,
            title,
            f'<p id="problem">{escape(words)}</p>'
            f'<p><a class="button" href="{escape(self.address)}">Back to your files</a></p>',
        )

    # -- parts of pages --

    def _sending(self, view: FilesView) -> str:
        if isinstance(view.lists, str):
            return f'<p class="trouble">{escape(view.lists)}</p>'
        if not view.lists:
            return '<p class="trouble">Your To Do has no list that can be seen: make one there, and refresh.</p>'
        return self._lists(view.lists, view.chosen) + self._send_form(view)

    def _lists(self, lists: Sequence[Choice], chosen: Choice | None) -> str:
        chosen_id = chosen.id if chosen is not None else ""
        options = "".join(_option(each, is_chosen=each.id == chosen_id) for each in lists)
        return (
            f'<form id="lists" method="get" action="{escape(self.address)}"><label class="over" for="list">List</label>'
            f'<select id="list" name="list">{options}</select>'
            '<button class="quiet small" type="submit">Show its tasks</button></form>'
        )

    def _send_form(self, view: FilesView) -> str:
        list_id = escape(view.chosen.id) if view.chosen is not None else ""
        most, most_by_form = size_text(self.max_file_bytes), size_text(self.max_form_bytes)
        return (
            f'<form id="send" method="post" action="{escape(self.address)}/send" enctype="multipart/form-data" '
            f'data-max-bytes="{self.max_file_bytes}">'
            f'<input type="hidden" name="list" value="{list_id}">'
            "<fieldset><legend>Task</legend>"
            '<div id="find" hidden><label class="over" for="search">Search</label>'
            '<input type="search" id="search" autocomplete="off" aria-describedby="found">'
            '<small id="found" role="status"></small></div>'
            f'<div id="tasks">{_tasks(view.tasks, cut=view.tasks_cut)}</div></fieldset>'
            '<div id="drop"><label class="over" for="file">File</label>'
            '<input type="file" id="file" name="file" required aria-describedby="most">'
            # Not <noscript>: the words must also show where the browser runs scripts, and this one could not load.
            f'<small id="most"><span id="form-hint">Without JavaScript: one file at a time, at most {most_by_form}, '
            f'and this page does not refresh itself. With it: at most {most} each.</span><span id="drop-hint" hidden>'
            f"One or several, picked or dropped here. At most {most} each.</span></small></div>"
            '<div id="refused" class="trouble" role="alert" hidden></div>'
            '<button type="submit">Send</button></form>'
            '<ul id="sending" class="files" role="list" aria-label="Being sent"></ul>'
        )

    def _listing(self, view: FilesView) -> str:
        under_way = sum(upload.is_under_way for upload in view.uploads)
        items = "".join(map(self._upload, view.uploads))
        nothing = (
            "<p>Nothing yet. What you send here, and what is sent for you in other ways, is listed here.</p>"
            if view.is_first_page
            else "<p>No older files.</p>"
        )
        return (
            f'<ul class="files" role="list" data-under-way="{under_way}" aria-labelledby="sent">{items}</ul>'
            + ("" if items else nothing)
            + self._page_links(view)
        )

    def _page_links(self, view: FilesView) -> str:
        newest = "" if view.is_first_page else f'<a id="newest" href="{escape(self.address)}">Newest files</a>'
        older = f"{escape(self.address)}?page={quote(view.next_page, safe='')}"
        on = f'<a id="older" rel="next" href="{older}">Older files</a>' if view.next_page else ""
        return f'<nav class="row" aria-label="Pages">{newest}{on}</nav>' if newest or on else ""

    def _upload(self, upload: ShownUpload) -> str:
        name, state = escape(upload.name), escape(upload.state)
        # People choose these names, and one that changes the direction of writing would change that of the text after
        # it as well.
        where = f"<bdi>{escape(upload.task)}</bdi>" + (f", in <bdi>{escape(upload.list)}</bdi>" if upload.list else "")
        other_way = "" if upload.is_mine_to_change else " &middot; not sent from this page"
        detail = f'<p class="detail">{escape(upload.detail)}</p>' if upload.detail else ""
        return (
            f'<li id="upload-{escape(upload.upload_id)}" data-name="{name}" data-state="{state}" tabindex="-1">'
            f'<h3>{name}</h3><p class="state {upload.tone}">{state}</p>'
            f'<p class="about">{where} &middot; {size_text(upload.size)} &middot; {_time(upload.when)}{other_way}</p>'
            f"{detail}{_bar(upload)}{self._actions(upload)}</li>"
        )

    def _actions(self, upload: ShownUpload) -> str:
        buttons = [
            f'<a id="connect-{escape(upload.upload_id)}" class="button quiet small" '
            f'href="{escape(self.app_url)}/connect">Connect</a>'
            if upload.wants_connecting
            else "",
            self._form("retry", "Try again", upload) if upload.can_retry else "",
            self._form("withdraw", "Withdraw", upload) if upload.can_withdraw else "",
        ]
        return f'<div class="actions">{"".join(buttons)}</div>' if any(buttons) else ""

    def _form(self, action: str, words: str, upload: ShownUpload | None = None) -> str:
        field, name, of = "", "", ""
        if upload is not None:
            field = f'<input type="hidden" name="upload" value="{escape(upload.upload_id)}">'
            name = f' id="{action}-{escape(upload.upload_id)}"'
            of = f'<span class="unseen"> {escape(upload.name)}</span>'
        return (
            f'<form method="post" action="{escape(self.address)}/{action}">{field}'
            f'<button{name} class="quiet small" type="submit">{words}{of}</button></form>'
        )

    def _button(self, action: str, words: str, *, quiet: bool = False) -> str:
        kind = "button quiet" if quiet else "button"
        return f'<p><a class="{kind}" href="{escape(self.address)}/{action}">{words}</a></p>'

    @property
    def _look(self) -> Look:
        return Look(self.app_url, self.authority, _STYLE, f"{self.address}/script", (self.blob_origin,))

    @property
    def _plain(self) -> Look:
        """The look of pages that run no script and send nothing."""
        return Look(self.app_url, self.authority)


def _option(choice: Choice, *, is_chosen: bool) -> str:
    return f'<option value="{escape(choice.id)}"{" selected" if is_chosen else ""}>{escape(choice.name)}</option>'


def _tasks(tasks: Sequence[TaskChoice] | str, *, cut: bool) -> str:
    if isinstance(tasks, str):
        return f'<p class="trouble">{escape(tasks)}</p>'
    if not tasks:
        return "<p>This list has no task: make one in To Do, or choose another list.</p>"
    open_first = sorted(tasks, key=lambda task: not task.is_open)
    more = "<p><small>This list has more tasks than are shown here.</small></p>" if cut else ""
    return f'<div class="choices">{"".join(map(_task, open_first))}</div>{more}'


def _task(task: TaskChoice) -> str:
    completed = "" if task.is_open else " <small>(completed)</small>"
    return (
        f'<label class="choice"><input type="radio" name="task" value="{escape(task.id)}" required>'
        f'<span><span class="title">{escape(task.title)}</span>{completed}</span></label>'
    )


def _bar(upload: ShownUpload) -> str:
    if upload.progress is None:
        return ""
    percent = int(upload.progress * 100)
    return (
        f'<div class="bar"><progress max="100" value="{percent}" aria-label="How much of {escape(upload.name)} is '
        f'there"></progress><span>{percent} %</span></div>'
    )


def _time(when: datetime) -> str:
    """The time in UTC. The script rewrites it in the reader's own time zone."""
    return f'<time datetime="{when:%Y-%m-%dT%H:%M:%SZ}">{when.day} {when:%B %Y, %H:%M} UTC</time>'
