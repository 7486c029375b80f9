"""What a browser sends, on its way through the Functions worker's types."""

import random
from collections.abc import Mapping

import azure.functions as func
import pytest

from shared.adapters.functions.web import browser_request
from shared.sign_in.browser import Form, FormFile

BOUNDARY = "----WebKitFormBoundaryAbC"


def request(body: bytes, content_type: str, action: str = "send") -> func.HttpRequest:
    return func.HttpRequest(
        "post",
        "https://app.example/api/files/send?x=1",
        headers={"Content-Type": content_type, "Sec-Fetch-Site": "same-origin"},
        params={"x": "1"},
        route_params={"action": action},
        body=body,
    )


def multipart(fields: Mapping[str, str], file: tuple[str, bytes] | None = None) -> bytes:
    """As Chromium writes it: names in UTF-8, quotes in them as %22."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n'
        parts.append(f"{head}Content-Type: application/pdf\r\n\r\n".encode() + file[1] + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def form_of(body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Form:
    return browser_request(request(body, content_type)).read_form()


def test_a_form_with_a_file_arrives_whole_whatever_is_in_it() -> None:
    content = bytes(range(256)) * 4_000 + f"\r\n--{BOUNDARY}".encode()[:-1]
    form = form_of(multipart({"list": "L 1=&", "task": "ü"}, ("über 100%22.pdf", content)))
    assert form.fields == {"list": "L 1=&", "task": "ü"}
    assert form.files["file"].name == 'über 100".pdf'
    assert form.files["file"].content == content


@pytest.mark.parametrize("seed", range(20))
def test_a_large_file_of_any_bytes_arrives_whole(seed: int) -> None:
    content = random.Random(seed).randbytes(1_200_000) + b"\r\n" * seed + b"-" * seed
    assert form_of(multipart({"list": "L"}, ("a.bin", content))).files["file"].content == content


def test_a_form_without_a_chosen_file_has_one_without_a_name() -> None:
    assert form_of(multipart({}, ("", b""))).files == {"file": FormFile("", b"")}


def test_a_plain_form_arrives() -> None:
    assert form_of(b"upload=abc&x=%C3%BC", "application/x-www-form-urlencoded").fields == {"upload": "abc", "x": "ü"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b"{}", "application/json"),
        (b"upload=abc", "text/plain"),
        (b"no boundary", "multipart/form-data"),
        (b"cut off", f"multipart/form-data; boundary={BOUNDARY}"),
        (multipart({"a": "b"})[:-20], f"multipart/form-data; boundary={BOUNDARY}"),
        (b"\xff\xfe", "multipart/form-data; boundary=\xff"),
    ],
)
def test_what_is_no_form_is_an_empty_one(body: bytes, content_type: str) -> None:
    form = form_of(body, content_type)
    assert form.files == {}
    assert "upload" not in form.fields


def test_of_several_fields_of_one_name_the_first_counts() -> None:
    assert form_of(b"upload=a&upload=b", "application/x-www-form-urlencoded").fields == {"upload": "a"}


def test_the_rest_of_a_request_arrives_as_it_was_sent() -> None:
    asked = browser_request(request(b"{}", "application/json", "sign"))
    assert (asked.method, asked.action, asked.body) == ("POST", "sign", b"{}")
    assert asked.headers["sec-fetch-site"] == "same-origin"
    assert asked.parameters == {"x": "1"}


def test_a_request_without_an_action_is_for_the_page_itself() -> None:
    plain = func.HttpRequest("get", "https://app.example/api/files", body=b"")
    assert browser_request(plain).action == ""


def test_a_form_of_very_many_parts_is_none_of_ours() -> None:
    assert form_of(multipart({f"field-{number}": "x" for number in range(1_000)})) == Form()
    assert form_of(multipart({"list": "x" * 600_000})) == Form()
