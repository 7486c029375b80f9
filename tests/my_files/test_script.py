"""The page's script in a real browser, before an app and a storage service that hold it to the protocol."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from shared.my_files.shown import ShownUpload, Tone
from tests.local.processes import wait_until
from tests.my_files.stage import BUSY, CUT, EXPIRED, FORBIDDEN, LOSE_THE_REPLY, MOST, Stage, on_stage
from tests.support.browser.webdriver import Browser, browser

pytestmark = pytest.mark.browser

GOING = ShownUpload(
    "a" * 32, "plan.pdf", "Tasks", "Buy milk", 1000, "Being attached", "", datetime(2026, 3, 1, 12, tzinfo=UTC), 0.4,
    is_mine_to_change=True, can_withdraw=True, can_retry=False, is_under_way=True,
)  # fmt: skip
ATTACHED = replace(GOING, state="Attached", progress=None, can_withdraw=False, is_under_way=False, tone=Tone.GOOD)
REJECTED = replace(
    GOING, upload_id="b" * 32, name="old.pdf", state="Rejected", progress=None, can_withdraw=False, can_retry=True,
    is_under_way=False, tone=Tone.BAD,
)  # fmt: skip

# Which timers are set, and for how long those were that are over. On a page that is asked for as #quick each is over at
# once, and the clock is then as much later.
CLOCK = """
    const [set, clear, now] = [setTimeout, clearTimeout, Date.now];
    const isQuick = location.hash === "#quick";
    const pending = new Map();
    const waits = [];
    let passed = 0;
    window.setTimeout = (run, wait = 0) => {
      const id = set(() => { pending.delete(id); waits.push(wait); passed += wait; run(); }, isQuick ? 0 : wait);
      pending.set(id, wait);
      return id;
    };
    window.clearTimeout = (id) => { pending.delete(id); clear(id); };
    if (isQuick) Date.now = () => now() + passed;
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "profile") as window:
        window.run_first_on_each_page(CLOCK)
        yield window


@pytest.fixture
def stage(window: Browser) -> Iterator[Stage]:
    """The page is open before it."""
    with on_stage() as stage:
        window.go_to(stage.pages.address)
        window.complaints()
        yield stage
        assert not stage.offences
        refused = [each for each in window.complaints() if "Content Security Policy" in each or "CORS" in each]
        assert not refused
        window.go_to("about:blank")


def a_file(directory: Path, name: str, size: int = 10) -> Path:
    path = directory / name
    path.write_bytes(bytes(each % 251 for each in range(size)))
    return path


def send(window: Browser, *paths: Path) -> None:
    window.click("input[value=T1]")
    window.choose_files("#file", *paths)
    window.press("Send")


def titles(window: Browser) -> list[str]:
    """Of the tasks that are shown."""
    found = window.run("return [...document.querySelectorAll('.choice:not([hidden]) .title')].map(e => e.textContent)")
    return [str(each) for each in found]


def states(window: Browser) -> dict[str, str]:
    """Of the files that are being sent, or were."""
    return dict(
        window.run(
            "return [...document.querySelectorAll('#sending li')]"
            ".map(e => [e.querySelector('h3').textContent, e.querySelector('.state').textContent])"
        )
    )


def focus(window: Browser) -> str:
    return str(window.run("return document.activeElement.id || document.activeElement.tagName"))


def show(stage: Stage, window: Browser, *uploads: ShownUpload) -> None:
    """The page, loaded with these."""
    stage.uploads[:] = uploads
    window.go_to(stage.pages.address)


# -- choosing --


def test_tasks_are_searched_as_one_types_whatever_the_case_and_the_accents(stage: Stage, window: Browser) -> None:
    assert titles(window) == ["Buy milk", "Büro aufräumen", "Old receipts"]
    window.type_into("#search", "BURO auf")
    assert titles(window) == ["Büro aufräumen"]
    assert window.text("#found") == "1 of 3 tasks"
    window.press_key(Keys.ENTER)
    assert window.run("return document.querySelector('input[name=task]:checked').value") == "T2"
    assert stage.count("files/send") == 0, "Enter in the search sends nothing"
    window.type_into("#search", "nothing like it")
    assert titles(window) == ["Büro aufräumen"], "what is chosen is never hidden"


