"""Attacks, in one file: they share a stack, and a file is what one process of a test run takes."""

import base64
import gzip
import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import ContentSettings
from azure.storage.queue import QueueServiceClient

from local.stack.app_settings import POISON_QUEUE, QUEUE
from local.stand_ins.entra.people import KIM, LEE, SAM
from shared.my_files.sending import MOST_SIGNED
from tests.attacks.stage import COOKIE, OVER, PAGE_COOKIE, Stage, status_of, title_of
from tests.local.processes import wait_until

pytestmark = pytest.mark.stack

# -- a sender, who may write, read tags and find by them, and no more --

MEBIBYTE = 1024 * 1024


def test_the_sender_of_these_attacks_may_neither_read_nor_list_nor_delete(stage: Stage) -> None:
    stage.put("rights.txt", b"x", {"task": "none"})
    with stage.sender() as container:
        blob = container.get_blob_client("rights.txt")
        for forbidden in (
            lambda: blob.download_blob().readall(),
            blob.get_blob_properties,
            lambda: list(container.list_blob_names()),
            blob.delete_blob,
        ):
            with pytest.raises(HttpResponseError) as refused:
                forbidden()
            assert refused.value.status_code == 403


def test_a_file_that_waits_for_its_person_is_attached_to_nobody_else_s_task(stage: Stage) -> None:
    """Found by its tag, then pointed to the thief's task by an edit, which reads nothing."""
    secret = os.urandom(40_000)
    stage.put("secret.bin", secret, stage.task_of(LEE))
    stage.wait_for("secret.bin", "waiting")
    with stage.sender() as thief:
        found = [each.name for each in thief.find_blobs_by_tags("\"todo_state\"='waiting'")]
        assert found == ["secret.bin"]
        thief.get_blob_client(found[0]).set_blob_metadata(dict(stage.task_of(KIM)))
    assert "Your To Do is connected" in stage.connect(LEE).body
    assert stage.wait_for("secret.bin", "rejected").startswith("other-account")
    assert not stage.attachments(KIM)
    stage.assert_unharmed()


def test_a_file_under_way_is_attached_to_nobody_else_s_task(stage: Stage) -> None:
    """The same in the middle of an upload, whose slices are slow."""
    of_sam = {"mailbox": SAM.name, "operation": "put_slice", "count": None}
    stage.turn("POST", "faults", {**of_sam, "effect": {"kind": "delay", "seconds": 1.0}})
    stage.put("contract.bin", os.urandom(12 * MEBIBYTE), stage.task_of(SAM))
    wait_until(lambda: [each for each in stage.ask("sessions") if each["received"]], "a first slice")
    with stage.sender() as thief:
        thief.get_blob_client("contract.bin").set_blob_metadata(dict(stage.task_of(KIM)))
    reason = stage.wait_for("contract.bin", "rejected")
    stage.turn("DELETE", "faults")
    assert reason.startswith("other-account")
    assert not stage.attachments(KIM)
    assert not [each for each in stage.ask("sessions") if each["mailbox"] == KIM.name]
    stage.assert_unharmed()


def test_a_gzip_bomb_is_a_file_of_the_size_at_which_it_is_stored(stage: Stage) -> None:
    bomb = gzip.compress(bytes(64 * MEBIBYTE))
    stage.put("bomb.gz", bomb, stage.task_of(SAM), content_settings=ContentSettings(content_encoding="gzip"))
    stage.wait_for("bomb.gz", "attached")
    assert len(bomb) in {each["size"] for each in stage.attachments(SAM) if each["name"] == "bomb.gz"}
    stage.assert_unharmed()


# What the attachment is called, from the metadata: what came of each is asserted below, of all alike.
NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows\\system32\\config",
    "invoice\u202efdp.exe",
    "line\r\nX-Injected: 1",
    "nul\x00.pdf",
    "\u200b\u2060\ufeff",
    "CON.txt",
    "report.pdf . .",
    '<script>alert(1)</script>.html"',
    "x" * 3000 + ".pdf",
    "\u0130\u0307" * 300 + ".pdf",
    "%252e%252e%252fpasswd",
]


