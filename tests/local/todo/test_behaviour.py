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
from tests.local.todo.client import ROOT, Client, error_of, field_of, json_of, make_client, ranges_of

SIZE = 100


def half_done(client: Client) -> tuple[str, Response]:
    """An upload URL, and the answer to its first half."""
    url = client.open(SIZE)
    return url, client.put(url, 0, bytes(50), SIZE)


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
    assert make_client({"create_status": 201}).create(SIZE).status == 201


def test_create_can_answer_in_pascal_case() -> None:
    body = json_of(make_client({"create_casing": "pascal"}).create(SIZE))
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
    client = make_client({"create_ranges": shape, "progress_ranges": shape, "status_ranges": shape})
    assert ranges_of(client.create(SIZE)) == at_create
    url, progress = half_done(client)
    assert ranges_of(progress) == after_50
    assert ranges_of(client.get(url)) == after_50


def test_ranges_can_be_missing() -> None:
    client = make_client({"create_ranges": "missing", "progress_ranges": "missing", "status_ranges": "missing"})
    url, progress = half_done(client)
    for response in (client.create(SIZE), progress, client.get(url)):
        assert "nextexpectedranges" not in {key.lower() for key in json_of(response)}


@pytest.mark.parametrize("status", [413, 400, 507])
def test_a_file_too_large_is_refused_with_any_status(status: int) -> None:
    client = make_client({"size_limit": 25_000_000, "size_limit_status": status})
    assert client.create(25_000_000).status == 200
    assert client.create(25_000_001).status == status


def test_a_file_too_large_can_be_refused_at_its_last_range() -> None:
    client = make_client({"size_limit": 99, "size_refused_at": "last_range"})
    url, progress = half_done(client)
    assert progress.status == 200
    assert client.put(url, 50, bytes(50), SIZE).status == 413
    assert client.attached() == []


def test_an_empty_session_can_be_one_that_never_completes() -> None:
    client = make_client({"empty_session": "never_completes"})
    url = client.open(0)
    assert client.put(url, 0, b"", 0, content_range="bytes 0--1/0").status == 400
    assert len(client.service.open_sessions()) == 1


def test_an_empty_session_can_complete_at_create() -> None:
    client = make_client({"empty_session": "completes_at_create"})
    assert ranges_of(client.create(0)) == []
    assert [attachment.size for attachment in client.attached()] == [0]
    assert client.service.open_sessions() == []


def test_an_empty_session_can_be_refused() -> None:
    assert make_client({"empty_session": "refused"}).create(0).status == 400


def test_a_session_lives_as_long_as_it_is_told() -> None:
    client = make_client({"session_lifetime": 60.0})
    url = client.open(SIZE)
    client.pass_time(59)
    assert client.get(url).status == 200
    client.pass_time(1)
    assert client.get(url).status == 404


def test_expiry_is_fixed_or_slides_with_each_range() -> None:
    for expiry, status in (("fixed", 404), ("sliding", 201)):
        client = make_client({"expiry": expiry, "session_lifetime": 60.0})
        url = client.open(SIZE)
        client.pass_time(50)
        client.put(url, 0, bytes(50), SIZE)
        client.pass_time(50)
        assert client.put(url, 50, bytes(50), SIZE).status == status


def test_the_upload_url_can_name_another_host() -> None:
    client = make_client({"upload_url_host": "https://outlook.office.example"})
    url = client.open(SIZE)
    assert url.startswith("https://outlook.office.example/v1.0/users/")
    assert client.put(url, 0, bytes(50), SIZE).status == 200


@pytest.mark.parametrize("version", ["v1.0", "beta", "gv1.0"])
def test_the_upload_url_can_name_another_version(version: str) -> None:
    client = make_client({"upload_url_version": version})
    url = client.open(SIZE)
    assert url.startswith(f"{ROOT}/{version}/users/")
    assert client.put(url, 0, bytes(50), SIZE).status == 200


def test_the_upload_url_follows_the_version_that_was_asked() -> None:
    client = make_client()
    body = {"attachmentInfo": {"attachmentType": "file", "name": "a", "size": 1}}
    url = f"{client.attachments_url}/createUploadSession".replace("/v1.0/", "/beta/")
    assert field_of(client.post_json(url, body), "uploadUrl").startswith(f"{ROOT}/beta/users/")


