"""Lists, tasks, attachments: pages, filters, ids, contents."""

import base64

import pytest

from local.stand_ins.todo import ids
from tests.local.todo.client import ROOT, Client, error_of, field_of, json_of, make_client


def names_page_by_page(client: Client, url: str, name: str) -> list[list[str]]:
    pages = []
    while url:
        body = json_of(client.get(url))
        pages.append([entity[name] for entity in body["value"]])
        url = body.get("@odata.nextLink", "")
    return pages


def test_a_page_has_50_without_top(client: Client) -> None:
    for number in range(84):
        client.service.add_list(client.mailbox, f"list {number}")
    pages = names_page_by_page(client, client.lists_url, "displayName")
    assert [len(page) for page in pages] == [50, 35]
    assert [name for page in pages for name in page] == ["Tasks", *(f"list {number}" for number in range(84))]


def test_top_sets_the_page_size_and_the_link_keeps_it(client: Client) -> None:
    for number in range(4):
        client.service.add_task(client.task_list, f"task {number}")
    pages = names_page_by_page(client, f"{client.tasks_url}?$top=2", "title")
    assert pages == [["Receipts", "task 0"], ["task 1", "task 2"], ["task 3"]]


def test_attachments_come_in_pages(client: Client) -> None:
    for number in range(3):
        client.upload(b"x", name=f"{number}.pdf")
    pages = names_page_by_page(client, f"{client.attachments_url}?$top=2", "name")
    assert pages == [["0.pdf", "1.pdf"], ["2.pdf"]]


def test_a_next_link_is_absolute_and_keeps_the_filter(client: Client) -> None:
    for title in ("a", "b", "a"):
        client.service.add_task(client.task_list, title)
    body = json_of(client.get(f"{client.tasks_url}?$top=1&$filter=title%20eq%20'a'"))
    assert body["@odata.nextLink"].startswith(f"{ROOT}/v1.0/me/todo/lists/")
    assert [task["title"] for task in json_of(client.get(body["@odata.nextLink"]))["value"]] == ["a"]


@pytest.mark.parametrize("query", ["$top=0", "$top=1001", "$top=x", "$top=-1", "$skiptoken=!", "$skiptoken=eA=="])
def test_a_page_that_cannot_be_is_refused(client: Client, query: str) -> None:
    assert client.get(f"{client.tasks_url}?{query}").status == 400


def test_lists_are_found_by_name(client: Client) -> None:
    client.service.add_list(client.mailbox, "Sam's")
    body = json_of(client.get(f"{client.lists_url}?$filter=displayName%20eq%20'Sam''s'"))
    assert [each["displayName"] for each in body["value"]] == ["Sam's"]


@pytest.mark.parametrize(
    "clause",
    ["wellknownListName eq 'defaultList'", "startswith(displayName,'T')", "displayName eq 'a' or displayName eq 'b'"],
)
def test_other_filters_are_refused(client: Client, clause: str) -> None:
    response = client.get(f"{client.lists_url}?$filter={clause.replace(' ', '%20')}")
    assert (response.status, error_of(response)["code"]) == (400, "RequestBroker--ParseUri")


def test_open_tasks_are_listed_alone_page_by_page(client: Client) -> None:
    client.service.add_task(client.task_list, "done").completed = True
    client.service.add_task(client.task_list, "open")
    url = f"{client.tasks_url}?$top=1&$filter=status%20ne%20'completed'"
    titles = [title for page in names_page_by_page(client, url, "title") for title in page]
    assert titles[-1] == "open"
    assert "done" not in titles


def test_lists_may_share_a_name(client: Client) -> None:
    client.service.add_list(client.mailbox, "Tasks")
    found = json_of(client.get(f"{client.lists_url}?$filter=displayName%20eq%20'Tasks'"))["value"]
    assert [each["wellknownListName"] for each in found] == ["defaultList", "none"]
    assert found[0]["id"] != found[1]["id"]


def test_a_list_and_a_task_are_read_by_id(client: Client) -> None:
    assert field_of(client.get(f"{client.lists_url}/{client.task_list.id}"), "displayName") == "Tasks"
    assert field_of(client.get(client.task_url), "hasAttachments") is False
    client.upload(b"x")
    assert field_of(client.get(client.task_url), "hasAttachments") is True


def test_a_task_says_when_it_was_created(client: Client) -> None:
    assert field_of(client.get(client.task_url), "createdDateTime").endswith("Z")


# --- ids ---


