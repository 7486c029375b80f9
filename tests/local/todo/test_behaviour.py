"""Every switch does what it says, and every switch is shown here (`test_every_switch_has_a_test` sees to it)."""

import inspect
import json
import re
import sys
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.wire import Response
from tests.local.todo.desk import ROOT, Desk, error_of, field_of, json_of, make_desk, ranges_of

SIZE = 100


def half_done(desk: Desk) -> tuple[str, Response]:
    """An upload URL, and the answer to its first half."""
    url = desk.open(SIZE)
    return url, desk.put(url, 0, bytes(50), SIZE)


# What becomes of a request whose client has gone is enacted by the HTTP shell: test_http.
ELSEWHERE = {"abandoned_request"}


def test_every_switch_has_a_test() -> None:
    source = inspect.getsource(sys.modules[__name__])
    switches = {field.name for field in fields(Behaviour)}
    assert {switch for switch in switches if f'"{switch}"' not in source} - ELSEWHERE == set()


def test_the_form_of_every_choice_is_closed() -> None:
    """A switch is a number, a text, a yes or no, or one of the values that it lists."""
    for name, hint in get_type_hints(Behaviour).items():
        literal = getattr(hint, "__value__", hint)
        assert hint in (int, float, str, bool) or get_args(literal), name


# --- opening ---


def test_create_can_answer_201() -> None:
    assert make_desk({"create_status": 201}).create(SIZE).status == 201


def test_create_can_answer_in_pascal_case() -> None:
    body = json_of(make_desk({"create_casing": "pascal"}).create(SIZE))
    assert {"UploadUrl", "ExpirationDateTime", "NextExpectedRanges"} <= set(body)


@pytest.mark.parametrize(
    ("shape", "at_create", "after_50"),
    [
        ("open", ["0-"], ["50-"]),
        ("start", ["0"], ["50"]),
        ("closed", ["0-99"], ["50-99"]),
        ("several", ["50-", "0-49"], ["75-", "50-74"]),
    ],
)
def test_ranges_take_every_shape(shape: str, at_create: list[str], after_50: list[str]) -> None:
    desk = make_desk({"create_ranges": shape, "progress_ranges": shape, "status_ranges": shape})
    assert ranges_of(desk.create(SIZE)) == at_create
    url, progress = half_done(desk)
    assert ranges_of(progress) == after_50
    assert ranges_of(desk.get(url)) == after_50


def test_ranges_can_be_missing() -> None:
    desk = make_desk({"create_ranges": "missing", "progress_ranges": "missing", "status_ranges": "missing"})
    url, progress = half_done(desk)
    for response in (desk.create(SIZE), progress, desk.get(url)):
        assert "nextexpectedranges" not in {key.lower() for key in json_of(response)}


@pytest.mark.parametrize("status", [413, 400, 507])
def test_a_file_too_large_is_refused_with_any_status(status: int) -> None:
    desk = make_desk({"size_limit": 25_000_000, "size_limit_status": status})
    assert desk.create(25_000_000).status == 200
    assert desk.create(25_000_001).status == status


def test_a_file_too_large_can_be_refused_at_its_last_range() -> None:
    desk = make_desk({"size_limit": 99, "size_refused_at": "last_range"})
    url, progress = half_done(desk)
    assert progress.status == 200
    assert desk.put(url, 50, bytes(50), SIZE).status == 413
    assert desk.attached() == []


def test_an_empty_session_can_be_one_that_never_completes() -> None:
    desk = make_desk({"empty_session": "never_completes"})
    url = desk.open(0)
    assert desk.put(url, 0, b"", 0, content_range="bytes 0--1/0").status == 400
    assert len(desk.service.open_sessions()) == 1


def test_an_empty_session_can_complete_at_create() -> None:
    desk = make_desk({"empty_session": "completes_at_create"})
    assert ranges_of(desk.create(0)) == []
    assert [attachment.size for attachment in desk.attached()] == [0]
    assert desk.service.open_sessions() == []


