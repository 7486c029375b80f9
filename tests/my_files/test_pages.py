"""The pages of a person's files: what they say, and that nothing breaks out of them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from urllib.parse import quote

import pytest

from shared.my_files import pages as module
from shared.my_files.pages import Choice, FilesPages, FilesView, TaskChoice
from shared.my_files.shown import ShownUpload
from shared.sign_in.browser import BrowserResponse
from shared.sign_in.look import STYLE
from shared.sign_in.person import Person
from tests.support.web_page import Page, contrast

PAGES = FilesPages("https://app.example/api", "https://login.example", "https://a.blob.example", 26_214_400, 1_048_576)
SAM = Person("5a000000-0000-4000-8000-000000000001", "7e000000-0000-4000-8000-000000000001", "sam@example.com")
UPLOAD = ShownUpload(
    "a" * 32, "plan.pdf", "Tasks", "Buy milk", 26_214_400, "Being attached", "", datetime(2026, 3, 1, 9, 5, tzinfo=UTC),
    0.425, is_mine_to_change=True, can_withdraw=True, can_retry=False, is_under_way=True,
)  # fmt: skip
VIEW = FilesView(
    SAM, (Choice("L1", "Tasks"), Choice("L2", "Work")), Choice("L2", "Work"), (TaskChoice("T1", "Plan", is_open=True),),
    tasks_cut=False, uploads=(UPLOAD,), next_page="", is_first_page=True, notice="",
)  # fmt: skip
# What would be markup, an attribute's end, or a script of its own.
BREAKOUTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "&lt;b&gt;",
]


def text_of(response: BrowserResponse) -> str:
    return unescape(re.sub(r"<[^>]+>", "", response.body.partition("</head>")[2]))


def policy(response: BrowserResponse) -> dict[str, str]:
    return dict(each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; "))


def test_the_page_alone_runs_its_own_script_and_sends_to_the_storage() -> None:
    page = PAGES.files(VIEW)
    assert policy(page)["script-src"] == "https://app.example/api/files/script"
    assert policy(page)["connect-src"] == "'self' https://a.blob.example"
    assert policy(page)["default-src"] == "'none'"
    assert re.findall(r"<script[^>]*>", page.body) == ['<script src="https://app.example/api/files/script" defer>']
    for other in (PAGES.sign_in_first(), PAGES.signed_out(), PAGES.not_connected(SAM), PAGES.problem(404, "No", "no")):
        assert not {"script-src", "connect-src"} & policy(other).keys()
        assert "<script" not in other.body


def test_every_answer_has_the_headers_that_protect_it_and_only_the_script_is_kept() -> None:
    answers = [PAGES.files(VIEW), PAGES.listing(VIEW), PAGES.tasks(()), PAGES.script(), PAGES.redirect("/x")]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 3 + ["no-cache", "no-store"]


def test_the_script_is_sent_once_to_a_browser_that_keeps_it() -> None:
    first = PAGES.script()
    assert (first.status, first.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert first.body.startswith("/* The page's script")
    again = PAGES.script(first.headers["ETag"])
    assert (again.status, again.body) == (304, "")


def answers_with(words: str) -> list[BrowserResponse]:
    """Every page and part of one, with *words* wherever something comes from outside."""
    upload = replace(UPLOAD, name=words, list=words, task=words, state=words, detail=words)
    person, choice = replace(SAM, name=words), Choice(words, words)
    view = replace(
        VIEW,
        person=person,
        lists=(choice,),
        chosen=choice,
        tasks=(TaskChoice(words, words, is_open=True),),
        uploads=(upload,),
        next_page=words,
        notice=words,
    )
    return [
        PAGES.files(view),
        PAGES.files(replace(view, lists=words, tasks=words)),
        PAGES.files(replace(view, tasks=words)),
        PAGES.listing(view),
        PAGES.tasks(view.tasks),
        PAGES.tasks(words),
        PAGES.problem(400, words, words),
        PAGES.not_connected(person),
    ]


@pytest.mark.parametrize("words", BREAKOUTS)
def test_no_name_changes_what_a_page_is_made_of(words: str) -> None:
    for hostile, harmless in zip(answers_with(words), answers_with("plain"), strict=True):
        assert Page(hostile).shape == Page(harmless).shape
        assert [each.replace(quote(words, safe=""), "plain") for each in Page(hostile).addresses] == (
            Page(harmless).addresses
        )
        assert words in unescape(hostile.body)
        assert words not in hostile.body


def test_an_upload_says_what_where_how_large_when_and_how_far() -> None:
    body = PAGES.listing(VIEW).body
    assert "<bdi>Buy milk</bdi>, in <bdi>Tasks</bdi> &middot; 25.0 MiB" in body
    assert '<time datetime="2026-03-01T09:05:00Z">1 March 2026, 09:05 UTC</time>' in body
    assert (
        '<progress max="100" value="42" aria-label="How much of plan.pdf is there"></progress><span>42 %</span>' in body
    )
    assert 'data-under-way="1"' in body
    assert body.startswith("<ul"), "the listing alone"


def test_only_what_the_upload_allows_is_offered() -> None:
    read_only = replace(UPLOAD, is_mine_to_change=False, can_withdraw=False)
    retry = replace(UPLOAD, can_withdraw=False, can_retry=True)
    lost = replace(read_only, wants_connecting=True)
    offered = []
    for upload in (UPLOAD, read_only, retry, lost):
        page = PAGES.listing(replace(VIEW, uploads=(upload,)))
        offered.append([address.removeprefix("https://app.example/api/") for address in Page(page).addresses])
        assert ("not sent from this page" in page.body) is not upload.is_mine_to_change
    assert offered == [["files/withdraw"], [], ["files/retry"], ["connect"]]


def test_open_tasks_come_first_and_completed_ones_are_marked() -> None:
    tasks = (TaskChoice("T1", "Done", is_open=False), TaskChoice("T2", "Open", is_open=True))
    fragment = PAGES.tasks(tasks, cut=True)
    assert text_of(replace(fragment, body=f"</head>{fragment.body}")) == (
        "OpenDone (completed)This list has more tasks than are shown here."
    )
    assert re.findall(r'name="task" value="(\w+)" required', fragment.body) == ["T2", "T1"]


def test_the_chosen_list_is_selected_and_goes_with_the_form() -> None:
    body = PAGES.files(VIEW).body
    assert '<option value="L2" selected>Work</option>' in body
    assert '<input type="hidden" name="list" value="L2">' in body
    assert 'action="https://app.example/api/files/send" enctype="multipart/form-data"' in body


def test_where_there_is_nothing_to_choose_or_to_show_the_page_says_why() -> None:
    away = PAGES.files(replace(VIEW, lists="To Do does not answer: load the page again in a minute.", uploads=()))
    assert "To Do does not answer" in away.body
    assert "<form id=" not in away.body
    assert "Nothing yet." in away.body
    assert "no list" in PAGES.files(replace(VIEW, lists=(), chosen=None)).body
    assert "This list has no task" in PAGES.tasks(()).body
    assert "No older files." in PAGES.listing(replace(VIEW, uploads=(), is_first_page=False)).body


def test_older_files_are_a_page_further() -> None:
    body = PAGES.listing(replace(VIEW, next_page="a/b&c", is_first_page=False)).body
    assert 'href="https://app.example/api/files?page=a%2Fb%26c"' in body
    assert 'href="https://app.example/api/files">Newest files' in body
    assert "<nav" not in PAGES.listing(VIEW).body


def test_other_pages_say_how_to_go_on() -> None:
    sign_in, connect, files = (f"https://app.example/api/{each}" for each in ("files/sign-in", "connect", "files"))
    assert Page(PAGES.sign_in_first()).addresses == [sign_in]
    assert Page(PAGES.signed_out()).addresses == [sign_in]
    assert Page(PAGES.not_connected(SAM)).addresses == [connect, sign_in]
    problem = PAGES.problem(409, "Too late", "It is attached already.")
    assert problem.status == 409
    assert Page(problem).addresses == [files]
    assert '<p id="problem">It is attached already.</p>' in problem.body, "where the script finds it"


def test_every_colour_of_a_text_can_be_told_from_its_ground_by_weak_eyes() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, in light and in dark."""
    light, _, dark = module._STYLE.partition("@media(prefers-color-scheme:dark)")
    grounds = re.findall(r"body{color:#\w+;background:(#\w+)|body{[^}]*background:(#\w+)", STYLE)
    (light_ground, dark_ground) = [one or other for one, other in grounds]
    for style, ground in ((light, light_ground), (dark, dark_ground)):
        colours = re.findall(r"(?<![-\w])color:(#\w+)", style)
        assert len(colours) == 3, "small print, good, bad"
        assert all(contrast(colour, ground) >= 4.5 for colour in colours)
