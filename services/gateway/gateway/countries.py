"""Countries by their ISO 3166-1 alpha-2 codes, named as CLDR names them in each language."""

import re
import unicodedata
from functools import cache

from babel import Locale

# What CLDR has beside the officially assigned codes: reservations, groups, tests and "unknown". It also has
# XK, user-assigned, which stays: people live there.
_NO_COUNTRIES = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
)


def _territories(language: str) -> dict[str, str]:
    named = Locale.parse(language, sep="-").territories.items()
    return {str(code): str(name) for code, name in named if re.fullmatch("[A-Z]{2}", str(code))}


COUNTRIES = frozenset(_territories("en")) - _NO_COUNTRIES


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Every country as (code, name in that language), in the order of the names without their accents."""
    names = _territories(language)
    pairs = [(code, names.get(code, code)) for code in COUNTRIES]
    return tuple(sorted(pairs, key=lambda pair: _without_accents(pair[1])))


def _without_accents(name: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char))
    return bare.casefold()
