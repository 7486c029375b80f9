import unicodedata

import pytest

from shared.core.attachment_name import MAX_NAME_CHARACTERS, attachment_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plan.pdf", "plan.pdf"),
        ("a/b/plan.pdf", "plan.pdf"),
        ("a\\b\\plan.pdf", "plan.pdf"),
        ("a/plan.pdf/", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("  plan.pdf ", "plan.pdf"),
        ("pl\x00a\nn\x7f.pdf", "plan.pdf"),
        ("\ud83dplan.pdf", "plan.pdf"),
        ("u\u0308ber.pdf", "über.pdf"),
        (".hidden", ".hidden"),
        (".", ""),
        ("..", ""),
        (" .. ", ""),
        ("..\x00", ""),
        ("", ""),
        ("\x01", ""),
        ("...", ""),
    ],
    ids=repr,
)
def test_a_name_is_the_last_part_without_what_no_name_can_hold(text: str, name: str) -> None:
    assert attachment_name(text) == name


BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad\u180e\u2061\u2064"
SEPARATORS = "\u2028\u2029\x85"
SHOWING_NOTHING = "\u034f\u115f\u1160\u3164\uffa0\u2800\u17b4\u2065\ufff0\U000e0001\U000e0041\U000e0fff"
NONCHARACTERS = "\ufdd0\ufffe\uffff\U0001fffe\U0010ffff"


@pytest.mark.parametrize(
    "character", BIDIRECTIONAL + ZERO_WIDTH + SEPARATORS + SHOWING_NOTHING + NONCHARACTERS, ids=ascii
)
def test_what_turns_the_direction_or_cannot_be_seen_goes(character: str) -> None:
    assert attachment_name(f"in{character}voice.pdf") == "invoice.pdf"


def test_a_name_is_what_it_looks_like() -> None:
    assert attachment_name("invoice\u202egpj.exe") == "invoicegpj.exe"


@pytest.mark.parametrize(
    "text",
    ["\u200b\u200d", "\u3164\u2800", "\u00a0\u3000 ", "\ufe0f", "\u0308", "\u202e.\u202c"],
    ids=["zero width", "blank letters", "spaces", "a variation of nothing", "an accent on nothing", "a dot"],
)
def test_a_name_with_nothing_visible_is_none(text: str) -> None:
    assert attachment_name(text) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plan.pdf.", "plan.pdf"),
        ("plan.pdf . .", "plan.pdf"),
        ("setup.exe\u00a0", "setup.exe"),
        ("a..b", "a..b"),
        ("x" * 300 + ".", "x" * MAX_NAME_CHARACTERS),
        ("x" * 254 + " y" + "z" * 50, "x" * 254),
        ("x" * 250 + " y" + "z" * 50 + ".pdf", "x" * 250 + ".pdf"),
    ],
    ids=[
        "dot",
        "dots and spaces",
        "no-break space",
        "inner dots stay",
        "long",
        "a space at the cut",
        "a space at the cut, before the extension",
    ],
)
def test_a_name_does_not_end_in_dots_or_spaces(text: str, name: str) -> None:
    assert attachment_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("Nul .tar.gz", "_Nul .tar.gz"),
        ("LPT1.pdf", "_LPT1.pdf"),
        ("com¹", "_com¹"),
        ("CONIN$", "_CONIN$"),
        ("console.txt", "console.txt"),
        ("com.txt", "com.txt"),
        ("icon.png", "icon.png"),
    ],
    ids=repr,
)
def test_the_name_of_a_device_is_no_file_s(text: str, name: str) -> None:
    assert attachment_name(text) == name