def test_a_hostile_name_becomes_an_attachment_s_name_that_shows_what_it_is_or_none(stage: Stage) -> None:
    names = {f"name-{at}.bin": name for at, name in enumerate(NAMES)}
    for blob, name in names.items():
        stage.put(blob, os.urandom(9), {**stage.task_of(SAM), "filename": name})
    ends = {blob: stage.wait_for(blob, *OVER) for blob in names}
    attached = [each["name"] for each in stage.attachments(SAM)]
    assert len(attached) >= len(NAMES) - 2, ends
    for name in attached:
        assert 0 < len(name) <= 255
        assert name == name.rstrip(" .")
        assert not set(name) & set("/\\"), name
        assert not [each for each in name if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"}], name
        assert name.partition(".")[0].upper() != "CON"
    assert not stage.ask("offences")["counts"]
    stage.assert_unharmed()


# Blob name and metadata. Each comes to an end at once, which the person can read.
REQUESTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "an id that climbs": ("a.txt", {"listid": "../../../me/messages", "taskid": "x"}),
    "an id that is a query": ("b.txt", {"listid": "x?$expand=*", "taskid": "x#y"}),
    "an id of dots": ("c.txt", {"listid": "..", "taskid": ".."}),
    "an id that is a URL": ("d.txt", {"listid": "https://evil.example/", "taskid": "x"}),
    "both ways at once": ("e.txt", {"task": "x", "taskid": "y"}),
    "a path that climbs": ("%2e%2e/%2e%2e/f.txt", {"taskid": ".."}),
    "a name of signs": ("g #?%25&+;=\u202e.txt", {"taskid": ".."}),
    "a long name": ("h" * 900 + ".txt", {"taskid": ".."}),
}
# These name tasks that there may be in a moment: they are asked for again, for some minutes.
LOOKED_FOR = ["a" + "\u0323\u0307" * 600, "\x01\x02\r\nX: 1", "' or 1 eq 1 or title eq '"]


def test_hostile_metadata_and_paths_attach_nothing_and_hold_nobody_up(stage: Stage) -> None:
    before = len(stage.attachments())
    for at, title in enumerate(LOOKED_FOR):
        stage.put(f"looked-for-{at}.txt", b"hostile", {"user": SAM.name, "task": title})
    for blob, metadata in REQUESTS.values():
        stage.put(blob, b"hostile", {"user": SAM.name, **metadata})
    ends = {what: stage.wait_for(blob, "rejected") for what, (blob, _) in REQUESTS.items()}
    assert all(ends.values()), ends
    assert len(stage.attachments()) == before
    stage.put("honest.txt", b"honest", stage.task_of(SAM))
    stage.wait_for("honest.txt", "attached")
    assert not stage.ask("offences")["counts"]
    stage.assert_unharmed()


# Each becomes sam@example.com, or an address of somebody's, by a reading that is not ours.
ALMOST_SAM = [
    "\u017fam@example.com",
    "\uff33am@example.com",
    "sam@example.com\u200b",
    "sam@ex\u0430mple.com",
    "../sam@example.com",
    "sam@example.com/../kim@example.com",
    "me",
]


def test_a_name_that_only_looks_like_a_connected_account_s_is_none(stage: Stage) -> None:
    before = len(stage.attachments())
    for at, name in enumerate(ALMOST_SAM):
        stage.put(f"almost-{at}.txt", b"almost", {**stage.task_of(SAM), "user": name})
    for at, name in enumerate(ALMOST_SAM):
        assert stage.wait_for(f"almost-{at}.txt", "waiting", "rejected").startswith("needs-sign-in"), name
    assert len(stage.attachments()) == before
    stage.assert_unharmed()


# -- a visitor: anybody on the internet who can reach the pages --

FOREIGN_COOKIES = [
    'prefs={"theme": "dark, wide", "id": [1, 2]}',
    "flag",
    "with space=a b",
    "name=caf\u00e9",
    'quoted="unfinished',
    "=nameless",
    f"{COOKIE}-of-another={'A' * 43}",
]


