import re
from dataclasses import replace

import pytest

from shared.core.attachment import (
    AttachmentRequest,
    BadMetadata,
    BlobVersion,
    Reference,
    decode_value,
    parse_metadata,
)

VERSION = BlobVersion("account", "attachments", "folder/plan.pdf", "0x8DC1")


def asked(metadata: dict[str, str], blob_name: str = "folder/plan.pdf") -> AttachmentRequest:
    request = parse_metadata(metadata, blob_name)
    assert isinstance(request, AttachmentRequest)
    return request


def refused(metadata: dict[str, str], blob_name: str = "folder/plan.pdf") -> str:
    request = parse_metadata(metadata, blob_name)
    assert isinstance(request, BadMetadata)
    return request.detail


def test_the_upload_id_is_the_same_for_every_delivery_of_one_write() -> None:
    assert VERSION.upload_id() == BlobVersion("account", "attachments", "folder/plan.pdf", "0x8DC1").upload_id()
    assert re.fullmatch(r"[0-9a-f]{32}", VERSION.upload_id())


@pytest.mark.parametrize("field", ["storage_account", "container", "name", "etag"])
def test_another_write_another_name_or_another_place_is_another_upload(field: str) -> None:
    other = replace(VERSION, **{field: getattr(VERSION, field) + "x"})
    assert other.upload_id() != VERSION.upload_id()


def test_the_upload_id_is_the_same_in_every_version_of_the_code() -> None:
    """Otherwise an event delivered again after an upgrade would attach the file again."""
    version = BlobVersion("account", "attachments", "folder/plan.pdf", "0x8DC0000000000A1")
    assert version.upload_id() == "170fdc898073dbc1cc45194d3d8a459e"


def test_two_versions_cannot_run_together_into_one_upload_id() -> None:
    assert BlobVersion("a", "b", "c", "d").upload_id() != BlobVersion("ab", "", "c", "d").upload_id()


def test_a_blob_name_with_half_a_surrogate_pair_still_has_an_upload_id() -> None:
    assert len(replace(VERSION, name="\ud83d.pdf").upload_id()) == 32


@pytest.mark.parametrize(
    ("metadata", "request_"),
    [
        (
            {"listid": "AAMkL=", "taskid": "AAMkT="},
            AttachmentRequest(Reference("AAMkL="), Reference("AAMkT="), "", "plan.pdf"),
        ),
        (
            {"list": "Work", "task": "Plan"},
            AttachmentRequest(Reference(name="Work"), Reference(name="Plan"), "", "plan.pdf"),
        ),
        ({"task": "Plan"}, AttachmentRequest(Reference(), Reference(name="Plan"), "", "plan.pdf")),
        (
            {"listid": "AAMkL=", "task": "Plan"},
            AttachmentRequest(Reference("AAMkL="), Reference(name="Plan"), "", "plan.pdf"),
        ),
        (
            {"TaskID": "AAMkT=", "USER": "kim@example.com", "FileName": "a.txt", "colour": "red"},
            AttachmentRequest(Reference(), Reference("AAMkT="), "kim@example.com", "a.txt"),
        ),
        (
            {"task": "Plan", "list": " ", "filename": "", "user": ""},
            AttachmentRequest(Reference(), Reference(name="Plan"), "", "plan.pdf"),
        ),
    ],
    ids=["ids", "names", "default list", "list by id and task by name", "any case, unknown keys", "empty is absent"],
)
def test_metadata_says_what_is_attached_where(metadata: dict[str, str], request_: AttachmentRequest) -> None:
    assert asked(metadata) == request_


def test_ids_keep_their_case() -> None:
    assert asked({"taskid": "AAMkAbCd_-="}).task.id == "AAMkAbCd_-="


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"taskid": "T", "task": "Plan"}, ["taskid", "task"]),
        ({"listid": "L", "list": "Work", "taskid": "T"}, ["listid", "list"]),
        ({}, ["task"]),
        ({"list": "Work"}, ["task"]),
        ({"taskid": "  "}, ["task"]),
        ({"task": "Plan", "filename": "//"}, ["filename"]),
        ({"task": "Plan", "filename": ".."}, ["filename"]),
        ({"task": "Plan", "filename": "%01%02"}, ["filename"]),
    ],
    ids=["both for the task", "both for the list", "nothing", "no task", "blank task", "slashes", "dots", "controls"],
)
def test_what_cannot_be_meant_is_refused_by_name(metadata: dict[str, str], names: list[str]) -> None:
    detail = refused(metadata)
    assert all(name in detail for name in names)


def test_a_refusal_says_the_remedy_whole() -> None:
    assert refused({}) == "names no task: set listid and taskid, or task (its title) and list"
    assert refused({"task": "Plan", "filename": ".."}) == (
        "no attachment name is left of filename or the blob's name: set filename"
    )


def test_a_blob_whose_name_leaves_nothing_is_refused() -> None:
    assert "filename" in refused({"task": "Plan"}, blob_name="///")


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("plain", "plain"),
        ("M%C3%BCll%20abholen", "Müll abholen"),
        ("100%.pdf", "100%.pdf"),
        ("50%25 off", "50% off"),
        ("50%zz", "50%zz"),
        ("a+b", "a+b"),
        ("%FF%FE", "%FF%FE"),
        ("%E2%82", "%E2%82"),
        ("%F0%9F%93%8E", "📎"),
        ("%252F", "%2F"),
        ("%", "%"),
        ("%4", "%4"),
        ("\ud83d%20", "\ud83d%20"),
    ],
    ids=repr,
)
def test_percent_encoding_is_undone_once_and_what_is_none_stays(value: str, decoded: str) -> None:
    assert decode_value(value) == decoded


@pytest.mark.parametrize(
    ("reference", "shown"), [(Reference(name="Plan"), '"Plan"'), (Reference("AAMk"), "id AAMk")], ids=["name", "id"]
)
def test_a_reference_shows_itself_as_it_was_given(reference: Reference, shown: str) -> None:
    assert str(reference) == shown


@pytest.mark.parametrize("key", ["listid", "taskid"])
@pytest.mark.parametrize("value", [".", "..", "%2E%2E"])
def test_an_id_that_a_path_would_swallow_is_refused(key: str, value: str) -> None:
    refusal = parse_metadata({"listid": "L", "taskid": "T", key: value}, "a.pdf")
    assert isinstance(refusal, BadMetadata)
    assert refusal.detail.startswith(f"{key} is ")
