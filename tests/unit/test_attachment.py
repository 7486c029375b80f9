import re
from dataclasses import replace

import pytest

from shared.core.attachment import (
    AttachmentRequest,
    BadMetadata,
    BlobVersion,
    NoTarget,
    Reference,
    decode_value,
    is_folder_stub,
    parse_metadata,
    parse_path,
)
from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern

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
        ({"list": "Work"}, ["task"]),
        ({"listid": "L=", "taskid": "  "}, ["task"]),
        ({"task": "Plan", "filename": "//"}, ["filename"]),
        ({"task": "Plan", "filename": ".."}, ["filename"]),
        ({"task": "Plan", "filename": "%01%02"}, ["filename"]),
    ],
    ids=["both for the task", "both for the list", "no task", "blank task", "slashes", "dots", "controls"],
)
def test_what_cannot_be_meant_is_refused_by_name(metadata: dict[str, str], names: list[str]) -> None:
    detail = refused(metadata)
    assert all(name in detail for name in names)


def test_a_refusal_says_the_remedy_whole() -> None:
    assert refused({"list": "Work"}) == "names a list and no task: set task to its title, or taskid"
    assert refused({"taks": "Plan"}) == 'has an unknown key "taks": write task'
    assert refused({"task": "Plan", "filename": ".."}) == (
        "no attachment name is left of filename or the blob's name: set filename"
    )


@pytest.mark.parametrize(
    "metadata",
    [{}, {"colour": "red"}, {"task": " ", "listid": ""}, {"user": "kim@example.com", "filename": "a.pdf"}],
    ids=["nothing", "unknown keys", "empty values", "for whom and under which name, but not where"],
)
def test_metadata_without_a_target_is_no_mistake_yet(metadata: dict[str, str]) -> None:
    assert parse_metadata(metadata, "plan.pdf") == NoTarget()


@pytest.mark.parametrize(
    ("metadata", "key", "meant"),
    [
        ({"taks": "Plan"}, "taks", "task"),
        ({"tasks": "Plan", "list": "Work"}, "tasks", "task"),
        ({"list_id": "L=", "taskid": "T="}, "list_id", "listid"),
        ({"todo-list": "Work", "task": "Plan"}, "todo-list", "list"),
        ({"TASK": "Plan", "Usr": "kim@example.com"}, "usr", "user"),
        ({"tadk": "Plan"}, "tadk", "task"),
        ({"lsit": "Work"}, "lsit", "list"),
    ],
    ids=str,
)
def test_a_misspelt_key_is_named_with_the_likely_one(metadata: dict[str, str], key: str, meant: str) -> None:
    assert refused(metadata) == f'has an unknown key "{key}": write {meant}'


@pytest.mark.parametrize(
    "metadata",
    [
        {"task": "Plan", "tasks": "3"},
        {"taskid": "T=", "task_name": "Plan"},
        {"task": "Plan", "list": "Work", "list_name": "Work", "users": "3", "user": "kim@example.com"},
        {"task": "Plan", "used": "yes", "last": "2026", "tags": "a", "file_name": "b.pdf"},
    ],
    ids=["the task is named", "by id", "all is said", "words of their own"],
)
def test_a_key_that_only_looks_like_ours_is_ignored_where_a_right_one_stands(metadata: dict[str, str]) -> None:
    assert asked(metadata).name == "plan.pdf"


PATH = "kim@example.com/Work/Plan/a.pdf"


@pytest.mark.parametrize(
    ("metadata", "name", "request_"),
    [
        ({}, PATH, AttachmentRequest(Reference(name="Work"), Reference(name="Plan"), "kim@example.com", "a.pdf")),
        ({}, "Work/Plan/a.pdf", AttachmentRequest(Reference(name="Work"), Reference(name="Plan"), "", "a.pdf")),
        (
            {"user": "sam@example.com", "filename": "b.pdf"},
            PATH,
            AttachmentRequest(Reference(name="Work"), Reference(name="Plan"), "sam@example.com", "b.pdf"),
        ),
    ],
    ids=["user, list and task", "list and task", "metadata wins"],
)
def test_a_path_says_what_the_metadata_does_not(
    metadata: dict[str, str], name: str, request_: AttachmentRequest
) -> None:
    assert parse_path(metadata, name, DEFAULT_PATTERNS) == request_


@pytest.mark.parametrize(("name", "patterns"), [("Work/a.pdf", DEFAULT_PATTERNS), (PATH, ())], ids=["no fit", "off"])
def test_a_path_that_says_nothing_is_no_request(name: str, patterns: tuple[PathPattern, ...]) -> None:
    assert parse_path({}, name, patterns) is None


def test_a_path_whose_file_leaves_no_name_is_refused() -> None:
    assert isinstance(parse_path({}, "Work/Plan/..", DEFAULT_PATTERNS), BadMetadata)


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


@pytest.mark.parametrize(
    ("metadata", "size", "is_stub"),
    [
        ({"hdi_isfolder": "true"}, 0, True),
        ({"Hdi_IsFolder": " True "}, 0, True),
        ({"hdi_isfolder": "false"}, 0, False),
        ({"hdi_isfolder": "true"}, 1, False),
        ({}, 0, False),
    ],
    ids=["as tools write it", "in other letters", "marked as none", "with bytes", "an empty file"],
)
def test_an_empty_blob_that_is_marked_as_a_folder_is_no_file(
    metadata: dict[str, str], size: int, is_stub: bool
) -> None:
    assert is_folder_stub(metadata, size) is is_stub
