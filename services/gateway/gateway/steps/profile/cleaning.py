"""What becomes of typed text before anything is asked of it: one spelling, and nothing invisible."""

import unicodedata

import regex

from common.errors import WaystationError

# Controls, formats, private and half characters; letters that show nothing (Hangul fillers, blank Braille).
# Not so the joiners, which Persian, the scripts of India and emoji are written with.
_INVISIBLE = regex.compile(
    r"[[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0]--[\u200C\u200D]]"
    r"|\p{Noncharacter_Code_Point}",
    regex.VERSION1,
)
_SPACES = regex.compile(r"[\p{Zs}\t]+")
_VISIBLE = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
_STACKED = regex.compile(r"\p{M}{9,}")  # more marks on one letter than any language has
_EDGE = " \u200c\u200d"
# What a reader does not see at the ends, and word processors and keyboards of some scripts leave there.
_MARKS_AT_ENDS = "\u200e\u200f\u061c\ufeff"


class UnreadableTextError(WaystationError):
    """The text has characters that nobody sees, or that are no text."""


def one_line(typed: str) -> str:
    """The text in Unicode's composed form (NFC), with single blanks; empty where nothing of it shows.

    Raises:
        UnreadableTextError: something in the middle of it does not show.
    """
    composed = unicodedata.normalize("NFC", typed).strip(_MARKS_AT_ENDS)
    text = _SPACES.sub(" ", composed).strip(_EDGE)
    if _INVISIBLE.search(text) or _STACKED.search(text):
        raise UnreadableTextError("not readable")
    return text if _VISIBLE.search(text) else ""


def several_lines(typed: str) -> str:
    """As `one_line`, line by line; blank lines stay, except before and after the text.

    Raises:
        UnreadableTextError: as above.
    """
    lines = regex.split(r"\r\n|\r|\n", typed)
    return "\n".join(one_line(line) for line in lines).strip("\n")
