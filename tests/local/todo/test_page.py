"""The emulator's page for people."""

from html import unescape
from urllib.parse import quote

import pytest

from local.stand_ins.todo.page import handle_page
from local.stand_ins.todo.wire import Request, Response
from tests.local.todo.desk import Desk, make_desk


def page(desk: Desk, path: str = "", method: str = "GET") -> Response:
    return handle_page(desk.service, Request(method, path))


def test_attachments_are_shown_with_size_and_sha256(desk: Desk) -> None:
    desk.upload(b"hi", "letter.pdf")
    text = page(desk).body.decode()
    assert "letter.pdf" in text
    assert "2 bytes" in text
    assert "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4" in text
    assert "Receipts <small>in Tasks</small>" in text


def test_an_upload_under_way_shows_how_far_it_is(desk: Desk) -> None:
    desk.put(desk.open(5000, "half.bin"), 0, bytes(2500), 5000)
    assert "2,500 of 5,000 bytes" in page(desk).body.decode()


def test_a_name_is_never_markup(desk: Desk) -> None:
    name = "<script>alert(1)</script>\"' onmouseover=x.txt"
    desk.upload(b"hi", name)
    desk.service.add_task(desk.task_list, "<img src=x>")
    text = page(desk).body.decode()
    assert "<script" not in text
    assert "<img" not in text
    assert name in unescape(text)


def test_a_download_is_the_attachment_and_no_page(desk: Desk) -> None:
    desk.upload(b"<html>", 'Größe; "x".html')
    (attachment,) = desk.attached()
    response = page(desk, f"attachments/{quote(attachment.id, safe='')}")
    assert (response.status, response.body) == (200, b"<html>")
    assert response.headers["content-type"] == "application/octet-stream"
    disposition = "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%3B%20%22x%22.html"
    assert response.headers["content-disposition"] == disposition
    assert response.headers["x-content-type-options"] == "nosniff"


def test_without_contents_the_page_says_so() -> None:
    desk = make_desk(keep_content=False)
    desk.upload(b"hi")
    (attachment,) = desk.attached()
    assert "<a " not in page(desk).body.decode()
    assert page(desk, f"attachments/{attachment.id}").status == 410


@pytest.mark.parametrize(
    ("path", "method", "status"), [("elsewhere", "GET", 404), ("attachments/none", "GET", 404), ("", "POST", 405)]
)
def test_what_the_page_does_not_have_is_refused(desk: Desk, path: str, method: str, status: int) -> None:
    assert page(desk, path, method).status == status
