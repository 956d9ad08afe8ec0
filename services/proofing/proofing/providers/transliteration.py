"""How names are written in a machine-readable zone (ICAO Doc 9303 part 3, section 6).

Issuers may choose between several renderings of one letter (`Ü` is `UE`, `UXX` or `U`), so every word of a
name becomes the set of its possible forms.
"""

import re
import unicodedata
from typing import Final, TypeAlias

MAX_NAME: Final = 200

Word: TypeAlias = frozenset[str]

# Each letter's renderings: the digraph or plain letter first, the older XX or national form, the base letter.
_SEVERAL = {
    "Ä": ("AE", "AXX", "A"),
    "Å": ("AA", "AXX", "A"),
    "Ñ": ("N", "NXX", "N"),
    "Ö": ("OE", "OXX", "O"),
    "Ø": ("OE", "OXX", "O"),
    "Ü": ("UE", "UXX", "U"),
    "\N{CYRILLIC CAPITAL LETTER GHE}": ("G", "H", "G"),
    "\N{CYRILLIC CAPITAL LETTER ZHE}": ("ZH", "Z", "ZH"),
    "\N{CYRILLIC CAPITAL LETTER I}": ("I", "Y", "I"),
    "\N{CYRILLIC CAPITAL LETTER HA}": ("KH", "H", "KH"),
    "\N{CYRILLIC CAPITAL LETTER TSE}": ("TS", "C", "TS"),
    "\N{CYRILLIC CAPITAL LETTER CHE}": ("CH", "C", "CH"),
    "\N{CYRILLIC CAPITAL LETTER SHA}": ("SH", "S", "SH"),
    "\N{CYRILLIC CAPITAL LETTER SHCHA}": ("SHCH", "SHT", "SHCH"),
    "\N{CYRILLIC CAPITAL LETTER YU}": ("IU", "YU", "IU"),
    "\N{CYRILLIC CAPITAL LETTER YA}": ("IA", "YA", "IA"),
    "\N{CYRILLIC CAPITAL LETTER IO}": ("E", "IO", "E"),
}
_LATIN = {
    "Æ": "AE", "Ð": "D", "Đ": "D", "Ħ": "H", "Ĳ": "IJ", "Ł": "L", "Ŋ": "N", "Œ": "OE", "Þ": "TH", "Ŧ": "T",
    "ẞ": "SS", "Ə": "E",
}  # fmt: skip
_CYRILLIC = dict(
    zip(
        "\u0410\u0411\u0412\u0414\u0415\u0417\u0419\u041a\u041b\u041c\u041d\u041e\u041f\u0420\u0421\u0422"
        "\u0423\u0424\u042b\u042d\u0406\u0408",
        "ABVDEZIKLMNOPRSTUFYEIJ",
        strict=True,
    )
) | {
    "\N{CYRILLIC CAPITAL LETTER HARD SIGN}": "IE",
    "\N{CYRILLIC CAPITAL LETTER SOFT SIGN}": "",
    "\N{CYRILLIC CAPITAL LETTER UKRAINIAN IE}": "IE",
    "\N{CYRILLIC CAPITAL LETTER YI}": "I",
    "\N{CYRILLIC CAPITAL LETTER GHE WITH UPTURN}": "G",
    "\N{CYRILLIC CAPITAL LETTER SHORT U}": "U",
    "\N{CYRILLIC CAPITAL LETTER DZE}": "DZ",
    "\N{CYRILLIC CAPITAL LETTER DJE}": "D",
    "\N{CYRILLIC CAPITAL LETTER LJE}": "LJ",
    "\N{CYRILLIC CAPITAL LETTER NJE}": "NJ",
    "\N{CYRILLIC CAPITAL LETTER TSHE}": "C",
    "\N{CYRILLIC CAPITAL LETTER DZHE}": "DZ",
    "\N{CYRILLIC CAPITAL LETTER GJE}": "G",
    "\N{CYRILLIC CAPITAL LETTER KJE}": "K",
}
_ONE = {letter: (rendering,) * 3 for letter, rendering in (_LATIN | _CYRILLIC).items()}
_RENDERINGS = _SEVERAL | _ONE

_JOINING = (
    "'`.\N{ACUTE ACCENT}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
    "\N{MODIFIER LETTER APOSTROPHE}"
)
_SPLITTING = frozenset({"Pd", "Zs", "Cc"})


def words_of(name: str) -> tuple[Word, ...] | None:
    """Each word of a name with its possible forms in a zone; None if a character has no form there."""
    if len(name) > MAX_NAME:
        return None
    letters = [_renderings(letter) for letter in unicodedata.normalize("NFC", name.upper())]
    known = [renderings for renderings in letters if renderings is not None]
    if len(known) != len(letters):
        return None
    spellings = ("".join(column).split() for column in zip(*known, strict=True))
    return tuple(frozenset(forms) | {plain(forms[0])} for forms in zip(*spellings, strict=True))


def plain(word: str) -> str:
    """The form without what issuers add to a base letter: `MUELLER` and `MUXXLLER` become `MULLER`."""
    return re.sub("([AOU])E|(A)A", r"\1\2", re.sub("([AEIOUN])XX", r"\1", word))


def _renderings(letter: str) -> tuple[str, ...] | None:
    if letter.isascii() and letter.isalpha():
        return (letter,) * 3
    if letter in _RENDERINGS:
        return _RENDERINGS[letter]
    if letter in _JOINING or unicodedata.combining(letter):
        return ("",) * 3
    if letter == "," or unicodedata.category(letter) in _SPLITTING:
        return (" ",) * 3
    base = unicodedata.normalize("NFKD", letter)[0]
    return (base,) * 3 if base.isascii() and base.isalpha() else None