def test_an_empty_session_can_be_refused() -> None:
    assert make_desk({"empty_session": "refused"}).create(0).status == 400


def test_a_session_lives_as_long_as_it_is_told() -> None:
    desk = make_desk({"session_lifetime": 60.0})
    url = desk.open(SIZE)
    desk.pass_time(59)
    assert desk.get(url).status == 200
    desk.pass_time(1)
    assert desk.get(url).status == 404


def test_expiry_is_fixed_or_slides_with_each_range() -> None:
    for expiry, status in (("fixed", 404), ("sliding", 201)):
        desk = make_desk({"expiry": expiry, "session_lifetime": 60.0})
        url = desk.open(SIZE)
        desk.pass_time(50)
        desk.put(url, 0, bytes(50), SIZE)
        desk.pass_time(50)
        assert desk.put(url, 50, bytes(50), SIZE).status == status


def test_the_upload_url_can_name_another_host() -> None:
    desk = make_desk({"upload_url_host": "https://outlook.office.example"})
    url = desk.open(SIZE)
    assert url.startswith("https://outlook.office.example/v1.0/users/")
    assert desk.put(url, 0, bytes(50), SIZE).status == 200


@pytest.mark.parametrize("version", ["v1.0", "beta", "gv1.0"])
def test_the_upload_url_can_name_another_version(version: str) -> None:
    desk = make_desk({"upload_url_version": version})
    url = desk.open(SIZE)
    assert url.startswith(f"{ROOT}/{version}/users/")
    assert desk.put(url, 0, bytes(50), SIZE).status == 200


def test_the_upload_url_follows_the_version_that_was_asked() -> None:
    desk = make_desk()
    body = {"attachmentInfo": {"attachmentType": "file", "name": "a", "size": 1}}
    url = f"{desk.attachments_url}/createUploadSession".replace("/v1.0/", "/beta/")
    assert field_of(desk.post_json(url, body), "uploadUrl").startswith(f"{ROOT}/beta/users/")


def test_the_upload_url_can_carry_its_own_token_and_refuse_a_bearer() -> None:
    desk = make_desk({"upload_url_authtoken": True})
    url = desk.open(SIZE)
    assert "?authtoken=" in url
    refused = desk.put(url, 0, bytes(50), SIZE)
    assert (refused.status, error_of(refused)["code"]) == (401, "InvalidAudience")
    assert desk.put(url, 0, bytes(50), SIZE, authorization="").status == 200
    assert desk.put(url.partition("?")[0], 50, bytes(50), SIZE).status == 403
    assert desk.put(url, 50, bytes(50), SIZE, authorization="").status == 201
    assert desk.ask("GET", url, authorization="").status == 404
    assert desk.offences() == {Offence.STRAY_BEARER: 1}


@pytest.mark.parametrize(("form", "part"), [("me", "/me/todo/"), ("upn", "/users/sam@example.com/todo/")])
def test_the_upload_url_can_name_the_user_otherwise(form: str, part: str) -> None:
    desk = make_desk({"upload_url_user": form})
    url, progress = half_done(desk)
    assert part in url
    assert progress.status == 200


@pytest.mark.parametrize("status", [400, 403, 404])
def test_personal_accounts_can_have_no_sessions(status: int) -> None:
    assert make_desk({"personal_sessions": status}, personal=True).create(SIZE).status == status
    assert make_desk({"personal_sessions": status}).create(SIZE).status == 200
    assert make_desk(personal=True).create(SIZE).status == 200


@pytest.mark.parametrize("status", [400, 403, 404])
def test_shared_and_flagged_lists_can_refuse_attachments(status: int) -> None:
    desk = make_desk({"shared_list": status})
    shared = desk.service.add_list(desk.mailbox, "Ours", shared=True)
    flagged = desk.service.add_list(desk.mailbox, "Flagged", wellknown_name="flaggedEmails")
    for task_list in (shared, flagged):
        desk.task_list, desk.task = task_list, desk.service.add_task(task_list, "Receipts")
        assert desk.create(SIZE).status == status
        assert desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": ""}).status == status


