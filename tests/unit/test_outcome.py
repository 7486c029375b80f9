from dataclasses import replace

import pytest

from shared.core.attachment import BlobKind
from shared.core.entry import Claim, Entry, Phase, Reason
from shared.core.outcome import APPEND_BLOB, ATTACHMENT, KIND, MAX_TAGS, REASON, STATE, outcome_tags, queued_tags
from shared.core.sent_file import blob_name
from tests.support.entries import BLOB, NOW, an_entry

ID = "AAMkADI5MAAIT3drCAAABEgAQANAqbAe7qaROhYdTnUQwXm0="


@pytest.mark.parametrize(
    ("entry", "tags"),
    [
        (an_entry(Phase.ATTACHED, attachment_id=ID), {STATE: "attached", ATTACHMENT: ID}),
        (
            an_entry(Phase.ATTACHED, landed=True, detail="created, but not under which id"),
            {STATE: "attached", REASON: "created - but not under which id"},
        ),
        (
            an_entry(Phase.REJECTED, reason=Reason.NO_SUCH_TASK, detail='no task is named "Plan"'),
            {
                STATE: "rejected",
                REASON: "no-such-task: no task is named Plan. "
                "Put the metadata right and it is read again within ten minutes",
            },
        ),
        (
            an_entry(
                Phase.REJECTED,
                reason=Reason.AMBIGUOUS,
                detail='2 tasks are named "Plan": rename one. They are due 2026-03-05 / completed. Their ids: A= / B=',
            ),
            {
                STATE: "rejected",
                REASON: "ambiguous-name: 2 tasks are named Plan: rename one. They are due 2026-03-05 / completed. "
                "Put the metadata right and it is read again within ten minutes",
            },
        ),
        (
            an_entry(Phase.REJECTED, reason=Reason.TOO_LARGE, detail="the file has 9 bytes"),
            {STATE: "rejected", REASON: "too-large: the file has 9 bytes"},
        ),
        (an_entry(Phase.FAILED, reason=Reason.TOO_OLD), {STATE: "failed", REASON: "too-old"}),
        (
            an_entry(Phase.WAITING, reason=Reason.SIGN_IN, detail="nobody is signed in"),
            {STATE: "waiting", REASON: "needs-sign-in: nobody is signed in"},
        ),
        (an_entry(Phase.FAILED, detail="words without a code"), {STATE: "failed"}),
        (an_entry(Phase.ATTACHED, attachment_id="A" * 256), {STATE: "attached", ATTACHMENT: "A" * 256}),
        (an_entry(Phase.ATTACHED, attachment_id="A" * 257), {STATE: "attached"}),
        (an_entry(Phase.ATTACHED, kind=BlobKind.APPEND), {STATE: "attached", KIND: APPEND_BLOB}),
        (an_entry(Phase.FAILED, kind=BlobKind.APPEND), {STATE: "failed"}),
        (an_entry(Phase.ATTACHED, attachment_id="with~tilde"), {STATE: "attached"}),
    ],
    ids=[
        "attached",
        "attached, nameless",
        "rejected",
        "rejected, and several match",
        "rejected, and no metadata helps",
        "failed",
        "waiting",
        "no code",
        "longest id",
        "id too long",
        "may grow",
        "may grow, and is not attached",
        "id with other characters",
    ],
)
def test_the_tags_answer_did_it_work(entry: Entry, tags: dict[str, str]) -> None:
    assert outcome_tags(entry, {}) == tags


TELLS = Claim("me", NOW, tells=True)


@pytest.mark.parametrize(
    ("entry", "tags"),
    [
        (an_entry(Phase.SENDING, claim=TELLS, detail="HTTP 503"), {STATE: "uploading"}),
        (
            an_entry(Phase.SENDING, claim=TELLS, detail="HTTP 503", not_before=NOW),
            {STATE: "delayed", REASON: "HTTP 503"},
        ),
        (
            an_entry(Phase.CONFIRMING, claim=TELLS, not_before=NOW),
            {STATE: "delayed", REASON: "an earlier request may still be applied"},
        ),
    ],
    ids=["is sent", "waits, and the detail says for what", "waits, and the phase says for what"],
)
def test_the_tags_of_what_has_not_ended_say_that_it_is_sent_or_what_it_waits_for(
    entry: Entry, tags: dict[str, str]
) -> None:
    assert outcome_tags(entry, {}) == tags


def test_a_person_s_own_tags_stay_and_our_older_ones_go() -> None:
    existing = {"project": "x", STATE: "waiting", REASON: "needs-sign-in: old", ATTACHMENT: "old"}
    assert outcome_tags(an_entry(Phase.ATTACHED, attachment_id=ID), existing) == {
        "project": "x",
        STATE: "attached",
        ATTACHMENT: ID,
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(7, {STATE, REASON, ATTACHMENT}), (8, {STATE, REASON}), (9, {STATE}), (10, set())],
)
def test_where_room_is_short_theirs_stay_then_the_state_then_the_reason(theirs: int, ours: set[str]) -> None:
    existing = {f"tag{number}": "x" for number in range(theirs)}
    entry = an_entry(Phase.ATTACHED, attachment_id=ID, detail="a word")
    tags = outcome_tags(entry, existing)
    assert len(tags) <= MAX_TAGS
    assert tags.keys() == existing.keys() | ours


def test_what_the_page_sent_is_not_told_to_put_its_metadata_right() -> None:
    blob = replace(BLOB, name=blob_name("0" * 32))
    entry = an_entry(Phase.REJECTED, blob=blob, reason=Reason.NO_SUCH_TASK, detail="no such task")
    assert outcome_tags(entry, {}) == {STATE: "rejected", REASON: "no-such-task: no such task"}


def test_a_file_that_queues_says_why_beside_the_person_s_own_tags() -> None:
    existing = {"project": "x", STATE: "attached", ATTACHMENT: ID}
    tags = {"project": "x", STATE: "queued", REASON: "other files are first - as a rule"}
    assert queued_tags("other files are first (as a rule)", existing) == tags