@pytest.mark.parametrize(
    "name",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
        "\u2764\ufe0f\u200d\U0001f525.png",
        "\U0001f3f3\ufe0f\u200d\U0001f308.png",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb.png",
        "1\ufe0f\u20e3.png",
        "\U0001f1e9\U0001f1ea.png",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f.png",
        "\U0001fadf\u200d\U0001fadf.png",
        "\U0001fbfe\u200d\U0001f7ff.png",
        "می\u200cخواهم.pdf",  # noqa: RUF001
        "क्\u200dष.pdf",
        "葛\U000e0100.pdf",
        "日本語 資料.pdf",
        "\U0001fadf",
        "\u0600\u0661.pdf",
    ],
    ids=[
        "family",
        "heart on fire",
        "rainbow flag",
        "skin tone",
        "keycap",
        "flag",
        "Scotland",
        "an emoji of 2024, joined",
        "emoji that are not assigned yet, joined",
        "Persian",
        "Hindi",
        "a variant of a Japanese name",
        "Japanese",
        "an emoji of 2024 alone",
        "an Arabic sign that Unicode calls format",
    ],
)
def test_a_sequence_that_is_seen_as_one_stays_whole(name: str) -> None:
    assert attachment_name(name) == unicodedata.normalize("NFC", name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("in\u200dvoice.pdf", "invoice.pdf"),
        ("\u200dplan.pdf", "plan.pdf"),
        ("\U0001f468\u200d", "\U0001f468"),
        ("\U0001f468\u200d.png", "\U0001f468.png"),
        ("\U0001f468\u200d\u200d\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("a\ufe0f\ufe0f\ufe0f", "a\ufe0f"),
        ("\U0001f3f4\U000e0049\U000e0067", "\U0001f3f4"),
        ("\U0001f3f4" + "\U000e0061" * 40 + "\U000e007f", "\U0001f3f4"),
    ],
    ids=[
        "between Latin letters",
        "at the start",
        "at the end",
        "before the extension",
        "several joiners",
        "several variations",
        "tags without an end",
        "a text in tags",
    ],
)
def test_what_joins_nothing_goes(text: str, name: str) -> None:
    assert attachment_name(text) == name


def test_a_name_is_composed_also_where_a_control_character_stood_between() -> None:
    name = attachment_name("e\x00\u0301.txt")
    assert name == unicodedata.normalize("NFC", name) == "é.txt"


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("x" * 300 + ".pdf", ".pdf"),
        ("x" * 300, "x"),
        ("x" * 300 + "." + "y" * 17, "x"),
        ("." + "x" * 300, "x"),
    ],
    ids=["extension", "no extension", "no real extension", "only a leading dot"],
)
def test_a_long_name_is_cut_and_keeps_its_extension(text: str, ending: str) -> None:
    name = attachment_name(text)
    assert len(name) == MAX_NAME_CHARACTERS
    assert name.endswith(ending)


def test_a_name_of_exactly_the_limit_is_left_alone() -> None:
    assert attachment_name("x" * 251 + ".pdf") == "x" * 251 + ".pdf"


@pytest.mark.parametrize(
    "whole",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f469\U0001f3fd",
        "\U0001f1e9\U0001f1ea",
        "q\u0323\u0307",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "1\ufe0f\u20e3",
        "कि",
    ],
    ids=["family", "skin tone", "flag", "accents", "Scotland", "keycap", "a letter and its vowel in Hindi"],
)
@pytest.mark.parametrize("room", range(1, 7))
def test_the_cut_is_between_two_characters_that_a_person_sees(whole: str, room: int) -> None:
    stem = "x" * (MAX_NAME_CHARACTERS - len(".png") - room)
    assert attachment_name(stem + whole * 9 + "y.png") == stem + whole * (room // len(whole)) + ".png"


def test_a_name_of_nothing_but_flags_is_cut_between_two_of_them() -> None:
    assert attachment_name("\U0001f1e9\U0001f1ea" * 200 + ".png") == "\U0001f1e9\U0001f1ea" * 125 + ".png"


@pytest.mark.parametrize("text", ["q" + "\u0323" * 9000, "\u0323" * 9000 + "q"], ids=["on a letter", "before one"])
def test_a_run_of_accents_without_an_end_is_cut_all_the_same(text: str) -> None:
    assert len(attachment_name(text)) == MAX_NAME_CHARACTERS