def test_shared_lists_take_attachments_as_documented() -> None:
    desk = make_desk()
    desk.task_list = desk.service.add_list(desk.mailbox, "Ours", shared=True)
    desk.task = desk.service.add_task(desk.task_list, "Receipts")
    assert desk.create(SIZE).status == 200


@pytest.mark.parametrize(("value", "status"), [(403, 403), (401, 401), ("accepted", 200)])
def test_application_tokens_are_refused_or_accepted(value: object, status: int) -> None:
    desk = make_desk({"application_tokens": value})
    desk.service.add_application_token("of-the-app")
    desk.token = "of-the-app"
    path = f"users/{desk.mailbox.object_id}/todo/lists/{desk.task_list.id}/tasks/{desk.task.id}/attachments"
    body = {"attachmentInfo": {"attachmentType": "file", "name": "a", "size": 1}}
    assert desk.post_json(f"{ROOT}/v1.0/{path}/createUploadSession", body).status == status
    assert desk.get(f"{ROOT}/v1.0/{path}").status == 200
    assert desk.get(desk.attachments_url).status == 400


# --- ranges ---


@pytest.mark.parametrize("status", [405, 404])
def test_a_bare_put_is_refused_with_either_status(status: int) -> None:
    desk = make_desk({"bare_put": status})
    assert bare_put(desk).status == status


def test_a_bare_put_can_be_accepted() -> None:
    desk = make_desk({"bare_put": "accepted"})
    assert bare_put(desk).status == 201


def bare_put(desk: Desk) -> Response:
    headers = {"content_type": "application/octet-stream", "content_range": "bytes 0-9/10"}
    return desk.ask("PUT", desk.open(10), bytes(10), **headers)


def test_4_mb_can_be_a_limit_that_is_not_reached() -> None:
    desk = make_desk({"range_limit": 50, "range_limit_inclusive": False, "range_limit_status": 400})
    assert desk.put(desk.open(SIZE), 0, bytes(49), SIZE).status == 200
    assert desk.put(desk.open(SIZE), 0, bytes(50), SIZE).status == 400


def test_progress_can_be_camel_case() -> None:
    _, progress = half_done(make_desk({"progress_casing": "camel"}))
    assert set(json_of(progress)) == {"expirationDateTime", "nextExpectedRanges"}


@pytest.mark.parametrize(("kept", "start"), [("dropped", "0"), ("kept", "30")])
def test_a_torn_range_is_dropped_or_its_prefix_kept(kept: str, start: str) -> None:
    desk = make_desk({"torn_range": kept})
    url = desk.open(SIZE)
    exchange = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    desk.service.hang_up(exchange)
    desk.service.complete(exchange, bytes(30))
    assert ranges_of(desk.get(url)) == [start]


def test_an_acknowledged_range_can_be_answered_200_with_the_same_next_start() -> None:
    desk = make_desk({"acknowledged_range": 200})
    url, progress = half_done(desk)
    again = desk.put(url, 0, bytes(50), SIZE)
    assert (again.status, again.body) == (200, progress.body)


def test_put_alone_can_be_forbidden() -> None:
    _, response = half_done(make_desk({"put_permitted": False}))
    assert response.status == 403


def test_put_can_be_redirected() -> None:
    _, response = half_done(make_desk({"put_redirect": "https://elsewhere.example/x"}))
    assert (response.status, response.headers["Location"]) == (308, "https://elsewhere.example/x")


@pytest.mark.parametrize(
    ("form", "status", "has_location", "keys"),
    [
        ("location", 201, True, None),
        ("nothing", 201, False, None),
        ("entity", 201, True, {"id", "name"}),
        ("ok_entity", 200, False, {"id", "name"}),
        ("ok_empty", 200, False, {"ExpirationDateTime"}),
        ("ok_progress", 200, False, {"ExpirationDateTime", "NextExpectedRanges"}),
    ],
)
def test_the_final_reply_takes_every_form(form: str, status: int, has_location: bool, keys: set[str] | None) -> None:
    desk = make_desk({"final_reply": form})
    response = desk.upload(bytes(SIZE))
    assert (response.status, "location" in response.headers) == (status, has_location)
    assert (keys <= set(json_of(response))) if keys else (response.body == b"")
    assert len(desk.attached()) == 1


