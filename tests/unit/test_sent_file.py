"""The page's prefix, the tokens under it, and how many signatures an account has."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.sent_file import (
    PREFIX,
    SentFile,
    Signature,
    account_key,
    blob_name,
    token_of,
    with_signature,
    without_signature,
)
from tests.support.entries import NOW

TOKEN = "0123456789abcdef" * 2
SENT = SentFile(
    token=TOKEN,
    account="3f6cbb2a-0000-4000-8000-00000000005a",
    list_id="L",
    list_name="Tasks",
    task_id="T",
    task_title="Plan",
    name="plan.pdf",
    size=250,
    signed_at=NOW,
    good_until=NOW + timedelta(minutes=15),
)
MINE = Signature(TOKEN, NOW + timedelta(minutes=15))
LIVE = Signature("1" * 32, NOW + timedelta(microseconds=1))
OVER = Signature("2" * 32, NOW)


def test_a_token_has_a_blob_s_name_and_that_name_has_the_token() -> None:
    assert blob_name(TOKEN) == f"from-page/{TOKEN}"
    assert token_of(blob_name(TOKEN)) == TOKEN


@pytest.mark.parametrize("name", ["report.pdf", f"x/{PREFIX}{TOKEN}", f"From-Page/{TOKEN}", "from-page", TOKEN, ""])
def test_a_name_elsewhere_is_no_page_s(name: str) -> None:
    assert token_of(name) is None


@pytest.mark.parametrize(
    "rest",
    ["", TOKEN[1:], f"{TOKEN}0", f"{TOKEN}/", f"a/{TOKEN}", TOKEN.upper(), f"{TOKEN}\n", "\u0660" * 32, "g" * 32],
)
def test_a_name_under_the_prefix_without_a_token_is_the_page_s_and_has_none(rest: str) -> None:
    assert token_of(PREFIX + rest) == ""


def test_an_account_s_key_is_one_for_all_spellings_of_its_identity_and_names_nobody() -> None:
    key = account_key("3F6CBB2A-0000-4000-8000-00000000005A")
    assert key == account_key(SENT.account) != account_key("3f6cbb2a-0000-4000-8000-00000000005b")
    assert (len(key), set(key) <= set("0123456789abcdef")) == (32, True)


def test_an_account_s_key_is_the_same_in_every_release() -> None:
    """Rows are found by it that an older one wrote."""
    assert account_key(SENT.account) == "3b4162ebca0c6f4761c9193f7b5502b1"


def test_a_signature_is_added_to_the_live_ones_and_those_over_go() -> None:
    assert with_signature((OVER, LIVE), SENT, at_most=2) == (LIVE, MINE)


def test_no_more_signatures_are_live_than_may_be() -> None:
    assert with_signature((OVER, LIVE), SENT, at_most=1) is None
    assert with_signature((), SENT, at_most=1) == (MINE,)
    assert with_signature((), SENT, at_most=0) is None


def test_a_signature_that_is_used_is_no_longer_live() -> None:
    assert without_signature((LIVE, MINE), TOKEN) == (LIVE,)
    assert without_signature((LIVE,), replace(SENT, token="3" * 32).token) == (LIVE,)
