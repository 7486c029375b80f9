"""A person sends files from their own page, follows them, takes one back, tries one again, and signs out.

All of it with real processes: Azurite, the Functions host, the To Do emulator, an OpenID provider over TLS, Chromium.
The tests are one visit, in their order.
"""

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from local.stand_ins.entra.people import KIM, SAM, Resident
from shared.core.sent_file import PREFIX
from shared.settings import MAX_FILE_BYTES
from tests.local.processes import wait_until
from tests.sign_in.town import Town, a_town, answer, complaints, connect
from tests.support.browser.webdriver import Browser, browser

pytestmark = [pytest.mark.stack, pytest.mark.browser]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture(scope="module")
def window(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Sam has connected in it, and signed in to the page."""
    profile = tmp_path_factory.mktemp("browser") / "profile"
    with browser(profile, trusted_key=town.public_key()) as window:
        connect(window, town, SAM)
        sign_in(window, town, SAM)
        yield window


def sign_in(window: Browser, town: Town, person: Resident) -> None:
    window.go_to(town.files)
    window.press("Sign in")
    answer(window, town, person.name)
    wait_until(lambda: window.heading() == "Your files for To Do", "the page")


def a_file(town: Town, name: str, size: int) -> Path:
    path = town.directory / name
    # Bytes that repeat nowhere, so that a slice in the wrong place cannot go unseen.
    path.write_bytes(hashlib.shake_256(name.encode()).digest(size))
    return path


def send(window: Browser, *files: Path) -> None:
    window.click("input[name=task]")
    window.choose_files("#file", *files)
    window.press("Send")


def states(window: Browser) -> dict[str, str]:
    """Of the files in the listing."""
    rows = window.run(
        "return [...document.querySelectorAll('#uploads li')].map(e => [e.dataset.name, e.dataset.state])"
    )
    return dict(rows)


def wait_for(window: Browser, file: Path, state: str) -> None:
    wait_until(lambda: states(window).get(file.name) == state, f"{file.name} {state}, not {states(window)}")


def fail(town: Town, operation: str, **answer: object) -> None:
    """Let To Do's next *operation* be answered so."""
    rule = {"operation": operation, "effect": {"kind": "answer", **answer}}
    request = urllib.request.Request(f"{town.up.emulator()['control']}/faults", json.dumps(rule).encode())
    with urllib.request.urlopen(request, timeout=10):
        pass


def blobs(town: Town) -> list[str]:
    with ContainerClient.from_connection_string(town.storage, town.up.ready()["container"]) as container:
        return list(container.list_blob_names(name_starts_with=PREFIX))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_two_files_are_sent_to_a_task_and_the_page_follows_until_both_are_attached(town: Town, window: Browser) -> None:
    assert town.files in town.up.welcome()
    window.type_into("#search", "rece")
    assert window.text(".choices").splitlines() == ["Receipts"]
    files = a_file(town, "25 MiB.bin", MAX_FILE_BYTES), a_file(town, "Größe, 50% + ü.txt", 12)
    send(window, *files)
    for file in files:
        wait_for(window, file, "Attached")
    assert {sha256(file) for file in files} <= town.attached()
    assert "Receipts, in Tasks" in window.text("#uploads .about")
    assert window.text("#sending") == "", "what the listing has is shown once"
    wait_until(lambda: not blobs(town), "their blobs are deleted, since nobody else could")
    assert not complaints(window, town)


def test_one_that_is_too_large_is_told_before_anything_is_sent(town: Town, window: Browser) -> None:
    large = a_file(town, "film.mov", MAX_FILE_BYTES + 1)
    window.choose_files("#file", large)
    assert window.text("#refused") == "Not sent: film.mov is larger than the 25.0 MiB that To Do takes."
    window.press("Send")
    window.run("document.getElementById('file').value = ''")
    assert large.name not in states(window)
    assert not blobs(town)


def test_one_that_was_rejected_is_tried_again_without_being_sent_again(town: Town, window: Browser) -> None:
    fail(town, "create_session", status=403, code="ErrorAccessDenied")
    file = a_file(town, "again.bin", 4_000_000)
    send(window, file)
    wait_for(window, file, "Rejected")
    assert "Ask the people who run this app." in window.text("#uploads .detail")
    window.press("Try again")
    wait_for(window, file, "Attached")
    assert sha256(file) in town.attached()


def test_without_a_script_a_small_file_goes_by_a_form(town: Town, window: Browser) -> None:
    window.allow_scripts(allowed=False)
    try:
        window.go_to(town.files)
        file = a_file(town, "form ü.txt", 100)
        send(window, file)
        assert window.text(".notice") == "Your file has come, and is being attached."
    finally:
        window.allow_scripts(allowed=True)
    window.go_to(town.files)
    wait_for(window, file, "Attached")
    assert sha256(file) in town.attached()


def test_one_that_waits_is_withdrawn(town: Town, window: Browser) -> None:
    # Its whole mailbox is left alone then: nothing is sent after it.
    fail(town, "create_session", status=503, retry_after=600)
    file = a_file(town, "withdrawn.bin", 4_000_000)
    send(window, file)
    wait_for(window, file, "Delayed")
    for width, dark in ((390, False), (390, True), (1200, False), (1200, True)):
        window.show_as(width, dark=dark)
        window.keep_screenshot(f"files-{width}-{'dark' if dark else 'light'}", whole=True)
    window.show_as(1200, dark=False)
    window.press("Withdraw")
    wait_for(window, file, "Withdrawn")
    assert sha256(file) not in town.attached()
    assert not blobs(town)


def test_who_signs_out_is_out_and_another_person_sees_nothing_of_theirs(town: Town, window: Browser) -> None:
    sams = window.run("return [...document.querySelectorAll('#uploads li')].map(e => e.id.replace('upload-', ''))")
    assert len(sams) == 5
    window.press("Sign out")
    wait_until(lambda: window.heading() == "You are signed out", "the way out")
    window.go_to(town.files)
    assert "Sign in" in window.text("main a")
    connect(window, town, KIM)
    sign_in(window, town, KIM)
    assert window.text("strong") == KIM.name
    assert states(window) == {}
    body = window.run("return document.body.innerText")
    assert SAM.name not in body
    answers = window.run(
        f"""
        const ask = (action, id) => fetch("{town.files}/" + action, {{
          method: "POST", redirect: "manual", body: new URLSearchParams({{ upload: id }}),
        }}).then((reply) => reply.status);
        return Promise.all(["withdraw", "retry"].flatMap((action) => {json.dumps(sams)}.map((id) => ask(action, id))));
        """
    )
    assert answers == [404] * 10
    window.keep_screenshot("nothing-yet")