def test_the_final_reply_can_expect_the_total() -> None:
    assert ranges_of(make_desk({"final_reply": "ok_progress"}).upload(bytes(SIZE))) == ["100"]


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("path", r"https://graph\.microsoft\.com/v1\.0/users/.+/Attachments/{id}"),
        ("key", r"https://graph\.microsoft\.com/v1\.0/users/.+/attachments\('{id}'\)"),
        ("encoded", r"https://graph\.microsoft\.com/v1\.0/users/.+/Attachments/{quoted}"),
        ("relative", r"/v1\.0/users/.+/Attachments/{id}"),
        ("beta", r"https://graph\.microsoft\.com/beta/users/.+/Attachments/{id}"),
    ],
)
def test_location_takes_every_form_and_leads_to_the_file(form: str, pattern: str) -> None:
    desk = make_desk({"location": form})
    location = desk.upload(bytes(SIZE)).headers["Location"]
    wanted = desk.attached()[0].id
    assert re.fullmatch(pattern.format(id=re.escape(wanted), quoted=wanted.replace("=", "%3D")), location)
    assert field_of(desk.get(location), "id") == wanted


def test_location_can_be_absent() -> None:
    assert "location" not in make_desk({"location": "absent"}).upload(bytes(SIZE)).headers


# --- asking and cancelling ---


@pytest.mark.parametrize("status", [404, 405])
def test_a_session_can_be_unreadable(status: int) -> None:
    desk = make_desk({"session_get": status})
    url, _ = half_done(desk)
    assert desk.get(url).status == status
    assert desk.put(url, 50, bytes(50), SIZE).status == 201


def test_a_session_can_be_read_in_pascal_case() -> None:
    url, _ = half_done(desk := make_desk({"status_casing": "pascal"}))
    assert {"ExpirationDateTime", "NextExpectedRanges"} <= set(json_of(desk.get(url)))


@pytest.mark.parametrize("status", [404, 410, 400, 401, 416])
def test_an_expired_session_is_gone_with_any_status(status: int) -> None:
    desk = make_desk({"expired_session": status, "unknown_session": 404})
    url = desk.open(SIZE)
    desk.pass_time(86_400)
    assert desk.put(url, 0, bytes(50), SIZE).status == status
    desk.open(SIZE)  # which is when sessions that ran out are swept away
    assert desk.get(url).status == status


@pytest.mark.parametrize("status", [404, 410, 400, 401, 416])
def test_an_unknown_session_is_gone_with_any_status(status: int) -> None:
    desk = make_desk({"unknown_session": status})
    url = desk.open(SIZE)
    desk.ask("DELETE", url)
    assert desk.put(url, 0, bytes(50), SIZE).status == status
    assert desk.get(url).status == status


def test_a_finished_session_can_linger_and_expects_nothing() -> None:
    desk = make_desk({"finished_session": "lingers"})
    url = desk.open(SIZE)
    desk.put(url, 0, bytes(SIZE), SIZE)
    assert (desk.get(url).status, ranges_of(desk.get(url))) == (200, [])
    assert desk.put(url, 0, bytes(SIZE), SIZE).status == 416
    assert desk.service.open_sessions() == []
    assert desk.ask("DELETE", url).status == 204
    assert len(desk.attached()) == 1


@pytest.mark.parametrize("status", [404, 204])
def test_cancelling_an_unknown_session_has_either_status(status: int) -> None:
    desk = make_desk({"unknown_session_delete": status})
    url = desk.open(SIZE)
    assert [desk.ask("DELETE", url).status for _ in range(2)] == [204, status]