def test_cookies_of_other_apps_keep_nobody_from_signing_in(stage: Stage) -> None:
    begun = stage.begin()
    cookies = "; ".join([*FOREIGN_COOKIES[:4], f"{COOKIE}={begun.cookie}", *FOREIGN_COOKIES[4:]])
    answer = stage.send("GET", stage.reply_for(begun, KIM), {"Cookie": cookies})
    assert title_of(answer) == "Your To Do is connected"


def test_a_second_cookie_of_our_name_is_refused_and_the_person_is_not_blamed(stage: Stage) -> None:
    begun = stage.begin()
    both = f"{COOKIE}={begun.cookie}; {COOKIE}={'A' * 43}"
    answer = stage.send("GET", stage.reply_for(begun, KIM), {"Cookie": both})
    assert (answer.status, title_of(answer)) == (400, "This browser sent two sign-ins at once")
    assert "You have done nothing wrong" in answer.body


def test_a_cookie_and_a_reply_that_were_used_are_worth_nothing(stage: Stage) -> None:
    begun = stage.begin()
    reply, cookie = stage.reply_for(begun, KIM), {"Cookie": f"{COOKIE}={begun.cookie}"}
    first = stage.send("GET", reply, cookie)
    assert (first.status, first.cookie) == (200, "deleted")
    again = stage.send("GET", reply, cookie)
    assert again.status == 410
    assert title_of(again) == "This link was used already"
    assert stage.send("GET", reply).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://evil.example"},
    ],
    ids=["an image", "a frame", "a script", "a foreign form"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/connect"), ("POST", "/disconnect")])
def test_what_is_no_visit_of_a_person_begins_no_sign_in(
    stage: Stage, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = stage.send(method, path, headers)
    assert (answer.status, answer.cookie) == (403, "")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/connect", "/connected", "/disconnect", "/files", "/files/send", "/files/sign"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_of_megabytes_reaches_no_page(stage: Stage, method: str, path: str) -> None:
    answer = stage.send(method, path, body=bytes(3 * 1024 * 1024))
    assert answer.status in {404, 500}
    assert answer.body == ""
    stage.assert_unharmed()


# -- a person who is connected, on the page of their own files, and other sites that they visit meanwhile --


def test_a_person_who_sends_a_file_from_the_page_has_it_attached_and_nothing_is_left(stage: Stage) -> None:
    """That the attacks below fail for another reason than that nothing works."""
    browser, content = stage.sign_in_to_files(SAM), os.urandom(MEBIBYTE)
    signed = stage.sign(browser, SAM, name="über uns.bin", size=len(content))
    token = json.loads(signed.body)["token"]
    assert stage.put_signed(signed, content) == 201
    assert json.loads(stage.post_json("/files/sent", browser, {"token": token}).body) == {"state": "there"}
    wait_until(lambda: "über uns.bin" in {each["name"] for each in stage.attachments(SAM)}, "the attachment")
    wait_until(lambda: not stage.names(f"from-page/{token}"), "the end of its blob")
    assert "Attached" in stage.send("GET", "/files/listing", browser).body
    stage.assert_unharmed()


def test_a_form_brings_no_more_through_the_app_than_the_page_says(stage: Stage) -> None:
    browser = stage.sign_in_to_files(SAM)
    small, large = os.urandom(200_000), os.urandom(MEBIBYTE + 1)
    sent, refused = (stage.send_form(browser, SAM, "form ü.bin", content) for content in (small, large))
    assert (sent.status, refused.status) == (303, 413)
    wait_until(lambda: "form ü.bin" in {each["name"] for each in stage.attachments(SAM)}, "the attachment")
    assert {each["size"] for each in stage.attachments(SAM) if each["name"] == "form ü.bin"} == {len(small)}
    assert stage.send_form({"Sec-Fetch-Site": "same-origin"}, SAM, "a.bin", small).status == 401
    stage.assert_unharmed()


FROM_ELSEWHERE = {
    "another site's form": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a neighbouring host's": {"Sec-Fetch-Site": "same-site"},
    "an old browser's": {"Origin": "https://evil.example"},
    "no browser's": {},
}


@pytest.mark.parametrize("headers", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_another_site_does_nothing_on_the_page_with_the_person_s_cookie(stage: Stage, headers: dict[str, str]) -> None:
    """SameSite already keeps the cookie from most of these."""
    cookie = {"Cookie": stage.sign_in_to_files(SAM)["Cookie"]}
    signed = stage.sign({**cookie, **headers}, SAM)
    assert (signed.status, "url" in signed.body) == (403, False)
    for action in ("withdraw", "retry", "sign-out", "send"):
        assert stage.press(action, {**cookie, **headers}, "f" * 32).status == 403
    for part in ("listing", f"tasks?list={stage.task_of(SAM)['listid']}"):
        assert stage.send("GET", f"/files/{part}", {**cookie, **headers}).status == 403
    assert stage.send("GET", "/files/listing", {**cookie, "Sec-Fetch-Site": "same-origin"}).status == 200


def test_a_session_that_an_attacker_planted_is_not_the_one_that_a_person_signs_in_with(stage: Stage) -> None:
    planted = "A" * 43
    begun = stage.begin("/files/sign-in")
    cookies = f"{COOKIE}={begun.cookie}; {PAGE_COOKIE}={planted}"
    answer = stage.send("GET", stage.reply_for(begun, SAM), {"Cookie": cookies})
    assert answer.status == 303
    assert answer.cookie != planted
    own = {"Sec-Fetch-Site": "same-origin"}
    assert stage.send("GET", "/files/listing", {**own, "Cookie": f"{PAGE_COOKIE}={planted}"}).status == 401


def test_a_sign_in_to_see_files_is_worth_nothing_in_another_browser_or_twice(stage: Stage) -> None:
    begun, other = stage.begin("/files/sign-in"), stage.begin("/files/sign-in")
    reply = stage.reply_for(begun, SAM)
    assert stage.send("GET", reply).status == 400
    assert stage.send("GET", reply, {"Cookie": f"{COOKIE}={other.cookie}"}).status == 400
    assert stage.send("GET", reply, {"Cookie": f"{COOKIE}={begun.cookie}"}).status == 303
    again = stage.send("GET", reply, {"Cookie": f"{COOKIE}={begun.cookie}"})
    assert (again.status, again.cookie) == (410, "deleted")


def test_a_cookie_that_was_signed_out_is_worth_nothing_wherever_it_was_copied_to(stage: Stage) -> None:
    stolen = stage.sign_in_to_files(SAM)
    assert stage.send("GET", "/files/listing", stolen).status == 200
    assert stage.send("POST", "/files/sign-out", stolen).cookie == "deleted"
    assert stage.send("GET", "/files/listing", stolen).status == 401
    assert stage.sign(stolen, SAM).status == 401


def test_disconnecting_ends_the_page_in_every_browser(stage: Stage) -> None:
    """Lee connects, opens the page twice, and disconnects; and connects again, for what comes later."""
    stage.connect(LEE)
    browsers = [stage.sign_in_to_files(LEE), stage.sign_in_to_files(LEE)]
    begun = stage.send("POST", "/disconnect")
    answer = stage.send("GET", stage.reply_for(begun, LEE), {"Cookie": f"{COOKIE}={begun.cookie}"})
    assert title_of(answer) == "Your To Do is disconnected"
    stage.connect(LEE)
    assert [stage.send("GET", "/files/listing", each).status for each in browsers] == [401, 401]


def test_other_people_s_uploads_and_tokens_look_like_those_that_never_were(stage: Stage) -> None:
    sams, kims = stage.sign_in_to_files(SAM), stage.sign_in_to_files(KIM)
    signed = stage.sign(sams, SAM, task="no-such-task", name="private.bin")
    token = json.loads(signed.body)["token"]
    stage.put_signed(signed, b"hello")
    stage.wait_for(f"from-page/{token}", "rejected")
    listing = stage.send("GET", "/files/listing", sams).body
    (upload,) = re.findall(r'<li id="upload-([0-9a-f]{32})" data-name="private.bin"', listing)
    for action in ("withdraw", "retry"):
        theirs, none = stage.press(action, kims, upload), stage.press(action, kims, "f" * 32)
        assert (theirs.status, theirs.body) == (none.status, none.body) == (404, none.body)
    assert json.loads(stage.post_json("/files/sent", kims, {"token": token}).body) == {"state": "missing"}
    for path in ("/files", f"/files?account={SAM.oid}", f"/files/listing?page={upload}", "/files/listing?page=x"):
        assert "private.bin" not in stage.send("GET", path, kims).body
    assert stage.names(f"from-page/{token}")
    assert stage.press("withdraw", sams, upload).status == 303


def test_a_file_for_another_person_s_task_is_attached_to_nothing(stage: Stage) -> None:
    """Kim signs for a task of Sam's: it is looked for in Kim's To Do."""
    before = len(stage.attachments(SAM))
    signed = stage.sign(stage.sign_in_to_files(KIM), SAM, name="mine.bin")
    assert stage.put_signed(signed, b"hello") == 201
    stage.wait_for(f"from-page/{json.loads(signed.body)['token']}", "rejected")
    assert len(stage.attachments(SAM)) == before


def test_a_signed_url_is_for_one_blob_once_and_for_no_more_bytes_than_were_said(stage: Stage) -> None:
    signed = stage.sign(stage.sign_in_to_files(KIM), KIM, size=5)
    given = json.loads(signed.body)
    elsewhere = given["url"].replace(given["token"], "f" * 32)
    assert requests.put(elsewhere, b"hello", headers=given["headers"], timeout=60).status_code == 403
    assert stage.put_signed(signed, bytes(3 * MEBIBYTE)) == 201
    assert stage.put_signed(signed, b"hello") in {403, 409}
    assert requests.get(given["url"], timeout=60).status_code == 403
    wait_until(lambda: not stage.names(f"from-page/{given['token']}"), "the end of a blob that is too large")
    assert not [each for each in stage.attachments(KIM) if each["size"] == 3 * MEBIBYTE]


def test_a_blob_under_the_page_s_prefix_that_was_never_signed_for_goes_nowhere(stage: Stage) -> None:
    """A sender knows how the names look, and names Sam's task."""
    for name in (f"from-page/{'e' * 32}", "from-page/x/y.txt", "from-page/"):
        stage.put(name, b"hello", stage.task_of(SAM))
        assert stage.wait_for(name, "rejected").startswith("never-signed-for")
    stage.assert_unharmed()


def test_no_one_gets_more_signatures_than_may_live_at_once(stage: Stage) -> None:
    browser = stage.sign_in_to_files(LEE)
    assert [stage.sign(browser, LEE).status for _ in range(MOST_SIGNED)] == [200] * MOST_SIGNED
    assert stage.sign(browser, LEE).status == 429
    assert stage.sign(stage.sign_in_to_files(LEE), LEE).status == 429
    assert stage.sign(stage.sign_in_to_files(SAM), SAM).status == 200


HOSTILE = "</li><script>alert(1)</script>\"' onfocus=alert(1) "


def test_a_name_does_not_break_out_of_the_listing(stage: Stage) -> None:
    browser = stage.sign_in_to_files(SAM)
    stage.put("hostile.bin", b"hello", {**stage.task_of(SAM), "filename": f"{HOSTILE}.bin"})
    stage.wait_for("hostile.bin", *OVER)
    signed = stage.sign(browser, SAM, name=f"{HOSTILE}2.bin", list_name=HOSTILE, task_title=HOSTILE)
    stage.put_signed(signed, b"hello")
    wait_until(lambda: "2.bin" in stage.send("GET", "/files/listing", browser).body, "the listing")
    for path in ("/files", "/files/listing"):
        body = stage.send("GET", path, browser).body
        assert "<script>alert" not in body
        assert '" onfocus=' not in body


# -- a neighbour: another user of the machine, a web page that its owner opens, whoever may write into the queues --

OF_A_PAGE = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}]
each_page = pytest.mark.parametrize(
    "headers", OF_A_PAGE, ids=["a page", "a page without origin", "a name that means us"]
)


@each_page
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/host/status"),
        ("GET", "/admin/functions"),
        ("POST", "/admin/functions/sweep"),
        ("POST", "/admin/functions/open_upload"),
    ],
)
def test_a_web_page_runs_no_function_of_the_host(stage: Stage, method: str, path: str, headers: dict[str, str]) -> None:
    root = stage.up.ready()["functions"]
    assert stage.send(method, path, headers, root=root, body=b'{"input": "attachments/x"}').status == 403
    assert stage.send("GET", "/admin/host/status", root=root).status == 200