def test_the_upload_url_can_carry_its_own_token_and_refuse_a_bearer() -> None:
    client = make_client({"upload_url_authtoken": True})
    url = client.open(SIZE)
    assert "?authtoken=" in url
    refused = client.put(url, 0, bytes(50), SIZE)
    assert (refused.status, error_of(refused)["code"]) == (401, "InvalidAudience")
    assert client.put(url, 0, bytes(50), SIZE, authorization="").status == 200
    assert client.put(url.partition("?")[0], 50, bytes(50), SIZE).status == 403
    assert client.put(url, 50, bytes(50), SIZE, authorization="").status == 201
    assert client.ask("GET", url, authorization="").status == 404
    assert client.offences() == {Offence.STRAY_BEARER: 1}


@pytest.mark.parametrize(("form", "part"), [("me", "/me/todo/"), ("upn", "/users/sam@example.com/todo/")])
def test_the_upload_url_can_name_the_user_otherwise(form: str, part: str) -> None:
    client = make_client({"upload_url_user": form})
    url, progress = half_done(client)
    assert part in url
    assert progress.status == 200


@pytest.mark.parametrize("status", [400, 403, 404])
def test_personal_accounts_can_have_no_sessions(status: int) -> None:
    assert make_client({"personal_sessions": status}, personal=True).create(SIZE).status == status
    assert make_client({"personal_sessions": status}).create(SIZE).status == 200
    assert make_client(personal=True).create(SIZE).status == 200


@pytest.mark.parametrize("status", [400, 403, 404])
def test_shared_and_flagged_lists_can_refuse_attachments(status: int) -> None:
    client = make_client({"shared_list": status})
    shared = client.service.add_list(client.mailbox, "Ours", shared=True)
    flagged = client.service.add_list(client.mailbox, "Flagged", wellknown_name="flaggedEmails")
    for task_list in (shared, flagged):
        client.task_list, client.task = task_list, client.service.add_task(task_list, "Receipts")
        assert client.create(SIZE).status == status
        assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": ""}).status == status


def test_shared_lists_take_attachments_as_documented() -> None:
    client = make_client()
    client.task_list = client.service.add_list(client.mailbox, "Ours", shared=True)
    client.task = client.service.add_task(client.task_list, "Receipts")
    assert client.create(SIZE).status == 200


@pytest.mark.parametrize(("value", "status"), [(403, 403), (401, 401), ("accepted", 200)])
def test_application_tokens_are_refused_or_accepted(value: object, status: int) -> None:
    client = make_client({"application_tokens": value})
    client.service.add_application_token("of-the-app")
    client.token = "of-the-app"
    path = f"users/{client.mailbox.object_id}/todo/lists/{client.task_list.id}/tasks/{client.task.id}/attachments"
    body = {"attachmentInfo": {"attachmentType": "file", "name": "a", "size": 1}}
    assert client.post_json(f"{ROOT}/v1.0/{path}/createUploadSession", body).status == status
    assert client.get(f"{ROOT}/v1.0/{path}").status == 200
    assert client.get(client.attachments_url).status == 400


# --- ranges ---


@pytest.mark.parametrize("status", [405, 404])
def test_a_bare_put_is_refused_with_either_status(status: int) -> None:
    client = make_client({"bare_put": status})
    assert bare_put(client).status == status


def test_a_bare_put_can_be_accepted() -> None:
    client = make_client({"bare_put": "accepted"})
    assert bare_put(client).status == 201


def bare_put(client: Client) -> Response:
    headers = {"content_type": "application/octet-stream", "content_range": "bytes 0-9/10"}
    return client.ask("PUT", client.open(10), bytes(10), **headers)


def test_4_mb_can_be_a_limit_that_is_not_reached() -> None:
    client = make_client({"range_limit": 50, "range_limit_inclusive": False, "range_limit_status": 400})
    assert client.put(client.open(SIZE), 0, bytes(49), SIZE).status == 200
    assert client.put(client.open(SIZE), 0, bytes(50), SIZE).status == 400


def test_progress_can_be_camel_case() -> None:
    _, progress = half_done(make_client({"progress_casing": "camel"}))
    assert set(json_of(progress)) == {"expirationDateTime", "nextExpectedRanges"}


@pytest.mark.parametrize(("kept", "start"), [("dropped", "0"), ("kept", "30")])
def test_a_torn_range_is_dropped_or_its_prefix_kept(kept: str, start: str) -> None:
    client = make_client({"torn_range": kept})
    url = client.open(SIZE)
    exchange = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    client.service.hang_up(exchange)
    client.service.complete(exchange, bytes(30))
    assert ranges_of(client.get(url)) == [start]