# --- attachments ---


def test_equal_names_can_be_refused_at_create() -> None:
    desk = make_desk({"duplicate_names": "refused_at_create"})
    desk.upload(b"one", name="a")
    assert (desk.create(3, "a").status, desk.create(3, "b").status) == (409, 200)
    assert desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": ""}).status == 409


def test_equal_names_can_be_refused_at_the_last_range() -> None:
    desk = make_desk({"duplicate_names": "refused_at_last_range"})
    desk.upload(b"one", name="a")
    url = desk.open(3, "a")
    assert [desk.put(url, start, b"x", 3).status for start in range(3)] == [200, 200, 409]


def test_equal_names_are_allowed_as_documented() -> None:
    desk = make_desk()
    desk.upload(b"one", name="a")
    desk.upload(b"two", name="a")
    assert [entity["name"] for entity in desk.listed()] == ["a", "a"]


@pytest.mark.parametrize(
    ("form", "kept"),
    [("free", " Ab/c? "), ("trimmed", "Ab/c?"), ("lower_case", " ab/c? "), ("sanitised", " Ab_c_ ")],
)
def test_names_are_kept_or_altered(form: str, kept: str) -> None:
    desk = make_desk({"names": form})
    desk.upload(b"x", name=" Ab/c? ")
    assert [entity["name"] for entity in desk.listed()] == [kept]


@pytest.mark.parametrize("name", ["a/b", "tab\t", "n" * 256])
def test_names_can_be_refused(name: str) -> None:
    desk = make_desk({"names": "refused"})
    assert (desk.create(1, name).status, desk.create(1, "plain.pdf").status) == (400, 200)


def test_listed_sizes_can_carry_overhead() -> None:
    desk = make_desk({"listed_size_overhead": 17})
    desk.upload(bytes(SIZE))
    assert [entity["size"] for entity in desk.listed()] == [SIZE + 17]


def test_a_listing_can_lag_behind() -> None:
    desk = make_desk({"listing_lag": 10.0})
    location = desk.upload(bytes(SIZE)).headers["Location"]
    assert desk.listed() == []
    assert desk.get(location).status == 200
    desk.pass_time(10)
    assert len(desk.listed()) == 1


def test_an_attachment_can_come_wrapped() -> None:
    desk = make_desk({"wrapped_attachment": True})
    body = json_of(desk.get(desk.upload(b"hi").headers["Location"]))
    assert body["value"]["contentBytes"] == "aGk="


@pytest.mark.parametrize(("form", "kept"), [("lost", "application/octet-stream"), ("kept", "text/plain")])
def test_a_sessions_content_type_is_lost_or_kept(form: str, kept: str) -> None:
    desk = make_desk({"session_content_type": form})
    url = str(field_of(desk.create(2, contentType="text/plain"), "uploadUrl"))
    desk.put(url, 0, b"hi", 2)
    assert desk.listed()[0]["contentType"] == kept


def test_small_files_have_limits_of_their_own() -> None:
    desk = make_desk({"inline_limit": 2, "body_limit": 60})
    assert desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": "aA=="}).status == 201
    assert desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": "aGk="}).status == 413
    assert desk.post_json(desk.attachments_url, {"name": "a" * 60, "contentBytes": "aA=="}).status == 413


# --- lists, tasks, ids ---


def test_pages_have_the_size_that_they_are_given() -> None:
    desk = make_desk({"page_size": 2})
    for number in range(4):
        desk.service.add_task(desk.task_list, f"task {number}")
    assert len(json_of(desk.get(desk.tasks_url))["value"]) == 2