@each_page
@pytest.mark.parametrize("what", ["issued", "log", "turn", "revoke"])
def test_a_web_page_does_not_turn_the_stand_in_for_entra(stage: Stage, what: str, headers: dict[str, str]) -> None:
    assert status_of(f"{stage.facts['entra_control']}/{what}", **headers) == 403


@pytest.mark.parametrize("what", ["issued", "guessed/issued", "%2e%2e/issued", "/issued", ""])
def test_a_neighbour_reads_no_token_at_the_stand_in_for_entra(stage: Stage, what: str) -> None:
    assert status_of(f"{stage.facts['entra']}/_entra/{what}") == 403
    assert status_of(f"{stage.facts['entra_control']}/log") == 200


@pytest.mark.parametrize("what", ["mailboxes", "attachments", "journal", "sessions", "faults"])
def test_the_emulator_s_control_is_nobody_s_who_does_not_know_its_secret(stage: Stage, what: str) -> None:
    control = urlsplit(stage.up.emulator()["control"])
    root = f"{control.scheme}://{control.netloc}"
    assert stage.send("GET", f"/_emulator/{what}", root=root).status == 403
    assert stage.send("GET", f"/_emulator/guessed/{what}", root=root).status == 403


@pytest.mark.parametrize("query", ["", "?functionName=Host.Functions.open_upload", "?code=guessed&functionName=x"])
def test_an_event_without_the_webhook_s_key_is_refused(stage: Stage, query: str) -> None:
    event = {"eventType": "Microsoft.Storage.BlobCreated", "data": {"url": "http://evil.example/attachments/x"}}
    headers = {"aeg-event-type": "Notification", "Content-Type": "application/json"}
    answer = stage.send(
        "POST",
        f"/runtime/webhooks/blobs{query}",
        headers,
        root=stage.up.ready()["functions"],
        body=json.dumps([event]).encode(),
    )
    assert answer.status == 401


