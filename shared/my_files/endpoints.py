"""The response at each address of the page: `files`, and `files/ACTION`.

A person may open the page itself from anywhere. A request of the script, or one that changes something, is accepted
only where the browser says that this app's own page sent it. Only after this check is the session looked up, and only
after that the body parsed as a form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from shared.errors import StorageUnavailable, TokenUnavailable
from shared.my_files import fields, refusals
from shared.my_files.fields import Wanted
from shared.my_files.own_uploads import OwnUploads
from shared.my_files.pages import FilesPages, FilesView
from shared.my_files.refusals import Refusal
from shared.my_files.sending import PUT_HEADERS, Sending
from shared.my_files.shown import shown_listing
from shared.my_files.signed_in import SignedInBrowsers
from shared.my_files.task_choice import TaskChoices, Tasks
from shared.ports import Telemetry
from shared.sign_in.browser import BrowserRequest, BrowserResponse
from shared.sign_in.person import Person

# What has just been done, by a word in the page's address. No other part of an address is ever shown on a page.
_NOTICES = {
    "sent": "Your file has come, and is being attached.",
    "withdrawn": "The file is withdrawn.",
    "again": "The file is tried again.",
}

type _Answer = BrowserResponse | Refusal


@dataclass(frozen=True, slots=True)
class FilesEndpoints:
    """Responds to browsers. *begin_sign_in* sends the browser to the identity provider, to learn who the person is."""

    browsers: SignedInBrowsers
    choices: TaskChoices
    uploads: OwnUploads
    sending: Sending
    pages: FilesPages
    telemetry: Telemetry
    begin_sign_in: Callable[[], BrowserResponse]

    def respond(self, request: BrowserRequest) -> BrowserResponse:
        why = ""
        answer: _Answer
        try:
            answer = self._answer(request)
        except (StorageUnavailable, TokenUnavailable) as error:
            # A file may have been written although no answer came: "try again" would then make two attachments.
            answer = refusals.MAY_HAVE_COME if request.action == "send" else refusals.UNAVAILABLE
            why = str(error)
        if isinstance(answer, BrowserResponse):
            return answer
        self.telemetry.record("page_refused", problem=answer.code, why=why)
        if request.action in self._by_json:
            return self.pages.json(answer.status, {"problem": answer.words})
        return self.pages.problem(answer.status, answer.title, answer.words)

    def clear_over(self) -> int:
        """Delete page sessions that have expired, and count them. Raises StorageUnavailable."""
        return self.browsers.clear_over()

    def _answer(self, request: BrowserRequest) -> _Answer:
        match request.method, request.action:
            case "GET", "script":
                return self.pages.script(request.headers.get("if-none-match", ""))
            case "GET", "":
                return self._visit(request)
            case "GET", "sign-in":
                is_visit = request.is_visit(self.pages.app_url)
                return self.begin_sign_in() if is_visit else refusals.CROSS_SITE
            case "GET", action if action in self._fragments:
                respond = self._fragments[action]
            case "POST", action if action in self._changes:
                respond = self._changes[action]
            case "POST", "sign-out":
                is_own = request.is_surely_from_own_page(self.pages.app_url)
                return self.browsers.close(request) if is_own else refusals.CROSS_SITE
            case _:
                return refusals.NO_SUCH_PAGE
        if not request.is_surely_from_own_page(self.pages.app_url):
            return refusals.CROSS_SITE
        person = self.browsers.person_of(request)
        return person if isinstance(person, Refusal) else respond(person, request)

    @property
    def _fragments(self) -> Mapping[str, Callable[[Person, BrowserRequest], _Answer]]:
        return {"listing": self._listing, "tasks": self._tasks}

    @property
    def _by_json(self) -> Mapping[str, Callable[[Person, BrowserRequest], _Answer]]:
        return {"sign": self._sign, "sent": self._sent}

    @property
    def _changes(self) -> Mapping[str, Callable[[Person, BrowserRequest], _Answer]]:
        return {**self._by_json, "withdraw": self._withdraw, "retry": self._retry, "send": self._send}

    # -- the page, and the parts of it that its script requests --

    def _visit(self, request: BrowserRequest) -> _Answer:
        if not request.is_visit(self.pages.app_url):
            return refusals.CROSS_SITE
        person = self.browsers.person_of(request)
        if person is refusals.SIGNED_OUT:
            return self.pages.sign_in_first()
        if isinstance(person, Refusal):
            return person
        lists = self.choices.lists(person)
        chosen = None
        tasks: Tasks | str = Tasks((), is_cut=False)
        if not isinstance(lists, str) and lists:
            wanted = request.parameters.get("list", "")
            chosen = next((each for each in lists if each.id == wanted), lists[0])
            tasks = self.choices.tasks(person, chosen.id)
        items, is_cut = (tasks, False) if isinstance(tasks, str) else (tasks.items, tasks.is_cut)
        notice = _NOTICES.get(request.parameters.get("done", ""), "")
        view = self._uploads(person, request)
        return self.pages.files(replace(view, lists=lists, chosen=chosen, tasks=items, tasks_cut=is_cut, notice=notice))

    def _listing(self, person: Person, request: BrowserRequest) -> _Answer:
        return self.pages.listing(self._uploads(person, request))

    def _tasks(self, person: Person, request: BrowserRequest) -> _Answer:
        list_id = fields.graph_id(request.parameters.get("list"))
        if not list_id:
            return refusals.NO_TASK
        tasks = self.choices.tasks(person, list_id)
        return self.pages.tasks(tasks) if isinstance(tasks, str) else self.pages.tasks(tasks.items, cut=tasks.is_cut)

    def _uploads(self, person: Person, request: BrowserRequest) -> FilesView:
        """The view with the uploads only."""
        place = request.parameters.get("page", "")
        page = self.uploads.page(person, place)
        return FilesView(
            person,
            lists=(),
            chosen=None,
            tasks=(),
            tasks_cut=False,
            uploads=shown_listing(page.entries, self.uploads.now()),
            next_page=page.next,
            is_first_page=not place,
            notice="",
        )

    # -- what the script sends, as JSON --

    def _sign(self, person: Person, request: BrowserRequest) -> _Answer:
        content = fields.read_json(request.headers.get("content-type", ""), request.body)
        if content is None:
            return refusals.NOT_UNDERSTOOD
        wanted = fields.wanted(content, most_bytes=self.pages.max_file_bytes)
        signed = wanted if isinstance(wanted, Refusal) else self.sending.sign(person, wanted)
        if isinstance(signed, Refusal):
            return signed
        return self.pages.json(200, {"url": signed.url, "token": signed.token, "headers": PUT_HEADERS})

    def _sent(self, person: Person, request: BrowserRequest) -> _Answer:
        content = fields.read_json(request.headers.get("content-type", ""), request.body)
        if content is None:
            return refusals.NOT_UNDERSTOOD
        has_come = self.sending.has_come(person, fields.token(content.get("token")))
        return self.pages.json(200, {"state": "there" if has_come else "missing"})

    # -- what a form sends --

    def _send(self, person: Person, request: BrowserRequest) -> _Answer:
        form = request.read_form()
        file = form.files.get("file")
        if file is None or not file.name:
            return refusals.NO_FILE
        content = {**form.fields, "name": file.name, "size": len(file.content)}
        wanted = fields.wanted(content, most_bytes=self.pages.max_form_bytes)
        if isinstance(wanted, Refusal):
            return wanted
        return self._done("sent", self.sending.send(person, self._with_names(person, wanted), file.content))

    def _withdraw(self, person: Person, request: BrowserRequest) -> _Answer:
        upload_id = fields.upload_id(request.read_form().fields.get("upload"))
        return self._done("withdrawn", self.uploads.withdraw(person, upload_id))

    def _retry(self, person: Person, request: BrowserRequest) -> _Answer:
        upload_id = fields.upload_id(request.read_form().fields.get("upload"))
        return self._done("again", self.uploads.try_again(person, upload_id))

    def _with_names(self, person: Person, wanted: Wanted) -> Wanted:
        """*wanted* with the names of its list and its task, as far as they are known: a form sends only their ids."""
        lists, tasks = self.choices.lists(person), self.choices.tasks(person, wanted.list_id)
        list_names = {each.id: each.name for each in lists} if not isinstance(lists, str) else {}
        titles = {each.id: each.title for each in tasks.items} if isinstance(tasks, Tasks) else {}
        return replace(wanted, list_name=list_names.get(wanted.list_id, ""), task_title=titles.get(wanted.task_id, ""))

    # --

    def _done(self, word: str, refusal: Refusal | None) -> _Answer:
        return refusal or self.pages.redirect(f"{self.pages.address}?done={word}")
