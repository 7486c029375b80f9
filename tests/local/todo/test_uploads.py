"""Upload sessions as documented: what a clean upload looks like, and everything that is refused."""

import hashlib
import json
import random

import pytest

from local.stand_ins.todo.content_range import ContentRange, parse_content_range
from local.stand_ins.todo.journal import Offence
from shared.core.ranges import MAX_SLICE_BYTES
from tests.local.todo.client import ROOT, Client, error_of, field_of, inner_code, json_of, make_client, ranges_of

LARGEST = 26_214_400


def test_a_clean_upload_of_25_mib_is_eight_requests_in_order(client: Client) -> None:
    content = random.Random(1).randbytes(LARGEST)
    client.upload(content)
    assert [entry.operation for entry in client.service.journal.entries] == ["create_session"] + ["put_slice"] * 7
    [attachment] = client.attached()
    assert attachment.sha256 == hashlib.sha256(content).hexdigest()
    assert attachment.content == content
    assert client.offences() == {}


def test_create_answers_as_documented(client: Client) -> None:
    response = client.create(100)
    body = json_of(response)
    assert response.status == 200
    assert set(body) == {"@odata.context", "uploadUrl", "expirationDateTime", "nextExpectedRanges"}
    assert body["nextExpectedRanges"] == ["0-"]
    assert body["expirationDateTime"] == "2026-03-02T12:00:00.1234560Z"


def test_the_upload_url_names_the_user_by_guid(client: Client) -> None:
    path = f"{ROOT}/v1.0/users/{client.mailbox.object_id}/todo/lists/{client.task_list.id}/tasks/{client.task.id}"
    assert client.open(100).startswith(f"{path}/attachmentSessions/")


def test_progress_is_pascal_case_with_a_bare_start(client: Client) -> None:
    response = client.put(client.open(100), 0, bytes(40), 100)
    assert response.status == 200
    assert json_of(response) == {
        "ExpirationDateTime": "2026-03-02T12:00:00.1234560Z",
        "NextExpectedRanges": ["40"],
    }


def test_the_last_range_answers_201_with_a_location_and_nothing_else(client: Client) -> None:
    response = client.upload(bytes(100))
    assert (response.status, response.body) == (201, b"")
    location = response.headers["Location"]
    assert "/Attachments/" in location
    assert client.get(location).status == 200


def test_a_landed_session_is_gone(client: Client) -> None:
    url = client.open(10)
    client.put(url, 0, bytes(10), 10)
    assert client.get(url).status == 404
    assert client.service.open_sessions() == []


def test_a_session_tells_where_it_stands(client: Client) -> None:
    url = client.open(100)
    client.put(url, 0, bytes(40), 100)
    response = client.get(url)
    assert (response.status, json_of(response)["nextExpectedRanges"]) == (200, ["40"])
    assert json_of(response)["id"] == url.rpartition("/")[2]


def test_a_cancelled_session_is_gone(client: Client) -> None:
    url = client.open(100)
    assert client.ask("DELETE", url).status == 204
    assert client.get(url).status == 404
    assert client.put(url, 0, bytes(100), 100).status == 404
    assert client.attached() == []


def test_an_open_session_is_listed_as_open(client: Client) -> None:
    url = client.open(100)
    assert [session.id for session in client.service.open_sessions()] == [url.rpartition("/")[2]]


def test_a_session_that_ran_out_is_gone_and_not_open(client: Client) -> None:
    url = client.open(100)
    client.pass_time(86_400)
    response = client.put(url, 0, bytes(100), 100)
    assert response.status == 404
    assert inner_code(response) == "uploadSessionNotFound"
    assert client.service.open_sessions() == []


def test_a_session_belongs_to_its_task(client: Client) -> None:
    other = client.service.add_task(client.task_list, "Other")
    url = client.open(100).replace(client.task.id, other.id)
    assert client.put(url, 0, bytes(100), 100).status == 404


def test_a_session_of_a_deleted_task_takes_nothing(client: Client) -> None:
    url = client.open(100)
    client.service.delete_task(client.task)
    assert client.put(url, 0, bytes(100), 100).status == 404


