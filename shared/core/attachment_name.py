"""A name fit for an attachment: Graph takes it, any file system takes it, and it hides nothing.

The name comes from a stranger and is shown to a person, who decides by it what to open. So nothing stays in it that
turns its direction (`gpj.exe` shown as `exe.jpg`) or that cannot be seen. What looks invisible alone but joins visible
characters stays: emoji are sequences, and Persian and Hindi need their joiners.
"""

import re
import unicodedata

# No page states a bound for an attachment's name; this is what common file systems take.
MAX_NAME_CHARACTERS = 255
# A longer ending is no extension, but a part of the name.
_LONGEST_EXTENSION = 16

_JOINERS = {"\u200c", "\u200d"}
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
_REGIONAL_INDICATORS = re.compile("[\U0001f1e6-\U0001f1ff]+$")
# The flags of parts of a country, such as Scotland: a black flag, letters that cannot be seen, and an end that cannot
# be seen.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
# Letters and symbols that show nothing: Hangul fillers, the empty Braille pattern, the joiner of graphemes, Khmer
# vowels that are not written. Unicode's Default_Ignorable_Code_Point, as far as its categories do not cover it.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
# Kept free for more of these. Python's tables call them unassigned, like the emoji that are newer than the tables.
_IGNORABLE = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# Nothing will ever be assigned here.
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)) + "]"
)
# Control, format and surrogate characters; separators of lines and of paragraphs.
_NEVER = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Unicode calls these format characters too, but they are drawn: signs before Arabic, Syriac and Kaithi numbers.
_DRAWN = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
# Windows opens the device, whatever the extension is.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


def attachment_name(text: str) -> str:
    """The name that the last part of a path makes, NFC, at most 255 characters; empty where nothing visible is left.

    The extension survives the cut: it is what opens the file.
    """
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    plain = _trimmed(unicodedata.normalize("NFC", _visible(last)))
    if not any(_shows(character) for character in plain):
        return ""
    if _DEVICE.match(plain):
        plain = f"_{plain}"
    if len(plain) <= MAX_NAME_CHARACTERS:
        return plain
    stem, dot, extension = plain.rpartition(".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return _trimmed(_cut(plain, MAX_NAME_CHARACTERS))
    return _cut(stem, MAX_NAME_CHARACTERS - len(extension) - 1) + dot + extension


def _trimmed(name: str) -> str:
    # Windows takes no trailing dots and spaces: "a.exe." would be another file there.
    return name.strip().rstrip(". \u00a0\u3000").rstrip()


def _visible(text: str) -> str:
    """*text* without what cannot be seen, unless it joins or varies what can."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        if flag := _FLAG.match(text, at):
            kept.append(flag[0])
            at = flag.end()
            continue
        character = text[at]
        before = kept[-1] if kept else ""
        after = text[at + 1] if at + 1 < len(text) else ""
        at += 1
        if character in _JOINERS:
            if _joins(before[-1:]) and _joins(after):
                kept.append(character)
        elif _VARIATION_SELECTORS.match(character):
            if _shows(before[-1:]):
                kept.append(character)
        elif not _is_hidden(character):
            kept.append(character)
    return "".join(kept)


def _is_hidden(character: str) -> bool:
    if _DRAWN.match(character):
        return False
    hidden = _BLANK.match(character) or _IGNORABLE.match(character) or _NONCHARACTER.match(character)
    return bool(hidden) or unicodedata.category(character) in _NEVER


def _joins(character: str) -> bool:
    """Whether a joiner may stand beside it: a letter of a script that knows joiners, its marks, or an emoji.

    Python's tables may be older than an emoji: what they do not know counts as one.
    """
    return not character.isascii() and not _is_hidden(character) and unicodedata.category(character)[0] in "LMSC"


def _shows(character: str) -> bool:
    """Whether it can be seen by itself."""
    if not character or _is_hidden(character) or _VARIATION_SELECTORS.match(character) or character in _JOINERS:
        return False
    return unicodedata.category(character)[0] not in "MZ"


def _cut(text: str, length: int) -> str:
    """At most *length* characters of a longer text, and no character that a person sees is cut in two."""
    end = length
    while end > 0 and _belongs_together(text, end):
        end -= 1
    # A sequence that is longer than the whole name is not a real one: cut it anyway.
    return text[: end or length].rstrip()


def _belongs_together(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if unicodedata.category(after)[0] == "M" or after in _JOINERS or before in _JOINERS:
        return True
    if _SKIN_TONES.match(after) or "\U000e0020" <= after <= "\U000e007f":
        return True
    # A flag is a pair of these: an odd number before the cut leaves half a flag.
    run = _REGIONAL_INDICATORS.search(text, 0, at)
    return bool(_REGIONAL_INDICATORS.match(after)) and run is not None and len(run[0]) % 2 == 1
