from dataclasses import replace

import pytest

from shared.core.blob_name import may_follow, name_slot
from shared.core.entry import Phase
from tests.support.entries import an_entry

LAST = an_entry(Phase.SENDING, account="sam@example.com")
SAME_FILE = replace(an_entry(Phase.RESOLVING), account="kim@example.com")
OTHER_FILE = replace(SAME_FILE, size=LAST.size + 1)
ENDED = [Phase.ATTACHED, Phase.REJECTED, Phase.FAILED, Phase.WITHDRAWN]


@pytest.mark.parametrize("phase", list(Phase))
def test_an_upload_may_follow_any_other_for_the_same_account(phase: Phase) -> None:
    entry = replace(SAME_FILE, account="Sam@Example.com")
    assert may_follow(replace(LAST, phase=phase), entry)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in ENDED])
def test_nothing_follows_for_another_account_what_has_not_ended_or_was_superseded(phase: Phase) -> None:
    assert not may_follow(replace(LAST, phase=phase), SAME_FILE)
    assert not may_follow(replace(LAST, phase=phase), OTHER_FILE)


@pytest.mark.parametrize("phase", ENDED)
def test_after_an_end_another_account_gets_only_what_is_certainly_another_file(phase: Phase) -> None:
    assert not may_follow(replace(LAST, phase=phase), SAME_FILE)
    assert may_follow(replace(LAST, phase=phase), OTHER_FILE)


def test_two_accounts_whose_names_fold_to_one_are_two() -> None:
    assert not may_follow(replace(LAST, account="sam@example.com"), replace(SAME_FILE, account="\u017fam@example.com"))


def test_each_name_in_each_container_has_a_slot_of_its_own() -> None:
    blob = LAST.blob
    others = [
        replace(blob, storage_account="b"),
        replace(blob, container="b"),
        replace(blob, name="b"),
        replace(blob, container=f"{blob.container}\0", name=blob.name[1:]),
    ]
    assert len({name_slot(each) for each in (blob, *others)}) == 5
    assert name_slot(replace(blob, etag="another")) == name_slot(blob)