def test_an_acknowledged_range_can_be_answered_200_with_the_same_next_start() -> None:
    client = make_client({"acknowledged_range": 200})
    url, progress = half_done(client)
    again = client.put(url, 0, bytes(50), SIZE)
    assert (again.status, again.body) == (200, progress.body)


def test_put_alone_can_be_forbidden() -> None:
    _, response = half_done(make_client({"put_permitted": False}))
    assert response.status == 403


def test_put_can_be_redirected() -> None:
    _, response = half_done(make_client({"put_redirect": "https://elsewhere.example/x"}))
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
    client = make_client({"final_reply": form})
    response = client.upload(bytes(SIZE))
    assert (response.status, "location" in response.headers) == (status, has_location)
    assert (keys <= set(json_of(response))) if keys else (response.body == b"")
    assert len(client.attached()) == 1


def test_the_final_reply_can_expect_the_total() -> None:
    assert ranges_of(make_client({"final_reply": "ok_progress"}).upload(bytes(SIZE))) == ["100"]


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
    client = make_client({"location": form})
    location = client.upload(bytes(SIZE)).headers["Location"]
    wanted = client.attached()[0].id
    assert re.fullmatch(pattern.format(id=re.escape(wanted), quoted=wanted.replace("=", "%3D")), location)
    assert field_of(client.get(location), "id") == wanted


def test_location_can_be_absent() -> None:
    assert "location" not in make_client({"location": "absent"}).upload(bytes(SIZE)).headers


# --- asking and cancelling ---


@pytest.mark.parametrize("status", [404, 405])
def test_a_session_can_be_unreadable(status: int) -> None:
    client = make_client({"session_get": status})
    url, _ = half_done(client)
    assert client.get(url).status == status
    assert client.put(url, 50, bytes(50), SIZE).status == 201


def test_a_session_can_be_read_in_pascal_case() -> None:
    url, _ = half_done(client := make_client({"status_casing": "pascal"}))
    assert {"ExpirationDateTime", "NextExpectedRanges"} <= set(json_of(client.get(url)))


@pytest.mark.parametrize("status", [404, 410, 400, 401, 416])
def test_an_expired_session_is_gone_with_any_status(status: int) -> None:
    client = make_client({"expired_session": status, "unknown_session": 404})
    url = client.open(SIZE)
    client.pass_time(86_400)
    assert client.put(url, 0, bytes(50), SIZE).status == status
    client.open(SIZE)  # which is when sessions that ran out are swept away
    assert client.get(url).status == status


@pytest.mark.parametrize("status", [404, 410, 400, 401, 416])
def test_an_unknown_session_is_gone_with_any_status(status: int) -> None:
    client = make_client({"unknown_session": status})
    url = client.open(SIZE)
    client.ask("DELETE", url)
    assert client.put(url, 0, bytes(50), SIZE).status == status
    assert client.get(url).status == status


def test_a_finished_session_can_linger_and_expects_nothing() -> None:
    client = make_client({"finished_session": "lingers"})
    url = client.open(SIZE)
    client.put(url, 0, bytes(SIZE), SIZE)
    assert (client.get(url).status, ranges_of(client.get(url))) == (200, [])
    assert client.put(url, 0, bytes(SIZE), SIZE).status == 416
    assert client.service.open_sessions() == []
    assert client.ask("DELETE", url).status == 204
    assert len(client.attached()) == 1


@pytest.mark.parametrize("status", [404, 204])
def test_cancelling_an_unknown_session_has_either_status(status: int) -> None:
    client = make_client({"unknown_session_delete": status})
    url = client.open(SIZE)
    assert [client.ask("DELETE", url).status for _ in range(2)] == [204, status]


# --- attachments ---


def test_equal_names_can_be_refused_at_create() -> None:
    client = make_client({"duplicate_names": "refused_at_create"})
    client.upload(b"one", name="a")
    assert (client.create(3, "a").status, client.create(3, "b").status) == (409, 200)
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": ""}).status == 409


def test_equal_names_can_be_refused_at_the_last_range() -> None:
    client = make_client({"duplicate_names": "refused_at_last_range"})
    client.upload(b"one", name="a")
    url = client.open(3, "a")
    assert [client.put(url, start, b"x", 3).status for start in range(3)] == [200, 200, 409]


def test_equal_names_are_allowed_as_documented() -> None:
    client = make_client()
    client.upload(b"one", name="a")
    client.upload(b"two", name="a")
    assert [entity["name"] for entity in client.listed()] == ["a", "a"]