# --- ranges ---


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes 0-9",
        "bytes 0-9/*",
        "bytes */10",
        "bytes 0-/10",
        "bytes -9/10",
        "bytes 0--1/0",
        "bytes 9-0/10",
        "bytes 0-10/10",
        "Bytes 0-9/10",
        "bytes=0-9/10",
        "bytes  0-9/10",
        "bytes 0-9/10 ",
        "bytes 0-9/10, 0-9/10",
        "bytes +0-9/10",
        "bytes 0-9/1_0",
        "bytes \u0660-9/10",
    ],
)
def test_only_the_exact_grammar_is_a_content_range(text: str) -> None:
    assert parse_content_range(text) is None


def test_a_content_range_is_inclusive() -> None:
    assert parse_content_range("bytes 2097152-3483321/3483322") == ContentRange(2_097_152, 3_483_321, 3_483_322)
    assert ContentRange(0, 9, 10).length == 10


def test_a_malformed_content_range_is_a_bad_request(client: Client) -> None:
    response = client.put(client.open(10), 0, bytes(10), 10, content_range="bytes 0-10/10")
    assert (response.status, error_of(response)["code"]) == (400, "invalidRange")


def test_a_missing_content_range_is_a_bad_request(client: Client) -> None:
    assert client.put(client.open(10), 0, bytes(10), 10, content_range="").status == 400


def test_a_gap_is_refused(client: Client) -> None:
    response = client.put(client.open(100), 50, bytes(50), 100)
    assert (response.status, inner_code(response)) == (416, "fragmentOutOfOrder")


def test_an_overlap_is_refused(client: Client) -> None:
    url = client.open(100)
    client.put(url, 0, bytes(50), 100)
    response = client.put(url, 40, bytes(20), 100)
    assert (response.status, inner_code(response)) == (416, "fragmentOverlap")


def test_an_acknowledged_range_is_refused_and_kept_once(client: Client) -> None:
    url = client.open(100)
    client.put(url, 0, bytes(50), 100)
    assert client.put(url, 0, bytes(50), 100).status == 416
    assert ranges_of(client.get(url)) == ["50"]


def test_another_total_than_declared_is_refused(client: Client) -> None:
    response = client.put(client.open(100), 0, bytes(50), 101)
    assert (response.status, inner_code(response)) == (416, "fragmentLengthMismatch")


def test_a_body_shorter_than_its_range_is_refused(client: Client) -> None:
    response = client.put(client.open(100), 0, bytes(49), 100, content_range="bytes 0-49/100")
    assert (response.status, inner_code(response)) == (416, "fragmentLengthMismatch")


def test_a_content_length_that_lies_is_refused(client: Client) -> None:
    assert client.put(client.open(100), 0, bytes(50), 100, content_length="49").status == 400


def test_a_range_without_content_length_is_refused(client: Client) -> None:
    assert client.put(client.open(100), 0, bytes(50), 100, content_length="").status == 411


@pytest.mark.parametrize("content_type", ["", "application/json", "application/octet-stream; charset=utf-8"])
def test_a_range_needs_octet_stream(client: Client, content_type: str) -> None:
    assert client.put(client.open(100), 0, bytes(50), 100, content_type=content_type).status == 415


def test_a_range_of_4_mib_is_taken(client: Client) -> None:
    assert client.put(client.open(5_000_000), 0, bytes(4_194_304), 5_000_000).status == 200


def test_a_range_over_4_mib_is_refused(client: Client) -> None:
    assert client.put(client.open(5_000_000), 0, bytes(4_194_305), 5_000_000).status == 413


def test_a_refused_range_changes_nothing(client: Client) -> None:
    url = client.open(100)
    client.put(url, 50, bytes(50), 100)
    assert ranges_of(client.get(url)) == ["0"]
    assert client.offences() == {Offence.REFUSED_RANGE: 1}


def test_a_put_on_the_bare_url_is_refused(client: Client) -> None:
    url = client.open(10)
    response = client.ask("PUT", url, bytes(10), content_type="application/octet-stream", content_range="bytes 0-9/10")
    assert response.status == 405
    assert client.offences() == {Offence.BARE_PUT: 1}


