"""The emulator's page, in a real browser."""

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.processes import wait_until
from tests.local.terminal import Terminal, Up
from tests.support.browser.webdriver import Browser, browser

pytestmark = [pytest.mark.stack, pytest.mark.browser]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "profile") as window:
        yield window


def test_an_attachment_is_seen_with_its_size_and_hash_and_comes_back_byte_for_byte(
    stack: Up, busy_terminal: Terminal, window: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "<b>shown & seen<b>.txt"
    file.write_bytes(os.urandom(5000))
    assert busy_terminal.run("attach", file, "--task", "Receipts").returncode == 0
    address = busy_terminal.run("show", "--no-browser").stdout.strip()
    window.go_to(address)
    assert window.heading() == "To Do emulator"
    row = window.text(f"//tr[td[contains(., '{file.name}')]]")
    assert "5,000 bytes" in row
    assert hashlib.sha256(file.read_bytes()).hexdigest() in row
    with urllib.request.urlopen(window.attribute(f"//a[text()='{file.name}']", "href"), timeout=20) as download:
        assert download.read() == file.read_bytes()
    assert window.complaints() == []
    window.keep_screenshot("emulator")


def test_the_page_shows_what_arrives_without_being_asked_again(
    stack: Up, busy_terminal: Terminal, window: Browser, tmp_path: Path
) -> None:
    window.go_to(busy_terminal.run("show", "--no-browser").stdout.strip())
    file = tmp_path / "arrives later.txt"
    file.write_bytes(b"bytes")
    assert "arrives later" not in window.text("//body")
    assert busy_terminal.run("attach", file, "--task", "Receipts").returncode == 0
    wait_until(lambda: "arrives later.txt" in window.text("//body"), "the attachment on the page")
