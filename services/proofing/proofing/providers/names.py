"""Whether the names of a document and of a profile are the same person's.

A profile usually knows fewer names than a document, a document cuts off what does not fit, and both write
foreign letters as they like. So words are compared as sets, each in its most similar form, and what is
neither clearly the same nor clearly different is left to a person.
"""

from collections.abc import Iterable
from typing import Final

from rapidfuzz import fuzz

from common.mrz import Mrz
from proofing.providers.transliteration import Word, plain, words_of

SAME: Final = 92  # from here on: a difference smaller than one letter in a short name
DIFFERENT: Final = 70  # below: two names that share no more than chance
UNCLEAR_AT_MOST: Final = SAME - 1


def name_score(mrz: Mrz, *, given_name: str, family_name: str) -> int | None:
    """Likeness from 0 to 100; None where the profile is written in letters without a form in a zone."""
    given, family = words_of(given_name), words_of(family_name)
    if not given or not family:
        return None
    primary, secondary = mrz.primary_identifier.split(), mrz.secondary_identifier.split()
    cut = mrz.names_truncated
    if not secondary:
        return round(_part_score(given + family, primary, cut=cut))
    straight = min(_part_score(family, primary, cut=cut), _part_score(given, secondary, cut=cut))
    swapped = min(_part_score(given, primary, cut=cut), _part_score(family, secondary, cut=cut))
    return round(max(straight, min(swapped, UNCLEAR_AT_MOST)))


def _part_score(words: tuple[Word, ...], tokens: list[str], *, cut: bool) -> float:
    """How well the profile's words are found among the document's tokens."""
    found = _weighted(
        (max(map(len, word)), max(_likeness(word, token, cut=cut) for token in tokens)) for word in words
    )
    covered = _weighted(
        (len(token), max(_likeness(word, token, cut=cut) for word in words)) for token in tokens
    )
    return max(found, _joined(words, tokens), covered if cut else min(covered, UNCLEAR_AT_MOST))


def _likeness(word: Word, token: str, *, cut: bool) -> float:
    if cut and any(form.startswith(token) for form in word):
        return 100.0
    return max(fuzz.ratio(form, other) for form in word for other in {token, plain(token)})


def _joined(words: tuple[Word, ...], tokens: list[str]) -> float:
    """`Mc Donald` and `MCDONALD` differ in a space only."""
    return float(fuzz.ratio("".join(map(_plainest, words)), plain("".join(tokens))))


def _plainest(word: Word) -> str:
    return min(word, key=lambda form: (len(form), form))


def _weighted(scores: Iterable[tuple[int, float]]) -> float:
    pairs = list(scores)
    return sum(weight * score for weight, score in pairs) / sum(weight for weight, _ in pairs)
