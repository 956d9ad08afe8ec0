"""Six-digit dates of a machine-readable zone, and the century that they leave out."""

from dataclasses import dataclass
from datetime import date
from typing import Final

UNKNOWN: Final = "<<"
_CENTURY = 100
_EXPIRY_YEARS_BACK = 50
_SOME_LEAP_YEAR = 2000


@dataclass(frozen=True, kw_only=True)
class PartialDate:
    """A date of birth; a part that the document leaves open is None (Doc 9303 part 3, 4.8)."""

    year: int | None
    month: int | None
    day: int | None

    @property
    def complete(self) -> date | None:
        """The date, if no part of it is unknown."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)

    def agrees_with(self, other: date) -> bool:
        """Whether every known part is the same in `other`."""
        known = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(mine is None or mine == theirs for mine, theirs in known)


def birth_date(text: str, *, today: date) -> PartialDate | None:
    """YYMMDD with `<<` for what is unknown, in the latest year that is not after today; None if impossible.

    Each two characters of `text` must be digits or `<<`.
    """
    year, month, day = _parts(text)
    if year is None:
        return _without_year(month=month, day=day)
    latest = today.year - (today.year - year) % _CENTURY
    for candidate in (latest, latest - _CENTURY):
        first = _first_day(candidate, month=month, day=day)
        if first is not None and first <= today:
            return PartialDate(year=candidate, month=month, day=day)
    return None


def expiry_date(text: str, *, today: date) -> date | None:
    """YYMMDD in the hundred years that begin fifty years ago; None if there is no such day.

    `text` must be six digits.
    """
    year, month, day = _parts(text)
    if year is None or month is None or day is None:
        return None
    earliest = today.year - _EXPIRY_YEARS_BACK
    return _date(earliest + (year - earliest) % _CENTURY, month, day)


def _parts(text: str) -> tuple[int | None, int | None, int | None]:
    return _part(text[0:2]), _part(text[2:4]), _part(text[4:6])


def _part(two: str) -> int | None:
    return None if two == UNKNOWN else int(two)


def _without_year(*, month: int | None, day: int | None) -> PartialDate | None:
    if _first_day(_SOME_LEAP_YEAR, month=month, day=day) is None:
        return None
    return PartialDate(year=None, month=month, day=day)


def _first_day(year: int, *, month: int | None, day: int | None) -> date | None:
    return _date(year, 1 if month is None else month, 1 if day is None else day)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