# --- create ---


def test_a_file_over_25_mib_is_refused(client: Client) -> None:
    assert client.create(LARGEST).status == 200
    assert client.create(LARGEST + 1).status == 413


def test_an_empty_file_gets_no_session(client: Client) -> None:
    assert client.create(0).status == 400


@pytest.mark.parametrize(
    "info",
    [
        {"size": -1},
        {"size": "10"},
        {"size": None},
        {"size": True},
        {"size": 1.5},
        {"name": ""},
        {"name": None},
        {"attachmentType": "folder"},
        {"attachmentType": None},
    ],
)
def test_attachment_info_needs_type_name_and_size(client: Client, info: dict[str, object]) -> None:
    described = {"attachmentType": "file", "name": "scan.pdf", "size": 10, **info}
    url = f"{client.attachments_url}/createUploadSession"
    assert client.post_json(url, {"attachmentInfo": described}).status == 400


@pytest.mark.parametrize("kind", ["item", "reference"])
def test_only_files_have_sessions(client: Client, kind: str) -> None:
    response = client.create(10, attachmentType=kind)
    assert response.status == 405
    assert error_of(response)["code"] == "ErrorAttachmentSessionIsSupportedOnlyForFileAttachments"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"AttachmentItem": {}}'])
def test_create_needs_the_attachment_info_wrapper(client: Client, body: bytes) -> None:
    url = f"{client.attachments_url}/createUploadSession"
    assert client.ask("POST", url, body, content_type="application/json").status == 400


def test_create_needs_json(client: Client) -> None:
    body = json.dumps({"attachmentInfo": {"attachmentType": "file", "name": "a", "size": 1}}).encode()
    assert (
        client.ask("POST", f"{client.attachments_url}/createUploadSession", body, content_type="text/plain").status
        == 415
    )


def test_a_session_in_slices_of_any_size_lands_the_same_bytes() -> None:
    content = random.Random(2).randbytes(1_000)
    for slice_size in (1, 7, 320, 999, 1_000):
        client = make_client()
        client.upload(content, slice_size=slice_size)
        assert client.attached()[0].content == content


def test_the_slice_of_the_product_fits_every_reading_of_4_mb() -> None:
    client = make_client({"range_limit": 4_000_000, "range_limit_inclusive": False})
    assert client.upload(bytes(MAX_SLICE_BYTES + 1)).status == 201


# --- small files ---


def test_a_small_file_is_attached_by_post(client: Client) -> None:
    body = {"@odata.type": "#microsoft.graph.taskFileAttachment", "name": "a", "contentBytes": "aGk=", "size": 2}
    response = client.post_json(client.attachments_url, body | {"contentType": "text/plain"})
    assert response.status == 201
    assert (field_of(response, "size"), field_of(response, "contentType")) == (2, "text/plain")
    assert [attachment.content for attachment in client.attached()] == [b"hi"]


def test_an_empty_file_is_attached_by_post(client: Client) -> None:
    response = client.post_json(client.attachments_url, {"name": "empty.txt", "contentBytes": ""})
    assert (response.status, field_of(response, "size")) == (201, 0)


@pytest.mark.parametrize("change", [{"name": ""}, {"name": 1}, {"contentBytes": None}, {"contentBytes": "?"}])
def test_a_post_needs_a_name_and_base64(client: Client, change: dict[str, object]) -> None:
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aGk=", **change}).status == 400


def test_a_post_of_another_attachment_type_is_refused(client: Client) -> None:
    body = {"@odata.type": "#microsoft.graph.itemAttachment", "name": "a", "contentBytes": "aGk="}
    assert client.post_json(client.attachments_url, body).status == 400


def test_a_post_of_3_mb_is_refused() -> None:
    client = make_client({"inline_limit": 3})
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aGk="}).status == 201
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aGkh"}).status == 413


def test_a_body_over_the_cap_is_refused() -> None:
    client = make_client({"body_limit": 40})
    assert client.post_json(client.attachments_url, {"name": "a" * 40, "contentBytes": ""}).status == 413