def test_ids_look_like_exchange_ids(client: Client) -> None:
    client.upload(b"x")
    found = [client.task_list.id, client.task.id, client.attached()[0].id]
    assert [len(each) for each in found] == [120, 152, 180]
    assert all(each.startswith("AAMk") and each.endswith("=") for each in found)
    assert found[2].startswith(found[1][:148] + "AAABEgAQ")


def test_ids_of_personal_accounts_begin_otherwise() -> None:
    client = make_client(personal=True)
    client.upload(b"x")
    assert {each[:4] for each in (client.task_list.id, client.task.id, client.attached()[0].id)} == {"AQMk"}


def test_the_same_furniture_has_the_same_ids() -> None:
    assert make_client().task.id == make_client().task.id


def test_ids_compare_with_case(client: Client) -> None:
    swapped = client.task.id.swapcase()
    assert client.get(f"{client.tasks_url}/{swapped}").status == 404


def test_ids_may_be_percent_encoded(client: Client) -> None:
    assert client.get(client.attachments_url.replace("=", "%3D")).status == 200


def test_ids_may_stand_in_parentheses(client: Client) -> None:
    url = f"{ROOT}/v1.0/me/todo/lists('{client.task_list.id}')/tasks('{client.task.id}')/attachments"
    assert client.get(url).status == 200


def test_an_encoded_slash_splits_an_id(client: Client) -> None:
    response = client.get(f"{client.tasks_url}/AAMk%2FAD0=/attachments")
    assert (response.status, error_of(response)["code"]) == (400, "RequestBroker--ParseUri")


def test_an_id_with_strange_characters_is_malformed(client: Client) -> None:
    response = client.get(f"{client.lists_url}/a%20b/tasks")
    assert (response.status, error_of(response)["code"]) == (400, "ErrorInvalidIdMalformed")


@pytest.mark.parametrize(
    "tail", ["lists/AAMkAD0=", "lists/AAMkAD0=/tasks", "lists/AAMkAD0=/tasks/AAMkAD0=/attachments"]
)
def test_unknown_ids_are_not_found(client: Client, tail: str) -> None:
    assert client.get(f"{ROOT}/v1.0/me/todo/{tail}").status == 404


def test_an_object_id_is_a_guid() -> None:
    assert ids.object_id("sam@example.com") == ids.object_id("SAM@example.com")
    assert len(ids.object_id("sam@example.com")) == 36


@pytest.mark.parametrize(
    "path", ["/v1.0/me/todo/lits", "/v2.0/me/todo/lists", "/v1.0/me/lists", "/", "/v1.0/users//todo"]
)
def test_other_paths_do_not_parse(client: Client, path: str) -> None:
    assert client.get(ROOT + path).status == 400


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_other_methods_are_not_allowed(client: Client, method: str) -> None:
    assert client.ask(method, client.attachments_url).status == 405


# --- attachments ---


def test_a_listing_has_no_contents(client: Client) -> None:
    client.upload(b"hi", name="hi.txt")
    assert client.listed() == [
        {
            "@odata.type": "#microsoft.graph.taskFileAttachment",
            "id": client.attached()[0].id,
            "lastModifiedDateTime": "2026-03-01T12:00:00.1234560Z",
            "name": "hi.txt",
            "contentType": "application/octet-stream",
            "size": 2,
        }
    ]


def test_one_attachment_has_its_content(client: Client) -> None:
    location = client.upload(b"hi").headers["Location"]
    assert base64.b64decode(field_of(client.get(location), "contentBytes")) == b"hi"


def test_the_value_is_the_raw_bytes(client: Client) -> None:
    location = client.upload(b"hi").headers["Location"]
    response = client.get(f"{location}/$value")
    assert (response.status, response.body) == (200, b"hi")
    assert response.headers["content-type"] == "application/octet-stream"


def test_a_deleted_attachment_is_gone(client: Client) -> None:
    location = client.upload(b"hi").headers["Location"]
    assert [client.ask("DELETE", location).status for _ in range(2)] == [204, 404]
    assert client.listed() == []


def test_contents_need_not_be_kept() -> None:
    client = make_client(keep_content=False)
    location = client.upload(b"hi").headers["Location"]
    assert client.get(f"{location}/$value").status == 501
    assert (client.attached()[0].content, client.attached()[0].size) == (None, 2)
    assert client.attached()[0].sha256 == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"


def test_every_reply_carries_date_and_request_ids(client: Client) -> None:
    for url in (client.attachments_url, f"{client.attachments_url}/AAMkAD0="):
        response = client.ask("GET", url, client_request_id="mine")
        assert response.headers["Date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
        assert response.headers["client-request-id"] == "mine"
        assert len(response.headers["request-id"]) == 36
        assert response.headers["Content-Type"].startswith("application/json")
