"""The emulator's page for people."""

from html import unescape
from urllib.parse import quote

import pytest

from local.stand_ins.todo.page import handle_page
from local.stand_ins.todo.wire import Request, Response
from tests.local.todo.client import Client, make_client


def page(client: Client, path: str = "", method: str = "GET") -> Response:
    return handle_page(client.service, Request(method, path))


def test_attachments_are_shown_with_size_and_sha256(client: Client) -> None:
    client.upload(b"hi", "letter.pdf")
    text = page(client).body.decode()
    assert "letter.pdf" in text
    assert "2 bytes" in text
    assert "2026-03-01 12:00:00 UTC" in text
    assert "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4" in text
    assert "Receipts <small>in Tasks</small>" in text


def test_an_upload_under_way_shows_how_far_it_is(client: Client) -> None:
    client.put(client.open(5000, "half.bin"), 0, bytes(2500), 5000)
    assert "2,500 of 5,000 bytes" in page(client).body.decode()


def test_a_name_is_never_markup(client: Client) -> None:
    name = "<script>alert(1)</script>\"' onmouseover=x.txt"
    client.upload(b"hi", name)
    client.service.add_task(client.task_list, "<img src=x>")
    text = page(client).body.decode()
    assert "<script" not in text
    assert "<img" not in text
    assert name in unescape(text)


def test_a_download_is_the_attachment_and_no_page(client: Client) -> None:
    client.upload(b"<html>", 'Größe; "x".html')
    (attachment,) = client.attached()
    response = page(client, f"attachments/{quote(attachment.id, safe='')}")
    assert (response.status, response.body) == (200, b"<html>")
    assert response.headers["content-type"] == "application/octet-stream"
    disposition = "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%3B%20%22x%22.html"
    assert response.headers["content-disposition"] == disposition
    assert response.headers["x-content-type-options"] == "nosniff"


def test_without_contents_the_page_says_so() -> None:
    client = make_client(keep_content=False)
    client.upload(b"hi")
    (attachment,) = client.attached()
    assert "<a " not in page(client).body.decode()
    assert page(client, f"attachments/{attachment.id}").status == 410


@pytest.mark.parametrize(
    ("path", "method", "status"), [("elsewhere", "GET", 404), ("attachments/none", "GET", 404), ("", "POST", 405)]
)
def test_what_the_page_does_not_have_is_refused(client: Client, path: str, method: str, status: int) -> None:
    assert page(client, path, method).status == status
