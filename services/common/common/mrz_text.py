"""From what a person typed or pasted to lines of MRZ characters; letters and digits are never corrected."""

import string
from typing import Final

FILLER: Final = "<"
ALPHABET: Final = frozenset(string.ascii_uppercase + string.digits + FILLER)

# Signs that a keyboard, a word processor or a copied page puts where the document has fillers.
_SINGLE_FILLERS = (
    "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}\N{LEFT ANGLE BRACKET}\N{MATHEMATICAL LEFT ANGLE BRACKET}"
    "\N{HEAVY LEFT-POINTING ANGLE QUOTATION MARK ORNAMENT}\N{CANADIAN SYLLABICS PA}"
    "\N{MODIFIER LETTER LEFT ARROWHEAD}\N{SMALL LESS-THAN SIGN}\N{FULLWIDTH LESS-THAN SIGN}"
)
_DOUBLE_FILLERS = (
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{LEFT DOUBLE ANGLE BRACKET}"
    "\N{MATHEMATICAL LEFT DOUBLE ANGLE BRACKET}\N{MUCH LESS-THAN}"
)
_INVISIBLE = (
    "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}"
)
_FULL_WIDTH = 0xFEE0  # from an ASCII character to the wide one of East Asian keyboards

# Not str.upper and not NFKC: they turn a sharp s into SS, a dotless i into I and a superscript two into 2,
# which are corrections.
_TRANSLATION = (
    {ord(sign): sign.upper() for sign in string.ascii_lowercase}
    | {ord(sign) + _FULL_WIDTH: sign.upper() for sign in string.ascii_letters + string.digits}
    | dict.fromkeys(map(ord, _SINGLE_FILLERS), FILLER)
    | dict.fromkeys(map(ord, _DOUBLE_FILLERS), 2 * FILLER)
    | dict.fromkeys(map(ord, _INVISIBLE))
)

# A zone whose line breaks were lost on the way: (characters in all, characters of a line).
_JOINED: Final = {90: 30, 88: 44, 72: 36}


def lines_of(text: str) -> tuple[str, ...]:
    """The zone's lines, upper case, without white space and empty lines."""
    stripped = ("".join(line.split()).translate(_TRANSLATION) for line in text.splitlines())
    lines = tuple(line for line in stripped if line)
    width = _JOINED.get(len(lines[0])) if len(lines) == 1 else None
    if width is None:
        return lines
    return tuple(lines[0][start : start + width] for start in range(0, len(lines[0]), width))