@pytest.mark.parametrize(
    ("form", "kept"),
    [("free", " Ab/c? "), ("trimmed", "Ab/c?"), ("lower_case", " ab/c? "), ("sanitised", " Ab_c_ ")],
)
def test_names_are_kept_or_altered(form: str, kept: str) -> None:
    client = make_client({"names": form})
    client.upload(b"x", name=" Ab/c? ")
    assert [entity["name"] for entity in client.listed()] == [kept]


@pytest.mark.parametrize("name", ["a/b", "tab\t", "n" * 256])
def test_names_can_be_refused(name: str) -> None:
    client = make_client({"names": "refused"})
    assert (client.create(1, name).status, client.create(1, "plain.pdf").status) == (400, 200)


def test_listed_sizes_can_carry_overhead() -> None:
    client = make_client({"listed_size_overhead": 17})
    client.upload(bytes(SIZE))
    assert [entity["size"] for entity in client.listed()] == [SIZE + 17]


def test_a_listing_can_lag_behind() -> None:
    client = make_client({"listing_lag": 10.0})
    location = client.upload(bytes(SIZE)).headers["Location"]
    assert client.listed() == []
    assert client.get(location).status == 200
    client.pass_time(10)
    assert len(client.listed()) == 1


def test_an_attachment_can_come_wrapped() -> None:
    client = make_client({"wrapped_attachment": True})
    body = json_of(client.get(client.upload(b"hi").headers["Location"]))
    assert body["value"]["contentBytes"] == "aGk="


@pytest.mark.parametrize(("form", "kept"), [("lost", "application/octet-stream"), ("kept", "text/plain")])
def test_a_sessions_content_type_is_lost_or_kept(form: str, kept: str) -> None:
    client = make_client({"session_content_type": form})
    url = str(field_of(client.create(2, contentType="text/plain"), "uploadUrl"))
    client.put(url, 0, b"hi", 2)
    assert client.listed()[0]["contentType"] == kept


def test_small_files_have_limits_of_their_own() -> None:
    client = make_client({"inline_limit": 2, "body_limit": 60})
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aA=="}).status == 201
    assert client.post_json(client.attachments_url, {"name": "a", "contentBytes": "aGk="}).status == 413
    assert client.post_json(client.attachments_url, {"name": "a" * 60, "contentBytes": "aA=="}).status == 413


# --- lists, tasks, ids ---


def test_pages_have_the_size_that_they_are_given() -> None:
    client = make_client({"page_size": 2})
    for number in range(4):
        client.service.add_task(client.task_list, f"task {number}")
    assert len(json_of(client.get(client.tasks_url))["value"]) == 2


@pytest.mark.parametrize(
    ("form", "without_top", "with_top"),
    [("always", True, True), ("only_with_top", False, True), ("never", False, False), ("other_host", True, True)],
)
def test_a_next_link_can_be_withheld(form: str, without_top: bool, with_top: bool) -> None:
    client = make_client({"next_link": form, "page_size": 1})
    client.service.add_task(client.task_list, "another")
    links = [json_of(client.get(f"{client.tasks_url}{query}")).get("@odata.nextLink", "") for query in ("", "?$top=1")]
    assert [bool(link) for link in links] == [without_top, with_top]
    hosts = {link.partition("/v1.0/me/todo/")[0] for link in links if link}
    assert hosts <= {"https://elsewhere.example" if form == "other_host" else ROOT}


@pytest.mark.parametrize(
    ("form", "plain", "tracked"),
    [("all", 3, 3), ("only_in_delta", 1, 3), ("never", 1, 1)],
)
def test_lists_can_be_hidden_from_the_listing_and_from_change_tracking(form: str, plain: int, tracked: int) -> None:
    client = make_client({"listed_lists": form, "page_size": 1})
    client.service.add_list(client.mailbox, "Flagged Emails", wellknown_name="flaggedEmails")
    client.service.add_list(client.mailbox, "Work")
    for url, count in ((client.lists_url, plain), (f"{client.lists_url}/delta", tracked)):
        found, page = [], json_of(client.get(url))
        while "@odata.nextLink" in page:
            found += page["value"]
            page = json_of(client.get(page["@odata.nextLink"]))
        found += page["value"]
        assert len(found) == count
        assert ("@odata.deltaLink" in page) is url.endswith("delta")
    assert client.get(client.tasks_url).status == 200