FOREIGN_MESSAGES = [
    "no JSON",
    "[]",
    '{"BlobName": 7}',
    '{"upload_id": "../..", "step": -1}',
    '{"v": 1e999}',
    "{" * 2000,
]


def test_foreign_messages_are_noted_and_dropped_and_uploads_go_on(stage: Stage) -> None:
    """For this one needs the right to add messages, which no sender has."""
    queues: dict[str, Callable[[str], str]] = {QUEUE: str, POISON_QUEUE: str, "webjobs-blobtrigger-poison": _in_base64}
    with QueueServiceClient.from_connection_string(stage.storage) as service:
        for name, encoded in queues.items():
            queue = service.get_queue_client(name)
            with suppress(ResourceExistsError):
                queue.create_queue()
            for message in FOREIGN_MESSAGES:
                queue.send_message(encoded(message))
    runs = ["send_range", "park_range", "reopen_upload"]
    expected = dict.fromkeys(runs, len(FOREIGN_MESSAGES))

    def noted() -> dict[str, int]:
        lines = stage.records("foreign") + stage.records("poison")
        return {run: sum(line["function"] == run for line in lines) for run in runs}

    wait_until(lambda: all(count >= expected[run] for run, count in noted().items()), "a note of each")
    stage.put("after.txt", b"after all that", stage.task_of(SAM))
    stage.wait_for("after.txt", "attached")
    assert noted() == expected, "once each: none was tried again"
    stage.assert_unharmed()


def _in_base64(text: str) -> str:
    """As the host writes into that queue."""
    return base64.b64encode(text.encode()).decode()
