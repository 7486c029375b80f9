"""Removing an attachment that a newer one has taken the place of."""

import pytest

from shared.core import observations as seen
from shared.graph import removal
from shared.graph.request import Mailbox
from tests.support.entries import ROOT
from tests.support.graph_replies import reply


def test_the_attachment_itself_is_deleted() -> None:
    request = removal.prepare_delete_attachment(Mailbox(ROOT, "/me"), "L=", "T/1", "A+")
    assert (request.operation, request.method, request.body) == ("delete_attachment", "DELETE", b"")
    assert request.url == f"{ROOT}/me/todo/lists/L%3D/tasks/T%252F1/attachments/A%2B"


@pytest.mark.parametrize("status", [200, 202, 204, 404, 410])
def test_an_attachment_that_is_deleted_or_gone_is_removed(status: int) -> None:
    assert removal.parse_delete_attachment(reply(status)) == seen.AttachmentRemoved()


@pytest.mark.parametrize("status", [423, 429, 503, 509])
def test_a_removal_that_is_throttled_waits(status: int) -> None:
    assert isinstance(removal.parse_delete_attachment(reply(status)), seen.Deferred)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 408, 409, 413, 416, 500, 502, 507])
def test_any_other_answer_is_tried_again(status: int) -> None:
    assert isinstance(removal.parse_delete_attachment(reply(status)), seen.Unavailable)