@pytest.mark.parametrize(
    ("form", "without_top", "with_top"),
    [("always", True, True), ("only_with_top", False, True), ("never", False, False), ("other_host", True, True)],
)
def test_a_next_link_can_be_withheld(form: str, without_top: bool, with_top: bool) -> None:
    desk = make_desk({"next_link": form, "page_size": 1})
    desk.service.add_task(desk.task_list, "another")
    links = [json_of(desk.get(f"{desk.tasks_url}{query}")).get("@odata.nextLink", "") for query in ("", "?$top=1")]
    assert [bool(link) for link in links] == [without_top, with_top]
    hosts = {link.partition("/v1.0/me/todo/")[0] for link in links if link}
    assert hosts <= {"https://elsewhere.example" if form == "other_host" else ROOT}


@pytest.mark.parametrize(
    ("form", "plain", "tracked"),
    [("all", 3, 3), ("only_in_delta", 1, 3), ("never", 1, 1)],
)
def test_lists_can_be_hidden_from_the_listing_and_from_change_tracking(form: str, plain: int, tracked: int) -> None:
    desk = make_desk({"listed_lists": form, "page_size": 1})
    desk.service.add_list(desk.mailbox, "Flagged Emails", wellknown_name="flaggedEmails")
    desk.service.add_list(desk.mailbox, "Work")
    for url, count in ((desk.lists_url, plain), (f"{desk.lists_url}/delta", tracked)):
        found, page = [], json_of(desk.get(url))
        while "@odata.nextLink" in page:
            found += page["value"]
            page = json_of(desk.get(page["@odata.nextLink"]))
        found += page["value"]
        assert len(found) == count
        assert ("@odata.deltaLink" in page) is url.endswith("delta")
    assert desk.get(desk.tasks_url).status == 200


def test_what_another_app_made_shows_after_a_while() -> None:
    desk = make_desk({"new_item_lag": 30})
    young = desk.service.add_list(desk.mailbox, "Young")
    urls = (f"{desk.lists_url}/{young.id}", desk.tasks_url, desk.attachments_url)
    assert [desk.get(url).status for url in urls] == [404, 404, 404]
    assert desk.create(SIZE).status == 404
    assert json_of(desk.get(desk.lists_url))["value"] == []
    desk.pass_time(30)
    assert [desk.get(url).status for url in urls] == [200, 200, 200]
    desk.service.add_task(desk.task_list, "Young")
    assert len(json_of(desk.get(desk.tasks_url))["value"]) == 1
    desk.pass_time(30)
    assert len(json_of(desk.get(desk.tasks_url))["value"]) == 2


def test_a_mailbox_can_be_out_of_reach_for_every_request() -> None:
    desk = make_desk({"mailbox_for_rest": 404})
    for response in (desk.get(desk.lists_url), desk.get(desk.attachments_url), desk.create(SIZE)):
        assert (response.status, error_of(response)["code"]) == (404, "MailboxNotEnabledForRESTAPI")


def test_a_session_can_be_for_larger_files_only() -> None:
    desk = make_desk({"minimum_session_size": SIZE})
    refused = desk.create(SIZE - 1)
    assert refused.status == 400
    assert error_of(refused)["code"] == "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"
    assert desk.create(SIZE).status == 200


@pytest.mark.parametrize(("value", "status"), [(400, 400), ("ignored", 200)])
def test_select_is_refused_or_ignored(value: object, status: int) -> None:
    desk = make_desk({"select": value})
    urls = [
        desk.lists_url,
        f"{desk.lists_url}/{desk.task_list.id}",
        desk.tasks_url,
        desk.task_url,
        desk.attachments_url,
    ]
    assert {desk.get(f"{url}?$select=id").status for url in urls} == {status}


@pytest.mark.parametrize(("form", "found"), [("exact", []), ("loose", ["Receipts"]), ("ignored", ["Receipts", "x"])])
def test_filters_match_exactly_loosely_or_not_at_all(form: str, found: list[str]) -> None:
    desk = make_desk({"filters": form})
    desk.service.add_task(desk.task_list, "x")
    body = json_of(desk.get(f"{desk.tasks_url}?$filter=title%20eq%20'receipts'"))
    assert [task["title"] for task in body["value"]] == found


def test_filters_can_be_refused() -> None:
    desk = make_desk({"filters": 400})
    assert desk.get(f"{desk.tasks_url}?$filter=title%20eq%20'Receipts'").status == 400


