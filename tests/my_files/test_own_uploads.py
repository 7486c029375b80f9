"""A person's own files: who sees which, and what may be done with them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer, Rule
from shared.core.entry import Claim, Entry, Phase, Reason
from shared.core.sent_file import account_key
from shared.errors import StorageUnavailable
from tests.my_files.on_fakes import APP, KIM, SAM, Browser, Site, said, upload_ids
from tests.scenarios.promise import assert_promise
from tests.support.fakes.seam import ActingSeam, FailingSeam, Seam


@dataclass
class CallsSeam(Seam):
    """Collects what is called."""

    operations: list[str] = field(default_factory=list)

    def enter(self, operation: str, *, changes: bool) -> None:
        self.operations.append(operation)


def upload_of(site: Site, token: str) -> str:
    world = site.world
    return world.blobs.version(f"from-page/{token}").upload_id()


def run_until(site: Site, upload_id: str, fits: Callable[[Entry], bool]) -> None:
    """The world, until the upload has an entry that *fits*."""
    rows = site.world.ledger.rows
    site.world.run(until=lambda: upload_id in rows and fits(rows[upload_id].entry))
    assert fits(rows[upload_id].entry)


def rejected(site: Site, browser: Browser) -> tuple[str, str]:
    """A file that cannot be attached, since there is no such task; its token and its upload."""
    token = browser.put(b"hello", task="no-such-task")
    site.world.run()
    return token, upload_of(site, token)


def test_the_listing_shows_what_a_person_sent_and_what_others_put_for_them_the_newest_first() -> None:
    site = Site()
    site.drop_for(SAM, "from others.pdf")
    site.world.run()
    site.world.clock.advance(60)
    site.sign_in().put(b"hello", "from here.pdf")
    site.world.run()
    page = said(site.sign_in().listing())
    assert page.index("from here.pdf") < page.index("from others.pdf")
    assert page.count("Attached") == 2
    assert "not sent from this page" in page


def test_a_file_that_names_the_person_in_another_way_is_theirs_too() -> None:
    site = Site()
    site.world.drop(b"x", "by name.pdf", user=SAM.name, listid=site.world.list.id, taskid=site.world.task.id)
    site.world.notify("by name.pdf")
    site.world.run()
    assert "by name.pdf" in said(site.sign_in().listing())


def test_nobody_sees_another_person_s_files_whatever_they_ask_for() -> None:
    site = Site()
    mine = site.sign_in().put(b"hello", "mine.pdf")
    site.world.run()
    kims = site.sign_in(KIM)
    for parameters in ({}, {"account": SAM.object_id}, {"user": SAM.name}, {"key": account_key(SAM.object_id)}):
        assert "mine.pdf" not in kims.listing(**parameters).body
        assert "mine.pdf" not in kims.visit(**parameters).body
    assert mine not in kims.listing().body


def test_a_file_is_shown_for_thirty_days() -> None:
    site = Site()
    site.sign_in().put(b"hello", "old.pdf")
    site.world.run()
    site.world.clock.advance(timedelta(days=29))
    assert "old.pdf" in said(site.sign_in().listing())
    site.world.clock.advance(timedelta(days=1, minutes=1))
    assert "old.pdf" not in said(site.sign_in().listing())


def test_files_come_in_pages_of_fifty_each_file_once() -> None:
    site = Site()
    browser = site.sign_in()
    for number in range(120):
        site.drop_for(SAM, f"{number}.pdf")
        site.world.clock.advance(1)
        site.world._open(site.world.events.receive(timedelta(minutes=1)))  # type: ignore[arg-type]
    seen, place = list[str](), ""
    while True:
        page = site.endpoints.uploads.page(SAM, place)
        assert len(page.entries) <= 50
        seen += [entry.attachment_name for entry in page.entries]
        place = page.next
        if not place:
            break
    assert seen == [f"{number}.pdf" for number in reversed(range(120))]
    first = browser.listing()
    assert len(upload_ids(first)) == 50
    assert f'href="{APP}/files?page=' in first.body


def test_a_page_costs_the_same_with_a_hundred_files_as_with_thousands() -> None:
    costs = []
    for number in (100, 3_000):
        site = Site()
        for at in range(number):
            site.world.account_uploads.add(account_key(SAM.object_id), f"{at:032x}", site.world.clock.now)
        browser, calls = site.sign_in(), CallsSeam()
        site.world.put_in(calls)
        browser.listing()
        costs.append(calls.operations)
    assert costs[0] == costs[1]
    assert sorted(costs[0]) == ["account_uploads.newest", *["ledger.get"] * 50]


@pytest.mark.parametrize("page", ["x", "' or PartitionKey ne '", "9" * 5_000, "\x00", "\ud800", "<script>"])
def test_a_page_that_never_was_shows_the_newest_and_repeats_nothing(page: str) -> None:
    site = Site()
    site.sign_in().put(b"hello", "mine.pdf")
    site.world.run()
    listing = site.sign_in().listing(page=page)
    assert "mine.pdf" in said(listing)
    assert page not in listing.body or page == "x"


def test_only_known_words_are_told_after_an_action() -> None:
    browser = Site().sign_in()
    assert "Your file has come" in said(browser.visit(done="sent"))
    assert "evil" not in browser.visit(done="<b>evil</b>").body


def test_a_row_of_the_index_that_was_left_over_shows_nobody_another_person_s_file() -> None:
    site = Site()
    site.sign_in().put(b"hello", "mine.pdf")
    site.world.run()
    (upload,) = upload_ids(site.sign_in().listing())
    site.world.account_uploads.add(account_key(KIM.object_id), upload, site.world.clock.now)
    assert "mine.pdf" not in site.sign_in(KIM).listing().body


# -- withdrawing --


def test_a_file_on_its_way_is_withdrawn_and_never_attached() -> None:
    site = Site()
    browser = site.sign_in()
    token = browser.put(b"x" * 3_000)
    site.world.run(until=lambda: bool(site.world.messages.messages))
    upload = upload_of(site, token)
    answer = browser.press("withdraw", upload)
    assert (answer.status, answer.headers["Location"]) == (303, f"{APP}/files?done=withdrawn")
    site.world.run()
    assert site.world.ledger.entry(upload).phase is Phase.WITHDRAWN
    assert site.world.attached() == []
    assert_promise(site.world)


def test_a_file_that_queues_is_withdrawn_at_once_and_not_when_its_turn_comes() -> None:
    site = Site()
    browser = site.sign_in()
    for number in range(5):
        browser.put(b"x" * 3_000, f"{number}.pdf")
        site.world._open(site.world.events.receive(timedelta(minutes=1)))  # type: ignore[arg-type]
    queued = [entry for entry in site.world.ledger.entries() if entry.is_in_line]
    assert queued
    sent = site.world.messages.sent
    browser.press("withdraw", queued[-1].upload_id)
    assert site.world.messages.sent == sent + 1
    site.world.run()
    assert site.world.ledger.entry(queued[-1].upload_id).phase is Phase.WITHDRAWN
    assert len(site.world.attached()) == 4


def test_a_rejected_file_can_be_taken_out_of_the_container() -> None:
    """Nobody else could: its person has no rights there."""
    site = Site()
    browser = site.sign_in()
    _, upload = rejected(site, browser)
    assert browser.press("withdraw", upload).status == 303
    assert site.world.blobs.blobs == {}
    shown = browser.listing().body
    assert "The file is deleted." in shown
    assert "<form" not in shown


def test_a_file_that_is_put_off_is_withdrawn_at_once_and_nothing_more_is_asked_for_it() -> None:
    """Graph has asked to be left alone for ten minutes."""
    site = Site()
    site.world.todo.faults.add(Rule(Answer(503, retry_after=600), "create_session"))
    browser = site.sign_in()
    upload = upload_of(site, browser.put(b"x" * 3_000))
    run_until(site, upload, lambda entry: entry.not_before is not None)
    asked = len(site.world.todo.journal.entries)
    browser.press("withdraw", upload)
    assert "Withdrawn" in said(browser.listing())
    site.world.run()
    assert site.world.ledger.entry(upload).is_done
    assert len(site.world.todo.journal.entries) == asked
    assert_promise(site.world)


def test_a_file_that_waits_for_its_person_is_withdrawn_and_leaves_the_line() -> None:
    site = Site()
    browser = site.sign_in()
    site.world.accounts.tokens.pop(SAM.object_id)
    upload = upload_of(site, browser.put(b"x" * 3_000))
    run_until(site, upload, lambda entry: entry.is_in_sign_in_line)
    browser.press("withdraw", upload)
    site.world.run()
    assert site.world.ledger.entry(upload).is_done
    assert site.world.application.sign_in_line.wake_first(SAM.object_id) == 0
    assert not list(site.world.paces.tickets(site.world.application.sign_in_line.key(SAM.object_id)))
    assert_promise(site.world)


def test_a_file_that_is_being_sent_is_withdrawn_by_the_worker_that_sends_it() -> None:
    site = Site()
    browser = site.sign_in()
    upload = upload_of(site, browser.put(b"x" * 3_000))
    run_until(site, upload, lambda entry: entry.phase is Phase.SENDING)
    stored = site.world.ledger.get(upload)
    assert stored is not None
    site.world.ledger.replace(stored, replace(stored.entry, claim=Claim("worker", stored.date + timedelta(minutes=1))))
    browser.press("withdraw", upload)
    assert site.world.ledger.entry(upload).phase is Phase.SENDING
    assert browser.press("withdraw", upload).status == 303, "pressed again, it is no mistake"
    site.world.run()
    assert site.world.ledger.entry(upload).phase is Phase.WITHDRAWN
    assert site.world.attached() == []


def test_what_is_attached_is_not_withdrawn() -> None:
    site = Site()
    browser = site.sign_in()
    token = browser.put(b"hello")
    upload = upload_of(site, token)
    site.world.run()
    for action in ("withdraw", "retry"):
        answer = browser.press(action, upload)
        assert answer.status == 409
        assert "remove it from its task" in said(answer)
    assert len(site.world.attached()) == 1


# -- trying again --


def test_a_rejected_file_is_tried_again_without_being_sent_again() -> None:
    site = Site()
    browser = site.sign_in()
    token, upload = rejected(site, browser)
    assert site.world.ledger.entry(upload).reason is Reason.NO_SUCH_TASK
    sent = site.world.sent_files.rows[token]
    site.world.sent_files.rows[token] = type(sent)(
        **{**{name: getattr(sent, name) for name in sent.__slots__}, "task_id": site.world.task.id}
    )
    answer = browser.press("retry", upload)
    assert (answer.status, answer.headers["Location"]) == (303, f"{APP}/files?done=again")
    site.world.notify(f"from-page/{token}")
    site.world.run()
    assert site.world.attached() == [("report.pdf", b"hello")]
    assert said(browser.listing()).count("report.pdf") == 1, "the old try is not listed beside the new one"


def test_a_file_that_is_under_way_is_not_tried_again() -> None:
    site = Site()
    browser = site.sign_in()
    token = browser.put(b"x" * 3_000)
    site.world.run(until=lambda: bool(site.world.messages.messages))
    answer = browser.press("retry", upload_of(site, token))
    assert answer.status == 409
    assert "under way" in said(answer)


def test_an_old_try_changes_nothing_of_the_newer_one() -> None:
    """The page is an old one: meanwhile the file was tried again, in another tab."""
    site = Site()
    browser = site.sign_in()
    token, upload = rejected(site, browser)
    browser.press("retry", upload)
    for action in ("retry", "withdraw"):
        answer = browser.press(action, upload)
        assert answer.status == 409
        assert "tried again since" in said(answer)
    assert f"from-page/{token}" in site.world.blobs.blobs


def test_a_file_that_is_tried_again_twice_at_once_is_tried_again_once() -> None:
    site = Site()
    browser = site.sign_in()
    token, upload = rejected(site, browser)
    other_tab = ActingSeam("blobs.touch", lambda: site.world.blobs.edit_metadata(f"from-page/{token}", {}))
    site.world.blobs.seam = other_tab
    assert browser.press("retry", upload).status == 409


def test_a_file_that_is_gone_is_said_to_be_gone() -> None:
    site = Site()
    browser = site.sign_in()
    token, upload = rejected(site, browser)
    site.world.blobs.remove(f"from-page/{token}")
    for action in ("retry", "withdraw"):
        answer = browser.press(action, upload)
        assert answer.status == 409
        assert "Send it again" in said(answer)


# -- other people's --


@pytest.mark.parametrize("action", ["withdraw", "retry"])
def test_another_person_s_upload_looks_like_one_that_never_was(action: str) -> None:
    site = Site()
    token, upload = rejected(site, site.sign_in())
    kims = site.sign_in(KIM)
    theirs, none = kims.press(action, upload), kims.press(action, "f" * 32)
    assert theirs == none
    assert theirs.status == 404
    assert f"from-page/{token}" in site.world.blobs.blobs


@pytest.mark.parametrize("action", ["withdraw", "retry"])
def test_what_others_put_for_a_person_is_shown_and_never_changed(action: str) -> None:
    site = Site()
    blob = site.drop_for(SAM, "theirs.pdf", listid=site.world.list.id, taskid="no-such-task")
    site.world.run()
    browser = site.sign_in()
    assert "theirs.pdf" in said(browser.listing())
    assert f'value="{blob.upload_id()}"' not in browser.listing().body
    assert browser.press(action, blob.upload_id()).status == 404
    assert site.world.blobs.version("theirs.pdf") == blob


@pytest.mark.parametrize("action", ["withdraw", "retry"])
@pytest.mark.parametrize("upload", ["", "x", "../" + "a" * 29, "A" * 32, "\x00" * 32])
def test_what_can_be_no_upload_s_id_is_none(action: str, upload: str) -> None:
    assert Site().sign_in().press(action, upload).status == 404


# -- storage --


@pytest.mark.parametrize("operation", ["account_uploads.newest", "ledger.get"])
def test_storage_that_is_away_is_said_in_words(operation: str) -> None:
    site = Site()
    site.sign_in().put(b"hello")
    site.world.run()
    browser = site.sign_in()
    site.world.put_in(FailingSeam(operation, [StorageUnavailable("away")]))
    answer = browser.listing()
    assert answer.status == 503
    assert "Try again in a minute" in said(answer)


def test_an_upload_of_the_index_that_has_no_entry_is_left_out() -> None:
    """A worker died between the two writes; or the entry has aged out."""
    site = Site()
    site.world.account_uploads.add(account_key(SAM.object_id), "f" * 32, site.world.clock.now)
    assert "Nothing yet" in said(site.sign_in().listing())
