import re

import pytest

from shared.core.tag_text import MAX_CHARACTERS, is_tag_text, quoted, tag_text


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("no such task", "no such task"),
        ('no task is named "Rent"; found "Receipts"', "no task is named Rent. found Receipts"),
        ("created, but the reply named no id", "created - but the reply named no id"),
        ("20 steps (last: HTTP 500)", "20 steps - last: HTTP 500"),
        ("1 + 2 = 3_a-b.c/d:e", "1 + 2 = 3_a-b.c/d:e"),
        ("line\nbreak\ttab", "line break tab"),
        ("really?!", "really."),
        ("10,000 bytes", "10_000 bytes"),
        ("", ""),
    ],
    ids=repr,
)
def test_our_own_sentences_keep_their_pauses(text: str, tag: str) -> None:
    assert tag_text(text) == tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Straße 1", "Strasse 1"),
        ("Müll für Zoë", "Muell fuer Zoe"),
        ("Mu\u0308ll", "Muell"),
        ("ÄÖÜ", "AeOeUe"),
        ("Łódź, Århus", "Lodz_ Arhus"),
        ("Квартплата", "Kvartplata"),
        ("Ενοίκιο", "Enoikio"),
        ("Rent (May, paid)", "Rent _May_ paid_"),
        ("Smith & Sons", "Smith + Sons"),
        ("sam@example.com", "sam at example.com"),
        ("100% sure", "100 percent sure"),
        ("Sam’s list", "Sams list"),  # noqa: RUF001
        ("家賃", "_"),
        ("Trip \U0001f3d6\ufe0f 2026", "Trip _ 2026"),
        ("\ud83d", "_"),
        ("½", "1_2"),
    ],
    ids=repr,
)
def test_a_name_is_spelled_in_other_letters_and_what_cannot_be_is_marked(name: str, tag: str) -> None:
    assert tag_text(f'"{name}"') == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("M%C3%BCll", "Muell"),
        ("a%2Fb", "a/b"),
        ("%FF%FE", "_"),
        ("50%25", "50 percent"),
        ("a%20b", "a b"),
        ("%0A%22", ""),
    ],
    ids=repr,
)
def test_percent_encoded_text_never_reaches_a_tag(text: str, tag: str) -> None:
    assert tag_text(f'"{text}"') == tag


def test_two_names_that_differ_in_what_a_tag_may_not_hold_still_differ() -> None:
    assert len({tag_text(f'"{name}"') for name in ("Mull", "Müll", "Mull!", "Mull (1)")}) == 4


@pytest.mark.parametrize("length", [252, 253, 256, 257, 300])
def test_a_long_text_ends_before_a_word_and_says_so(length: int) -> None:
    text = ("word " * 100)[:length].strip()
    tag = tag_text(text)
    assert len(tag) <= MAX_CHARACTERS
    assert tag == text or re.fullmatch(r"(word )+\.\.\.", tag)


@pytest.mark.parametrize("text", ["x" * 300, "é" * 300, "a " + "x" * 300], ids=["a word", "accents", "one cut whole"])
def test_a_tag_has_at_most_256_characters(text: str) -> None:
    assert len(tag_text(text)) <= MAX_CHARACTERS
    assert tag_text(text).endswith(" ...")


def test_a_text_of_exactly_256_characters_is_left_alone() -> None:
    assert tag_text("x" * 256) == "x" * 256


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("no such task", "no such task. Go on"),
        ("no such task.", "no such task. Go on"),
        ("word " * 99, "word " * 49 + "... Go on"),
    ],
)
def test_what_must_be_said_is_said_however_long_the_rest_is(text: str, tag: str) -> None:
    assert tag_text(text, and_then="Go on") == tag
    assert len(tag) <= MAX_CHARACTERS


def test_a_quoted_name_has_no_quotation_marks_of_its_own_and_is_cut() -> None:
    assert quoted('the "big" one') == "\"the 'big' one\""
    assert quoted("x" * 61) == '"' + "x" * 57 + '..."'
    assert quoted("x" * 60) == '"' + "x" * 60 + '"'


@pytest.mark.parametrize(("text", "fits"), [("A" * 256, True), ("A" * 257, False), ("a~b", False), ("a b+c=", True)])
def test_an_id_fits_as_it_is_or_not_at_all(text: str, fits: bool) -> None:
    assert is_tag_text(text) is fits
