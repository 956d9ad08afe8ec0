"""Where ICAO Doc 9303 (parts 4 to 7) puts each field in each of the five formats."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class MrzFormat(StrEnum):
    """Size of the document: card, larger card, passport, and the two visas."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"
    MRV_A = "MRV-A"
    MRV_B = "MRV-B"


class MrzField(StrEnum):
    """The fields by their names in Doc 9303; `composite` is the check digit over several of them."""

    DOCUMENT_CODE = "document_code"
    ISSUING_STATE = "issuing_state"
    NAMES = "names"
    DOCUMENT_NUMBER = "document_number"
    NATIONALITY = "nationality"
    DATE_OF_BIRTH = "date_of_birth"
    SEX = "sex"
    DATE_OF_EXPIRY = "date_of_expiry"
    OPTIONAL_DATA = "optional_data"
    COMPOSITE = "composite"


@dataclass(frozen=True)
class Span:
    """Characters `start` (from 0) to `end` (exclusive) of line `line` (from 1)."""

    line: int
    start: int
    end: int

    def of(self, lines: tuple[str, ...]) -> str:
        return lines[self.line - 1][self.start : self.end]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One format. A check digit's span is missing where the format has none.

    Attributes:
        optional: the optional data; TD1 has a second field of it.
        composite_over: what the composite check digit is computed over, in this order.
        long_numbers: whether a document number longer than nine goes on in `optional` (TD1 and TD2).
        first_letters: what a document code may begin with.
    """

    format: MrzFormat
    line_length: int
    line_count: int
    first_letters: str
    names: Span
    document_number: Span
    document_number_digit: Span
    nationality: Span
    date_of_birth: Span
    date_of_birth_digit: Span
    sex: Span
    date_of_expiry: Span
    date_of_expiry_digit: Span
    optional: Span
    second_optional: Span | None = None
    optional_digit: Span | None = None
    composite_digit: Span | None = None
    composite_over: tuple[Span, ...] = ()
    long_numbers: bool = False
    document_code: Span = Span(1, 0, 2)
    issuing_state: Span = Span(1, 2, 5)


_TD1 = Layout(
    format=MrzFormat.TD1,
    line_length=30,
    line_count=3,
    first_letters="ACI",
    document_number=Span(1, 5, 14),
    document_number_digit=Span(1, 14, 15),
    optional=Span(1, 15, 30),
    date_of_birth=Span(2, 0, 6),
    date_of_birth_digit=Span(2, 6, 7),
    sex=Span(2, 7, 8),
    date_of_expiry=Span(2, 8, 14),
    date_of_expiry_digit=Span(2, 14, 15),
    nationality=Span(2, 15, 18),
    second_optional=Span(2, 18, 29),
    composite_digit=Span(2, 29, 30),
    composite_over=(Span(1, 5, 30), Span(2, 0, 7), Span(2, 8, 15), Span(2, 18, 29)),
    long_numbers=True,
    names=Span(3, 0, 30),
)


def _two_lines(
    mrz_format: MrzFormat,
    *,
    line_length: int,
    first_letters: str,
    optional: Span,
    optional_digit: Span | None = None,
    composite_over: tuple[Span, ...] = (),
) -> Layout:
    return Layout(
        format=mrz_format,
        line_length=line_length,
        line_count=2,
        first_letters=first_letters,
        names=Span(1, 5, line_length),
        document_number=Span(2, 0, 9),
        document_number_digit=Span(2, 9, 10),
        nationality=Span(2, 10, 13),
        date_of_birth=Span(2, 13, 19),
        date_of_birth_digit=Span(2, 19, 20),
        sex=Span(2, 20, 21),
        date_of_expiry=Span(2, 21, 27),
        date_of_expiry_digit=Span(2, 27, 28),
        optional=optional,
        optional_digit=optional_digit,
        composite_digit=Span(2, line_length - 1, line_length) if composite_over else None,
        composite_over=composite_over,
        long_numbers=mrz_format is MrzFormat.TD2,
    )


_TD2 = _two_lines(
    MrzFormat.TD2,
    line_length=36,
    first_letters="ACI",
    optional=Span(2, 28, 35),
    composite_over=(Span(2, 0, 10), Span(2, 13, 20), Span(2, 21, 35)),
)
_TD3 = _two_lines(
    MrzFormat.TD3,
    line_length=44,
    first_letters="P",
    optional=Span(2, 28, 42),
    optional_digit=Span(2, 42, 43),
    composite_over=(Span(2, 0, 10), Span(2, 13, 20), Span(2, 21, 43)),
)
_MRV_A = _two_lines(MrzFormat.MRV_A, line_length=44, first_letters="V", optional=Span(2, 28, 44))
_MRV_B = _two_lines(MrzFormat.MRV_B, line_length=36, first_letters="V", optional=Span(2, 28, 36))

LAYOUTS: Final = (_TD1, _TD2, _TD3, _MRV_A, _MRV_B)