def test_another_list_brings_its_tasks_and_files_go_there(stage: Stage, window: Browser, tmp_path: Path) -> None:
    window.choose("#list", "Reisekosten")
    wait_until(lambda: titles(window) == ["Kosten für März"], "its tasks")
    window.click("input[value=T4]")
    window.choose_files("#file", a_file(tmp_path, "a.pdf"))
    window.press("Send")
    wait_until(lambda: stage.signed, "the signing")
    (asked,) = stage.signed.values()
    assert (asked["list"], asked["list_name"]) == ("L2", "Reisekosten")
    assert (asked["task"], asked["task_title"]) == ("T4", "Kosten für März")


# -- sending --


def test_several_files_go_straight_to_storage_whole_and_under_their_names(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    files = [a_file(tmp_path, "Größe 50%.txt"), a_file(tmp_path, "large.bin", MOST), a_file(tmp_path, "empty", 0)]
    send(window, *files)
    wait_until(lambda: list(states(window).values()) == ["Sent"] * 3, "all are sent")
    by_name = {str(stage.signed[token]["name"]): content for token, content in stage.blobs.items()}
    assert by_name == {file.name: file.read_bytes() for file in files}
    assert stage.count("files/sent") == 3, "the app is told"
    assert window.run("return document.getElementById('file').files.length") == 0


def test_a_file_that_is_sent_goes_out_of_the_way_once_the_listing_has_it(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    stage.on_blob = lambda _token: stage.uploads.append(GOING)
    send(window, a_file(tmp_path, GOING.name))
    wait_until(lambda: f"upload-{GOING.upload_id}" in window.run("return document.body.innerHTML"), "the listing")
    assert states(window) == {}
    assert window.text("#uploads h3") == GOING.name


def test_what_is_too_large_is_said_before_anything_is_sent_and_the_others_are_sent(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    large = a_file(tmp_path, "film.mov", MOST + 1)
    window.choose_files("#file", large)
    assert window.text("#refused") == "Not sent: film.mov is larger than the 2.9 MiB that To Do takes."
    window.click("input[value=T1]")
    window.press("Send")
    assert stage.signed == {}
    window.run("document.getElementById('file').value = ''")
    send(window, large, a_file(tmp_path, "note.txt"))
    wait_until(lambda: states(window) == {"note.txt": "Sent"}, "the other one")
    assert [asked["name"] for asked in stage.signed.values()] == ["note.txt"]


@pytest.mark.parametrize("fault", [CUT, BUSY])
def test_a_broken_sending_is_sent_again_whole_by_the_same_signature(
    stage: Stage, window: Browser, tmp_path: Path, fault: str
) -> None:
    stage.faults.append(fault)
    file = a_file(tmp_path, "a.bin", 1_000_000)
    send(window, file)
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")
    assert list(stage.blobs.values()) == [file.read_bytes()]
    assert stage.count("files/sign") == 1


def test_a_lost_reply_is_looked_after_and_is_no_failure(stage: Stage, window: Browser, tmp_path: Path) -> None:
    stage.faults.append(LOSE_THE_REPLY)
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")
    assert len(stage.blobs) == stage.count("files/sign") == 1


def test_already_there_after_a_lost_reply_that_nobody_could_look_after_is_success(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    """The app is away when it is asked; the second PUT gets 409, and by then the app answers."""
    stage.faults.append(LOSE_THE_REPLY)
    window.run(
        "const real = fetch; let lost = 1; window.fetch = (url, options) => "
        "String(url).endsWith('sent') && lost-- > 0 ? Promise.reject(new TypeError()) : real(url, options)"
    )
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")
    assert len(stage.blobs) == stage.count("files/sign") == 1


def test_where_nobody_can_say_whether_a_file_has_come_it_is_not_called_unsent(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    """The session ends meanwhile. Who sends it again would have it attached twice."""
    stage.faults.append(LOSE_THE_REPLY)
    window.run(
        "const real = fetch; window.fetch = (url, options) => String(url).endsWith('sent') "
        "? Promise.resolve(new Response('', {status: 401})) : real(url, options)"
    )
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Perhaps sent"}, "the doubt")
    assert "Look among your files" in window.text("#sending .detail")
    assert len(stage.blobs) == stage.count("files/sign") == 1


def test_where_the_signature_s_minutes_are_over_another_one_is_asked_for(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    stage.faults.append(EXPIRED)
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")
    assert stage.count("files/sign") == 2
    assert list(stage.blobs) == [list(stage.signed)[1]]


def test_what_storage_refuses_is_said_and_can_be_sent_again(stage: Stage, window: Browser, tmp_path: Path) -> None:
    stage.faults.append(FORBIDDEN)
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Not sent"}, "the refusal")
    assert window.text("#sending .detail") == "The storage does not take the file (400)."
    window.press("Send again")
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")


def test_the_app_s_own_words_are_shown_where_it_does_not_sign(stage: Stage, window: Browser, tmp_path: Path) -> None:
    stage.problem = "Twenty files are being sent already: wait a minute."
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: states(window) == {"a.bin": "Not sent"}, "the refusal")
    assert window.text("#sending .detail") == stage.problem
    assert window.text("#said") == f"a.bin: Not sent. {stage.problem}"
    window.press("Dismiss")
    assert states(window) == {}


def test_a_file_that_is_stopped_while_it_is_signed_for_is_not_sent(
    stage: Stage, window: Browser, tmp_path: Path
) -> None:
    window.run(
        "const real = fetch; window.fetch = (url, options) => String(url).endsWith('sign') "
        "? new Promise((go) => { window.goOn = () => go(real(url, options)); }) : real(url, options)"
    )
    send(window, a_file(tmp_path, "a.bin"))
    wait_until(lambda: window.run("return Boolean(window.goOn)"), "the wait for a signature")
    window.press("Stop")
    looked = stage.count("files/listing")
    window.run("goOn()")
    wait_until(lambda: stage.count("files/listing") > looked, "a look at what has arrived")
    assert (len(stage.signed), stage.blobs, states(window)) == (1, {}, {})


def test_files_may_be_dropped_anywhere_and_folders_are_told_apart(stage: Stage, window: Browser) -> None:
    window.click("input[value=T1]")
    window.run(
        """
        const dropped = new DataTransfer();
        dropped.items.add(new File(["hello"], "dropped.txt"));
        const drop = new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true });
        document.querySelector("h1").dispatchEvent(drop);
        """
    )
    assert window.text("#said") == "1 files chosen"
    window.press("Send")
    wait_until(lambda: states(window) == {"dropped.txt": "Sent"}, "it is sent")
    assert list(stage.blobs.values()) == [b"hello"]


def test_a_page_that_sends_is_not_left_without_a_word(stage: Stage, window: Browser, tmp_path: Path) -> None:
    def asks() -> bool:
        leave = "const leave = new Event('beforeunload', { cancelable: true }); return !window.dispatchEvent(leave)"
        return bool(window.run(leave))

    assert not asks()
    stage.faults += [BUSY] * 3
    send(window, a_file(tmp_path, "a.bin"))
    assert asks()
    window.press("Stop")
    assert states(window) == {}
    wait_until(lambda: not asks(), "it has stopped")


# -- the listing --


def test_an_action_leaves_the_page_and_the_focus_where_they_are(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING, REJECTED)
    window.run("window.stayed = true")
    window.press("Withdraw")
    wait_until(lambda: stage.acted == [("withdraw", GOING.upload_id)], "the withdrawal")
    assert focus(window) == f"withdraw-{GOING.upload_id}"
    window.press("Try again")
    wait_until(lambda: len(stage.acted) == 2, "the other try")
    assert stage.acted[1] == ("retry", REJECTED.upload_id)
    assert window.run("return window.stayed")


def test_an_action_that_cannot_be_done_says_why(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING)
    window.run(f"document.querySelector('[name=upload]').value = '{'c' * 32}'")
    window.press("Withdraw")
    wait_until(lambda: window.text("#not-done") == "There is no such file of yours.", "the reason")


def test_the_listing_follows_and_says_what_is_new_and_the_focus_stays_in_it(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING)
    window.run(f"document.getElementById('withdraw-{GOING.upload_id}').focus()")
    stage.uploads[:] = [replace(GOING, progress=0.8)]
    wait_until(lambda: window.text("#uploads .bar") == "80 %", "progress")
    assert focus(window) == f"withdraw-{GOING.upload_id}"
    stage.uploads[:] = [ATTACHED]
    wait_until(lambda: window.text("#uploads .state") == "Attached", "the end")
    assert window.text("#said") == "plan.pdf: Attached."
    assert focus(window) == f"upload-{GOING.upload_id}", "the button is gone; its file is there"


def test_times_are_the_reader_s_own(stage: Stage, window: Browser) -> None:
    show(stage, window, ATTACHED)
    window.run("0")
    assert "UTC" not in window.text("#uploads time")
    assert window.attribute("#uploads time", "datetime") == "2026-03-01T12:00:00Z"


HIDE = (
    "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    "document.dispatchEvent(new Event('visibilitychange'))"
)


def planned(window: Browser) -> bool:
    """Whether a look is planned: no other timer of the script's is set while nothing is sent or searched."""
    return bool(window.run("return pending.size > 0"))


def test_a_hidden_page_asks_for_nothing_and_looks_at_once_when_it_is_seen_again(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING)
    assert planned(window)
    window.run(HIDE % "true")
    assert not planned(window)
    before = stage.count("files/listing")
    window.press("Refresh")
    wait_until(lambda: window.text("#looked").startswith("As of"), "the refresh, by hand")
    assert not planned(window)
    assert stage.count("files/listing") == before + 1
    window.run(HIDE % "false")
    wait_until(lambda: planned(window), "it goes on")
    assert stage.count("files/listing") == before + 2


def test_where_nothing_is_under_way_nothing_is_asked_for_but_for_a_minute_after_an_action(
    stage: Stage, window: Browser
) -> None:
    show(stage, window, ATTACHED)
    assert not planned(window)
    show_quickly(stage, window, ATTACHED)
    window.press("Refresh")
    wait_until(lambda: sum(window.run("return waits")) >= 60_000, "a minute")
    looks = stage.count("files/listing")
    wait_until(lambda: window.text("#looked").startswith("As of"), "the last look")
    waits = window.run("return waits")
    assert sum(waits[:-1]) < 60_000
    assert looks <= len(waits) + 1 < 10
    assert not planned(window)


def test_an_open_page_asks_ever_more_rarely_and_ten_minutes_after_the_last_change_no_more(
    stage: Stage, window: Browser
) -> None:
    show_quickly(stage, window, GOING)
    wait_until(lambda: "Press Refresh" in window.text("#looked"), "the end of the looks")
    waits = window.run("return waits")
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2000, 60_000)
    assert sum(waits[:-1]) < 600_000 <= sum(waits)
    assert stage.count("files/listing") == len(waits) < 25
    assert not planned(window)
    window.press("Refresh")
    wait_until(lambda: stage.count("files/listing") > len(waits) + 5, "it looks again")


def show_quickly(stage: Stage, window: Browser, *uploads: ShownUpload) -> None:
    """The page, for which time passes as fast as it waits."""
    stage.uploads[:] = uploads
    window.go_to("about:blank")
    window.go_to(f"{stage.pages.address}#quick")


def test_a_session_that_is_over_ends_the_looks_and_is_said(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING)
    stage.is_signed_out = True
    wait_until(lambda: "You are signed out" in window.text("#looked"), "the words")
    assert not planned(window)
    assert window.text("#uploads h3") == GOING.name, "what was shown stays"


def test_older_pages_refresh_as_what_they_are(stage: Stage, window: Browser) -> None:
    stage.next_page = "a/b c"
    show(stage, window, GOING)
    window.press("Older files")
    wait_until(lambda: "page=a%2Fb%20c" in window.address, "the older page")
    window.press("Refresh")
    wait_until(lambda: window.text("#looked").startswith("As of"), "the refresh")
    assert window.text("nav[aria-label=Pages]").split("\n") == ["Newest files", "Older files"]


# -- for everybody --


def test_all_of_it_is_done_with_the_keyboard_alone(stage: Stage, window: Browser, tmp_path: Path) -> None:
    show(stage, window, GOING, REJECTED)
    visited = []
    for _ in range(9):
        window.press_key(Keys.TAB)
        visited.append(window.run("const e = document.activeElement; return e.id || e.name || e.textContent"))
    expected = ["Sign out", "list", "search", "task", "file", "Send", "refresh"]
    expected += [f"withdraw-{GOING.upload_id}", f"retry-{REJECTED.upload_id}"]
    assert visited == expected
    window.run("document.getElementById('search').focus()")
    window.press_key(Keys.TAB)
    window.press_key(Keys.SPACE)
    window.press_key(Keys.ARROW_DOWN)
    assert window.run("return document.querySelector('input[name=task]:checked').value") == "T2"
    window.choose_files("#file", a_file(tmp_path, "a.bin"))
    window.run("document.querySelector('#send [type=submit]').focus()")
    window.press_key(Keys.ENTER)
    wait_until(lambda: states(window) == {"a.bin": "Sent"}, "it is sent")


def test_assistive_technology_hears_what_each_thing_is(stage: Stage, window: Browser) -> None:
    show(stage, window, GOING, REJECTED)
    names = {
        "#list": ("combobox", "List"),
        "#search": ("searchbox", "Search"),
        "#tasks input": ("radio", "Buy milk"),
        "#send fieldset": ("group", "Task"),
        "#uploads progress": ("progressbar", "How much of plan.pdf is there"),
        f"#withdraw-{GOING.upload_id}": ("button", "Withdraw plan.pdf"),
        f"#retry-{REJECTED.upload_id}": ("button", "Try again old.pdf"),
        "#uploads ul": ("list", "Files of the last 30 days"),
        "#said": ("status", ""),
    }
    assert {selector: window.computed(selector) for selector in names} == names
    assert window.run("return document.getElementById('file').labels[0].textContent") == "Files"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_runs_off_the_side_however_long_the_names_are(
    stage: Stage, window: Browser, width: int, *, dark: bool
) -> None:
    long = replace(REJECTED, name="a" * 200 + ".pdf", task="t" * 200, list="l" * 100, detail="d" * 300)
    window.show_as(width, dark=dark)
    show(stage, window, GOING, long, ATTACHED)
    assert window.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_without_a_script_there_is_a_form_for_one_small_file_and_the_page_says_so(
    stage: Stage, window: Browser
) -> None:
    window.allow_scripts(allowed=False)
    try:
        show(stage, window, GOING)
        words = "Without JavaScript: one file at a time, at most 976.6 KiB"
        assert words in window.text("#most")
        assert window.attribute("#send", "enctype") == "multipart/form-data"
        assert window.text("#lists button") == "Show its tasks"
        assert window.text(f"#withdraw-{GOING.upload_id}").startswith("Withdraw")
    finally:
        window.allow_scripts(allowed=True)