def test_the_shorthand_for_the_default_list_works_but_for_one_task() -> None:
    desk = make_desk({"tasks_shorthand": True})
    assert desk.get(f"{desk.lists_url}/Tasks/tasks").status == 200
    assert desk.get(f"{desk.lists_url}/Tasks/tasks/{desk.task.id}").status == 404
    assert make_desk({"tasks_shorthand": False}).get(f"{desk.lists_url}/Tasks/tasks").status == 404


@pytest.mark.parametrize(("status", "code"), [(404, "ErrorItemNotFound"), (400, "invalidRequest")])
def test_an_unknown_task_has_either_status(status: int, code: str) -> None:
    desk = make_desk({"unknown_task": status})
    response = desk.get(f"{desk.tasks_url}/AAMkAD0=/attachments")
    assert (response.status, error_of(response)["code"]) == (status, code)


def test_the_session_of_a_moved_task_can_follow_it() -> None:
    desk = make_desk({"moved_task_session": "follows"})
    url, _ = half_done(desk)
    desk.service.move_task(desk.task, desk.service.add_list(desk.mailbox, "Elsewhere"))
    response = desk.put(url, 50, bytes(50), SIZE)
    assert response.status == 201
    assert desk.get(response.headers["Location"]).status == 200
    assert len(desk.attached()) == 1


def test_the_session_of_a_moved_task_can_be_lost() -> None:
    desk = make_desk({"moved_task_session": 404})
    url, _ = half_done(desk)
    desk.service.move_task(desk.task, desk.service.add_list(desk.mailbox, "Elsewhere"))
    assert desk.put(url, 50, bytes(50), SIZE).status == 404


@pytest.mark.parametrize(("form", "stays"), [("changes", False), ("stays", True)])
def test_the_id_of_a_moved_task_changes_or_stays(form: str, stays: bool) -> None:
    desk = make_desk({"moved_task_id": form})
    before = desk.task.id
    desk.service.move_task(desk.task, desk.service.add_list(desk.mailbox, "Elsewhere"))
    assert (desk.task.id == before) is stays
    assert desk.get(f"{desk.tasks_url}/{before}").status == 404


# --- every reply ---


@pytest.mark.parametrize(
    ("digits", "text"),
    [
        (0, "2026-03-02T12:00:00Z"),
        (3, "2026-03-02T12:00:00.123Z"),
        (6, "2026-03-02T12:00:00.123456Z"),
        (7, "2026-03-02T12:00:00.1234560Z"),
    ],
)
def test_dates_have_as_many_digits_as_asked(digits: int, text: str) -> None:
    desk = make_desk({"date_digits": digits})
    assert field_of(desk.create(SIZE), "expirationDateTime") == text


def error_reply(form: str) -> Response:
    desk = make_desk({"error_form": form})
    return desk.ask("GET", f"{desk.attachments_url}/AAMkAD0=", client_request_id="mine")


def test_errors_nest_an_inner_error() -> None:
    error = error_of(error_reply("inner_error"))
    assert error["code"] == "ErrorItemNotFound"
    assert error["innerError"]["client-request-id"] == "mine"
    assert error["innerError"]["date"] == "2026-03-01T12:00:00"


def test_errors_can_spell_it_innererror() -> None:
    assert set(error_of(error_reply("innererror"))) == {"code", "message", "innererror"}


def test_errors_can_lack_the_inner_error() -> None:
    assert set(error_of(error_reply("no_inner_error"))) == {"code", "message"}


def test_errors_can_say_nothing() -> None:
    error = error_of(error_reply("empty_message"))
    assert (error["code"], error["message"]) == ("UnknownError", "")


def test_errors_can_be_a_page() -> None:
    response = error_reply("html")
    assert response.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.body)


def test_errors_can_be_empty() -> None:
    response = error_reply("empty")
    assert (response.status, response.body, "content-type" in response.headers) == (404, b"", False)
