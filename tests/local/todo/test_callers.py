"""Whose To Do a request means, and who may ask."""

import pytest

from local.stand_ins.todo.journal import Offence
from tests.local.todo.desk import ROOT, Desk, error_of


def test_a_request_without_a_bearer_is_refused_and_an_offence(desk: Desk) -> None:
    response = desk.ask("GET", desk.lists_url, authorization="")
    assert (response.status, error_of(response)["code"]) == (401, "InvalidAuthenticationToken")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert desk.offences() == {Offence.NO_BEARER: 1}


@pytest.mark.parametrize("authorization", ["Bearer unknown", "Basic token-of-sam", "token-of-sam", "Bearer"])
def test_another_token_is_refused(desk: Desk, authorization: str) -> None:
    assert desk.ask("GET", desk.lists_url, authorization=authorization).status == 401


def test_a_range_needs_a_bearer_too(desk: Desk) -> None:
    assert desk.put(desk.open(10), 0, bytes(10), 10, authorization="").status == 401
    assert desk.attached() == []


def test_a_revoked_token_opens_nothing(desk: Desk) -> None:
    desk.service.revoke_token(desk.token)
    assert desk.get(desk.lists_url).status == 401


def test_every_mailbox_has_its_own_to_do(desk: Desk) -> None:
    kim = desk.service.add_mailbox("kim@example.com", "token-of-kim")
    desk.service.add_list(kim, "Kim's")
    response = desk.ask("GET", desk.lists_url, authorization="Bearer token-of-kim")
    assert b"Kim's" in response.body
    assert b"Tasks" not in response.body


def test_one_is_found_by_sign_in_name_and_by_object_id(desk: Desk) -> None:
    for name in ("sam@example.com", "SAM@example.com", "sam%40example.com", desk.mailbox.object_id):
        assert desk.get(f"{ROOT}/v1.0/users/{name}/todo/lists").status == 200


@pytest.mark.parametrize("name", ["kim@example.com", "nobody@example.com"])
def test_another_users_to_do_is_forbidden(desk: Desk, name: str) -> None:
    desk.service.add_mailbox("kim@example.com", "token-of-kim")
    response = desk.get(f"{ROOT}/v1.0/users/{name}/todo/lists")
    assert (response.status, error_of(response)["code"]) == (403, "ErrorAccessDenied")


def test_another_users_upload_url_is_forbidden(desk: Desk) -> None:
    desk.service.add_mailbox("kim@example.com", "token-of-kim")
    assert desk.put(desk.open(10), 0, bytes(10), 10, authorization="Bearer token-of-kim").status == 403


def test_a_mailbox_may_have_several_tokens(desk: Desk) -> None:
    desk.service.add_mailbox("sam@example.com", "fresh")
    assert desk.ask("GET", desk.lists_url, authorization="Bearer fresh").status == 200
    assert desk.get(desk.lists_url).status == 200


def test_beta_is_served_as_well(desk: Desk) -> None:
    assert desk.get(f"{ROOT}/beta/me/todo/lists").status == 200


def test_a_bearer_sent_to_another_host_is_an_offence(desk: Desk) -> None:
    assert desk.get("https://elsewhere.example/v1.0/me/todo/lists").status == 421
    assert desk.offences() == {Offence.STRAY_BEARER: 1}


def test_tokens_are_nowhere_in_the_journal(desk: Desk) -> None:
    desk.get(desk.lists_url)
    assert desk.token not in str(list(desk.service.journal.entries))
