"""Whatever people put into metadata: an answer, never an exception, and only what Graph, a table and a tag can hold."""

import re
import unicodedata
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from shared.core.attachment import AttachmentRequest, BadMetadata, NoTarget, decode_value, parse_metadata, parse_path
from shared.core.attachment_name import MAX_NAME_CHARACTERS, attachment_name
from shared.core.blob_path import DEFAULT_PATTERNS
from shared.core.entry import Phase, Reason
from shared.core.landing import slot
from shared.core.outcome import OURS, outcome_tags
from shared.core.tag_text import tag_text
from shared.graph.request import Mailbox
from shared.graph.sessions import prepare_create_session
from tests.support.entries import ROOT, an_entry

KEYS = st.sampled_from(["listid", "taskid", "list", "task", "user", "filename", "ListID", "TASK", "colour"]) | st.text()
# Headers are ASCII; percent signs are what goes wrong.
VALUES = st.text(st.characters(max_codepoint=126, min_codepoint=32)) | st.from_regex(
    r"(%[0-9A-Fa-f]{0,2}|[a/\\.]){0,9}"
)
ANY_TEXT = st.text() | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Cn", "Mn", "Lu", "So", "Po", "Zs"]))


@given(st.dictionaries(KEYS, VALUES), VALUES)
def test_any_metadata_is_a_request_or_is_refused_with_words(metadata: dict[str, str], blob_name: str) -> None:
    asked = parse_metadata(metadata, blob_name)
    if isinstance(asked, BadMetadata):
        assert asked.detail
        return
    if isinstance(asked, NoTarget):
        by_path = parse_path(metadata, blob_name, DEFAULT_PATTERNS)
        if not isinstance(by_path, AttachmentRequest):
            return
        asked = by_path
    assert isinstance(asked, AttachmentRequest)
    assert bool(asked.task.id) != bool(asked.task.name)
    assert not (asked.list.id and asked.list.name)
    assert asked.name


@given(st.dictionaries(KEYS, VALUES), VALUES)
def test_what_was_asked_for_can_be_sent_and_keyed(metadata: dict[str, str], blob_name: str) -> None:
    asked = parse_metadata(metadata, blob_name)
    if isinstance(asked, AttachmentRequest):
        mailbox = Mailbox.of(ROOT, account=asked.user, by_id=True)
        request = prepare_create_session(mailbox, asked.list.id, asked.task.id, name=asked.name, size=1)
        assert re.fullmatch(r"[!-~]+", request.url)
        assert asked.name.encode()
        assert len(slot(asked.user, asked.list.id, asked.task.id, asked.name)) == 32


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_percent_encoded_comes_back(text: str) -> None:
    assert decode_value(quote(text, safe="")) == text


@given(ANY_TEXT)
def test_a_value_without_a_percent_sign_is_taken_literally(text: str) -> None:
    plain = text.replace("%", "")
    assert decode_value(plain) == plain


@given(ANY_TEXT)
def test_a_name_is_one_that_can_be_sent_shown_and_stored(text: str) -> None:
    name = attachment_name(text)
    assert len(name) <= MAX_NAME_CHARACTERS
    assert name == unicodedata.normalize("NFC", name)
    assert not {"/", "\\"} & set(name)
    assert name not in {".", ".."}
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs", "Zl", "Zp"}
    assert name == name.strip().rstrip(".")
    assert attachment_name(name) == name


@given(ANY_TEXT)
def test_a_tag_s_text_holds_only_what_a_tag_may_hold(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9 +\-./:=_]{0,256}", tag_text(text))


@given(
    st.sampled_from(Phase),
    st.sampled_from(Reason),
    ANY_TEXT,
    ANY_TEXT,
    st.dictionaries(st.text(min_size=1), st.text(), max_size=10),
)
def test_tags_always_fit_and_keep_the_person_s_own(
    phase: Phase, reason: Reason, detail: str, attachment_id: str, existing: dict[str, str]
) -> None:
    tags = outcome_tags(an_entry(phase, reason=reason, detail=detail, attachment_id=attachment_id), existing)
    assert len(tags) <= 10
    # Hypothesis may draw a name of ours, from the source: such a tag is of an earlier upload, and makes way.
    theirs = {key: value for key, value in existing.items() if key not in OURS}
    assert theirs.items() <= tags.items()
    ours = {key: value for key, value in tags.items() if key not in theirs}
    assert all(re.fullmatch(r"[A-Za-z0-9 +\-./:=_]{1,256}", value) for value in ours.values())
