"""Sending a file: what is signed for, what is kept, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.entry import Phase
from shared.core.sent_file import account_key
from shared.errors import StorageUnavailable
from shared.my_files.sending import MOST_SIGNED, SIGNED_FOR
from tests.my_files.on_fakes import APP, KIM, MOST, MOST_BY_FORM, OWN, SAM, Site, said
from tests.scenarios.promise import assert_promise
from tests.support.fakes.seam import FailingSeam


@pytest.fixture
def site() -> Iterator[Site]:
    """Whatever a test does, no secret is left in a record or a tag."""
    site = Site()
    yield site
    assert_promise(site.world)


def test_a_file_that_is_sent_becomes_an_attachment_of_the_chosen_task_and_its_blob_goes(site: Site) -> None:
    token = site.sign_in().put(b"hello", "über uns.pdf")
    site.world.run()
    assert site.world.attached() == [("über uns.pdf", b"hello")]
    assert f"from-page/{token}" not in site.world.blobs.blobs


def test_what_was_signed_for_is_kept_under_the_blob_s_name_which_nobody_can_guess(site: Site) -> None:
    browser, world = site.sign_in(), site.world
    tokens = {browser.sign(list_name=" My  Tasks ", size=7)[1]["token"] for _ in range(5)}
    assert len(tokens) == 5
    for token in tokens:
        sent = world.sent_files.find(token)
        assert sent is not None
        assert (sent.account, sent.list_id, sent.task_id) == (SAM.object_id, world.list.id, world.task.id)
        assert (sent.list_name, sent.task_title, sent.name, sent.size) == ("My Tasks", "Receipts", "report.pdf", 7)
        assert sent.good_until == world.clock.now + SIGNED_FOR


def test_a_browser_is_told_where_to_put_the_file_and_with_which_headers(site: Site) -> None:
    _, signed = site.sign_in().sign()
    assert f"/from-page/{signed['token']}?" in signed["url"]
    assert {name.lower() for name in signed["headers"]} == {"x-ms-blob-type", "x-ms-version", "content-type"}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"size": MOST + 1}, 413, "at most"),
        ({"size": 10**30}, 413, "at most"),
        ({"size": -1}, 400, "Load the page again"),
        ({"size": True}, 400, "Load the page again"),
        ({"size": "5"}, 400, "Load the page again"),
        ({"size": 5.5}, 400, "Load the page again"),
        ({"name": 7}, 400, "Load the page again"),
        ({"name": "\u200b"}, 400, "Rename it"),
        ({"name": ""}, 400, "Rename it"),
        ({"list": ""}, 400, "Choose a list"),
        ({"task": None}, 400, "Choose a list"),
        ({"task": ".."}, 400, "Choose a list"),
        ({"task": "a b"}, 400, "Choose a list"),
        ({"task": "x" * 1025}, 400, "Choose a list"),
        ({"list": "\ud800"}, 400, "Choose a list"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_words_and_nothing_is_kept(
    site: Site, changes: dict[str, object], status: int, words: str
) -> None:
    answer = site.sign_in().sign(**changes)  # type: ignore[arg-type]
    assert answer[0] == status
    assert words in answer[1]["problem"]
    assert site.world.sent_files.rows == {}


@pytest.mark.parametrize("size", [0, MOST])
def test_a_file_may_be_empty_or_as_large_as_any(site: Site, size: int) -> None:
    assert site.sign_in().sign(size=size)[0] == 200


def test_names_of_any_length_and_kind_are_kept_as_short_text(site: Site) -> None:
    token = site.sign_in().sign(list_name="\ud800\x00\x85" + "x" * 5_000, task_title=["not text"], name="a/../b.pdf")[
        1
    ]["token"]
    sent = site.world.sent_files.find(token)
    assert sent is not None
    assert (sent.list_name, sent.task_title, sent.name) == ("? " + "x" * 298, "", "b.pdf")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"{}"),
        ("application/x-www-form-urlencoded", b"{}"),
        ("", b"{}"),
        ("application/json", b""),
        ("application/json", b"[]"),
        ("application/json", b"\xff"),
        ("application/json", b"[" * 10_000),
        ("application/json", b'{"name": "' + b"x" * 20_000 + b'"}'),
    ],
)
@pytest.mark.parametrize("action", ["sign", "sent"])
def test_a_body_that_is_no_json_of_ours_is_refused(site: Site, action: str, content_type: str, body: bytes) -> None:
    answer = site.sign_in().ask("POST", action, {**OWN, "content-type": content_type}, body=body)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"


def test_so_many_signatures_live_at_once_and_no_more(site: Site) -> None:
    browser = site.sign_in()
    assert {browser.sign()[0] for _ in range(MOST_SIGNED)} == {200}
    status, answer = browser.sign()
    assert status == 429
    assert "15 minutes" in answer["problem"]
    assert site.sign_in().sign()[0] == 429, "it is the person who is bounded, not the session"
    assert site.sign_in(KIM).sign()[0] == 200
    site.world.clock.advance(SIGNED_FOR)
    assert browser.sign()[0] == 200


def test_a_file_that_has_come_lets_another_one_be_signed_for(site: Site) -> None:
    browser = site.sign_in()
    token = browser.put(b"hello")
    for _ in range(MOST_SIGNED - 1):
        browser.sign()
    assert browser.sign()[0] == 429
    assert browser.post_json("sent", {"token": token}) == (200, {"state": "there"})
    assert browser.sign()[0] == 200


def test_after_a_lost_reply_the_browser_learns_that_its_file_is_there(site: Site) -> None:
    browser = site.sign_in()
    _, signed = browser.sign()
    assert browser.post_json("sent", {"token": signed["token"]}) == (200, {"state": "missing"})
    site.page_blobs.put(signed["url"], b"hello")
    assert site.page_blobs.put(signed["url"], b"hello") == 403, "already there"
    assert browser.post_json("sent", {"token": signed["token"]}) == (200, {"state": "there"})


def test_a_file_that_is_attached_and_deleted_by_then_has_come_all_the_same(site: Site) -> None:
    browser = site.sign_in()
    token = browser.put(b"hello")
    site.world.run()
    assert f"from-page/{token}" not in site.world.blobs.blobs
    assert browser.post_json("sent", {"token": token}) == (200, {"state": "there"})


@pytest.mark.parametrize("behind", [timedelta(milliseconds=900), timedelta(seconds=50)])
def test_a_file_has_come_by_a_clock_that_is_behind_the_service_s_or_cuts_its_seconds(
    site: Site, behind: timedelta
) -> None:
    browser = site.sign_in()
    token = browser.put(b"hello")
    site.world.run()
    sent = site.world.sent_files.rows[token]
    site.world.sent_files.rows[token] = replace(sent, signed_at=sent.signed_at + behind)
    assert browser.post_json("sent", {"token": token}) == (200, {"state": "there"})


def test_a_file_has_come_however_many_came_after_it(site: Site) -> None:
    """What is taken for missing is signed for anew, and would be attached twice."""
    browser = site.sign_in()
    token = browser.put(b"hello")
    site.world.run()
    for number in range(130):
        written_at = site.world.clock.now + timedelta(seconds=number)
        site.world.account_uploads.add(account_key(SAM.object_id), f"{number:032x}", written_at)
    assert browser.post_json("sent", {"token": token}) == (200, {"state": "there"})


@pytest.mark.parametrize("token", ["f" * 32, "", "../x", 7, None, "\ud800"])
def test_a_token_that_never_was_is_missing(site: Site, token: object) -> None:
    assert site.sign_in().post_json("sent", {"token": token}) == (200, {"state": "missing"})


def test_another_person_s_file_looks_like_one_that_never_was(site: Site) -> None:
    token = site.sign_in().put(b"hello")
    assert site.sign_in(KIM).post_json("sent", {"token": token}) == (200, {"state": "missing"})


def test_storage_that_is_away_is_said_as_json_and_leaves_no_row(site: Site) -> None:
    browser = site.sign_in()
    site.page_blobs.seam = FailingSeam("signer.url", [StorageUnavailable("no key")])
    status, answer = browser.sign()
    assert status == 503
    assert "Try again" in answer["problem"]
    assert site.world.sent_files.rows == {}
    assert site.world.records.events("page_refused") == [
        {"event": "page_refused", "problem": "unavailable", "why": "no key"}
    ]


# -- without script --


def test_a_form_sends_a_small_file_through_the_app(site: Site) -> None:
    answer = site.sign_in().send(b"hello", "Rechnung März.pdf")
    assert (answer.status, answer.headers["Location"]) == (303, f"{APP}/files?done=sent")
    (name,) = site.world.blobs.blobs
    site.world.notify(name)
    site.world.run()
    assert site.world.attached() == [("Rechnung März.pdf", b"hello")]


def test_a_form_s_file_is_kept_with_the_names_of_its_list_and_its_task(site: Site) -> None:
    site.sign_in().send(b"hello")
    (sent,) = site.world.sent_files.rows.values()
    assert (sent.list_name, sent.task_title) == ("Tasks", "Receipts")


@pytest.mark.parametrize("applied", [False, True])
def test_a_form_s_file_that_storage_gave_no_answer_to_is_not_sent_again_unseen(site: Site, *, applied: bool) -> None:
    site.page_blobs.seam = FailingSeam("writer.create", [StorageUnavailable("a timeout")], applied=applied)
    answer = site.sign_in().send(b"hello")
    assert answer.status == 503
    assert "send it again only if it is not among them" in said(answer)
    assert len(site.world.blobs.blobs) == applied


def test_a_form_s_file_that_is_too_large_is_refused_in_words(site: Site) -> None:
    answer = site.sign_in().send(b"x" * (MOST_BY_FORM + 1))
    assert answer.status == 413
    assert "16.0 KiB at most" in said(answer)
    assert site.world.blobs.blobs == {}


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [("", {}, "Choose a file"), ("a.pdf", {"task": ""}, "Choose a list"), ("a.pdf", {"list": ".."}, "Choose a list")],
)
def test_a_form_without_a_file_or_a_task_is_refused_in_words(
    site: Site, name: str, fields: dict[str, str], words: str
) -> None:
    answer = site.sign_in().send(b"hello", name, **fields)
    assert answer.status == 400
    assert words in said(answer)
    assert site.world.blobs.blobs == {}


def test_a_form_s_file_takes_none_of_the_signatures(site: Site) -> None:
    """Nobody gets a signature for it."""
    browser = site.sign_in()
    for _ in range(MOST_SIGNED + 1):
        assert browser.send(b"hello").status == 303
    assert browser.sign()[0] == 200


def test_a_file_that_is_larger_than_was_said_is_deleted_and_never_attached(site: Site) -> None:
    browser = site.sign_in()
    _, signed = browser.sign(size=5)
    site.page_blobs.put(signed["url"], b"much more than that")
    site.world.notify(f"from-page/{signed['token']}")
    site.world.run()
    assert site.world.blobs.blobs == {}
    assert site.world.attached() == []
    assert "Rejected" in said(browser.listing())


def test_records_of_the_page_name_nobody_and_no_file(site: Site) -> None:
    browser = site.sign_in()
    browser.put(b"hello", "secret plans.pdf")
    browser.send(b"hello", "secret plans.pdf")
    lines = site.world.records.events("file_signed") + site.world.records.events("file_sent")
    assert [line["size"] for line in lines] == [5, 5]
    assert not [text for text in map(str, lines) if SAM.name in text or SAM.object_id in text or "secret" in text]


def test_a_signature_that_was_never_used_leaves_nothing_behind(site: Site) -> None:
    site.sign_in().sign()
    site.world.clock.advance(SIGNED_FOR + timedelta(hours=1, seconds=1))
    site.world.catch_up()
    assert site.world.sent_files.rows == {}


def test_what_is_on_its_way_is_rejected_where_it_was_never_signed_for(site: Site) -> None:
    """Someone with rights on the container writes under the page's prefix, with metadata that name Sam's task."""
    blob = site.drop_for(SAM, f"from-page/{'c' * 32}", b"hello")
    site.world.run()
    assert site.world.phase(blob) is Phase.REJECTED
    assert site.world.attached() == []
