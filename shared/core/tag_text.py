"""A sentence within what a blob index tag may hold: at most 256 characters of `A-Za-z0-9 + - . / : = _` and space.

What a tag may not hold is spelled otherwise, or replaced by an underscore, never silently left out: a person must be
able to distinguish the names of two tasks. Our own sentences have names in quotation marks, and ` / ` between several.
"""

# ruff: noqa: RUF001 - the table is about letters that look like others

import re
import unicodedata
from urllib.parse import unquote_to_bytes

MAX_CHARACTERS = 256

_FORBIDDEN = re.compile(r"[^A-Za-z0-9 +\-./:=_]+")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SPACES = re.compile(r"\s+")
_PAUSES = ((re.compile(r";"), "."), (re.compile(r"\s*\(|,\s+"), " - "), (re.compile(r"[!?]+"), "."))

# Letters that Unicode does not take apart into a Latin letter and its marks. German comes first: o for ö would make
# another word.
_LETTERS = """
    ä=ae ö=oe ü=ue ß=ss æ=ae œ=oe ø=oe þ=th ð=d đ=d ł=l ħ=h ŋ=ng ə=e
    а=a б=b в=v г=g д=d е=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch
    ъ=_ ы=y ь=_ э=e ю=yu я=ya і=i ї=i є=ie ґ=g ў=u ј=j љ=lj њ=nj ћ=c ђ=dj џ=dz
    α=a β=b γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r ς=s σ=s τ=t υ=y φ=f χ=ch ψ=ps ω=o
"""
_SMALL = dict(pair.split("=") for pair in _LETTERS.split())
_CAPITAL = {letter.upper(): text.capitalize() for letter, text in _SMALL.items() if letter not in "ßς"}
_SIGNS = {"&": "+", "@": " at ", "%": " percent", "€": "EUR", "\u2013": "-", "\u2014": "-", "\u2026": "..."}
_APOSTROPHES = dict.fromkeys("'\u2018\u2019", "")
_SPELLED = str.maketrans(_SMALL | _CAPITAL | _SIGNS | _APOSTROPHES)


def tag_text(text: str, *, and_then: str = "") -> str:
    """*text* as a tag may hold it; one that is too long ends before a word, in three dots.

    *and_then*: a sentence that follows it in any case, and that a tag may hold as it is.
    """
    sentences_and_names = _ESCAPES.sub(_unescaped, text).split('"')
    plain = "".join(_plain(part if at % 2 else _sentence(part)) for at, part in enumerate(sentences_and_names))
    room = MAX_CHARACTERS - len(f". {and_then}" if and_then else "")
    shown = _shortened(_SPACES.sub(" ", plain).strip(), room)
    return f"{shown.removesuffix('.')}. {and_then}" if and_then else shown


def quoted(name: str, *, at_most: int = 60) -> str:
    """A name as our sentences show it: in quotation marks of which it has none itself, not longer than *at_most*."""
    shown = name if len(name) <= at_most else name[: at_most - 3].rstrip() + "..."
    return '"' + shown.replace('"', "'") + '"'


def is_tag_text(text: str) -> bool:
    """Whether a tag may hold *text* as it is."""
    return len(text) <= MAX_CHARACTERS and not _FORBIDDEN.search(text)


def _unescaped(escapes: re.Match[str]) -> str:
    """Percent-encoding is for headers; a person who reads a tag should not have to undo it."""
    try:
        return unquote_to_bytes(escapes[0]).decode("utf-8")
    except UnicodeDecodeError:
        return "_"


def _sentence(text: str) -> str:
    for pattern, pause in _PAUSES:
        text = pattern.sub(pause, text)
    return text.replace(")", "")


def _plain(text: str) -> str:
    composed = unicodedata.normalize("NFC", _SPACES.sub(" ", text))
    # Twice: the table does not have ά, but it has the letter that is left without the accent.
    letters = unicodedata.normalize("NFKD", composed.translate(_SPELLED)).translate(_SPELLED)
    marks_gone = "".join(character for character in letters if unicodedata.category(character) != "Mn")
    return _FORBIDDEN.sub("_", marks_gone)


def _shortened(text: str, at_most: int) -> str:
    if len(text) <= at_most:
        return text
    room = at_most - len(" ...")
    words = text[: room + 1].rpartition(" ")[0] if " " in text[: room + 1] else text[:room]
    return words.rstrip(" -/:") + " ..."