def test_what_another_app_made_shows_after_a_while() -> None:
    client = make_client({"new_item_lag": 30})
    young = client.service.add_list(client.mailbox, "Young")
    urls = (f"{client.lists_url}/{young.id}", client.tasks_url, client.attachments_url)
    assert [client.get(url).status for url in urls] == [404, 404, 404]
    assert client.create(SIZE).status == 404
    assert json_of(client.get(client.lists_url))["value"] == []
    client.pass_time(30)
    assert [client.get(url).status for url in urls] == [200, 200, 200]
    client.service.add_task(client.task_list, "Young")
    assert len(json_of(client.get(client.tasks_url))["value"]) == 1
    client.pass_time(30)
    assert len(json_of(client.get(client.tasks_url))["value"]) == 2


def test_a_mailbox_can_be_out_of_reach_for_every_request() -> None:
    client = make_client({"mailbox_for_rest": 404})
    for response in (client.get(client.lists_url), client.get(client.attachments_url), client.create(SIZE)):
        assert (response.status, error_of(response)["code"]) == (404, "MailboxNotEnabledForRESTAPI")


def test_a_session_can_be_for_larger_files_only() -> None:
    client = make_client({"minimum_session_size": SIZE})
    refused = client.create(SIZE - 1)
    assert refused.status == 400
    assert error_of(refused)["code"] == "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"
    assert client.create(SIZE).status == 200


@pytest.mark.parametrize(("value", "status"), [(400, 400), ("ignored", 200)])
def test_select_is_refused_or_ignored(value: object, status: int) -> None:
    client = make_client({"select": value})
    urls = [
        client.lists_url,
        f"{client.lists_url}/{client.task_list.id}",
        client.tasks_url,
        client.task_url,
        client.attachments_url,
    ]
    assert {client.get(f"{url}?$select=id").status for url in urls} == {status}


@pytest.mark.parametrize(("form", "found"), [("exact", []), ("loose", ["Receipts"]), ("ignored", ["Receipts", "x"])])
def test_filters_match_exactly_loosely_or_not_at_all(form: str, found: list[str]) -> None:
    client = make_client({"filters": form})
    client.service.add_task(client.task_list, "x")
    body = json_of(client.get(f"{client.tasks_url}?$filter=title%20eq%20'receipts'"))
    assert [task["title"] for task in body["value"]] == found


def test_filters_can_be_refused() -> None:
    client = make_client({"filters": 400})
    assert client.get(f"{client.tasks_url}?$filter=title%20eq%20'Receipts'").status == 400


def test_the_shorthand_for_the_default_list_works_but_for_one_task() -> None:
    client = make_client({"tasks_shorthand": True})
    assert client.get(f"{client.lists_url}/Tasks/tasks").status == 200
    assert client.get(f"{client.lists_url}/Tasks/tasks/{client.task.id}").status == 404
    assert make_client({"tasks_shorthand": False}).get(f"{client.lists_url}/Tasks/tasks").status == 404


@pytest.mark.parametrize(("status", "code"), [(404, "ErrorItemNotFound"), (400, "invalidRequest")])
def test_an_unknown_task_has_either_status(status: int, code: str) -> None:
    client = make_client({"unknown_task": status})
    response = client.get(f"{client.tasks_url}/AAMkAD0=/attachments")
    assert (response.status, error_of(response)["code"]) == (status, code)


def test_the_session_of_a_moved_task_can_follow_it() -> None:
    client = make_client({"moved_task_session": "follows"})
    url, _ = half_done(client)
    client.service.move_task(client.task, client.service.add_list(client.mailbox, "Elsewhere"))
    response = client.put(url, 50, bytes(50), SIZE)
    assert response.status == 201
    assert client.get(response.headers["Location"]).status == 200
    assert len(client.attached()) == 1


def test_the_session_of_a_moved_task_can_be_lost() -> None:
    client = make_client({"moved_task_session": 404})
    url, _ = half_done(client)
    client.service.move_task(client.task, client.service.add_list(client.mailbox, "Elsewhere"))
    assert client.put(url, 50, bytes(50), SIZE).status == 404


@pytest.mark.parametrize(("form", "stays"), [("changes", False), ("stays", True)])
def test_the_id_of_a_moved_task_changes_or_stays(form: str, stays: bool) -> None:
    client = make_client({"moved_task_id": form})
    before = client.task.id
    client.service.move_task(client.task, client.service.add_list(client.mailbox, "Elsewhere"))
    assert (client.task.id == before) is stays
    assert client.get(f"{client.tasks_url}/{before}").status == 404


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
    client = make_client({"date_digits": digits})
    assert field_of(client.create(SIZE), "expirationDateTime") == text


def error_reply(form: str) -> Response:
    client = make_client({"error_form": form})
    return client.ask("GET", f"{client.attachments_url}/AAMkAD0=", client_request_id="mine")


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
