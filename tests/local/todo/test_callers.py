"""Whose To Do a request means, and who may ask."""

import pytest

from local.stand_ins.todo.journal import Offence
from tests.local.todo.client import ROOT, Client, error_of


def test_a_request_without_a_bearer_is_refused_and_an_offence(client: Client) -> None:
    response = client.ask("GET", client.lists_url, authorization="")
    assert (response.status, error_of(response)["code"]) == (401, "InvalidAuthenticationToken")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert client.offences() == {Offence.NO_BEARER: 1}


@pytest.mark.parametrize("authorization", ["Bearer unknown", "Basic token-of-sam", "token-of-sam", "Bearer"])
def test_another_token_is_refused(client: Client, authorization: str) -> None:
    assert client.ask("GET", client.lists_url, authorization=authorization).status == 401


def test_a_range_needs_a_bearer_too(client: Client) -> None:
    assert client.put(client.open(10), 0, bytes(10), 10, authorization="").status == 401
    assert client.attached() == []


def test_a_revoked_token_opens_nothing(client: Client) -> None:
    client.service.revoke_token(client.token)
    assert client.get(client.lists_url).status == 401


def test_every_mailbox_has_its_own_to_do(client: Client) -> None:
    kim = client.service.add_mailbox("kim@example.com", "token-of-kim")
    client.service.add_list(kim, "Kim's")
    response = client.ask("GET", client.lists_url, authorization="Bearer token-of-kim")
    assert b"Kim's" in response.body
    assert b"Tasks" not in response.body


def test_one_is_found_by_sign_in_name_and_by_object_id(client: Client) -> None:
    for name in ("sam@example.com", "SAM@example.com", "sam%40example.com", client.mailbox.object_id):
        assert client.get(f"{ROOT}/v1.0/users/{name}/todo/lists").status == 200


@pytest.mark.parametrize("name", ["kim@example.com", "nobody@example.com"])
def test_another_users_to_do_is_forbidden(client: Client, name: str) -> None:
    client.service.add_mailbox("kim@example.com", "token-of-kim")
    response = client.get(f"{ROOT}/v1.0/users/{name}/todo/lists")
    assert (response.status, error_of(response)["code"]) == (403, "ErrorAccessDenied")


def test_another_users_upload_url_is_forbidden(client: Client) -> None:
    client.service.add_mailbox("kim@example.com", "token-of-kim")
    assert client.put(client.open(10), 0, bytes(10), 10, authorization="Bearer token-of-kim").status == 403


def test_a_mailbox_may_have_several_tokens(client: Client) -> None:
    client.service.add_mailbox("sam@example.com", "fresh")
    assert client.ask("GET", client.lists_url, authorization="Bearer fresh").status == 200
    assert client.get(client.lists_url).status == 200


def test_beta_is_served_as_well(client: Client) -> None:
    assert client.get(f"{ROOT}/beta/me/todo/lists").status == 200


def test_a_bearer_sent_to_another_host_is_an_offence(client: Client) -> None:
    assert client.get("https://elsewhere.example/v1.0/me/todo/lists").status == 421
    assert client.offences() == {Offence.STRAY_BEARER: 1}


def test_tokens_are_nowhere_in_the_journal(client: Client) -> None:
    client.get(client.lists_url)
    assert client.token not in str(list(client.service.journal.entries))
