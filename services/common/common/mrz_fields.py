"""Reads the fields of a zone whose layout is known, and notes what is wrong with each of them."""

import re
from datetime import date

from common.mrz_dates import PartialDate, birth_date, expiry_date
from common.mrz_layout import Layout, MrzField, Span
from common.mrz_problems import MrzProblem, MrzProblemCode
from common.mrz_states import KNOWN_STATES
from common.mrz_text import FILLER

_WEIGHTS = (7, 3, 1)

_CODE = re.compile("[A-Z][A-Z<]")
_STATE = re.compile("[A-Z]{3}|[A-Z]<<")
_NAMES = re.compile("[A-Z<]+")
_BIRTH = re.compile("(?:[0-9]{2}|<<){3}")
_EXPIRY = re.compile("[0-9]{6}")
_SEX = re.compile("[MF<]")


def check_digit(text: str) -> str:
    """The check digit over MRZ characters: weights 7, 3, 1, modulo 10 (Doc 9303 part 3, 4.9)."""
    values = (0 if sign == FILLER else int(sign, 36) for sign in text)
    return str(sum(value * _WEIGHTS[at % 3] for at, value in enumerate(values)) % 10)


class FieldReader:
    """One pass over a zone. Each method returns the best it can and adds to `problems`."""

    def __init__(self, layout: Layout, lines: tuple[str, ...]) -> None:
        self._layout = layout
        self._lines = lines
        self.problems: list[MrzProblem] = []

    def document_code(self) -> str:
        return self._text(self._layout.document_code, MrzField.DOCUMENT_CODE, _CODE).rstrip(FILLER)

    def sex(self) -> str:
        return self._text(self._layout.sex, MrzField.SEX, _SEX)

    def state(self, which: MrzField) -> str:
        """Issuing state or nationality, without fillers."""
        layout = self._layout
        span = layout.issuing_state if which is MrzField.ISSUING_STATE else layout.nationality
        state = self._text(span, which, _STATE).rstrip(FILLER)
        if state not in KNOWN_STATES and not self.problems_of(which):
            self._add(MrzProblemCode.UNKNOWN_STATE, span, which)
        return state

    def names(self) -> tuple[str, str]:
        """Primary and secondary identifier, their parts separated by single spaces."""
        span = self._layout.names
        text = self._text(span, MrzField.NAMES, _NAMES)
        if text.startswith(FILLER):
            self._add(MrzProblemCode.MISSING, span, MrzField.NAMES)
        primary, _, secondary = text.partition(2 * FILLER)
        return _words(primary), _words(secondary)

    def names_truncated(self) -> bool:
        """Doc 9303 ends a name that did not fit with a letter in the last position."""
        return not self._layout.names.of(self._lines).endswith(FILLER)

    def date_of_birth(self, *, today: date) -> PartialDate | None:
        span = self._layout.date_of_birth
        text = self._text(span, MrzField.DATE_OF_BIRTH, _BIRTH)
        if self.problems_of(MrzField.DATE_OF_BIRTH):
            return None
        self._check(text, self._layout.date_of_birth_digit, MrzField.DATE_OF_BIRTH)
        birth = birth_date(text, today=today)
        if birth is None:
            self._add(MrzProblemCode.BAD_DATE, span, MrzField.DATE_OF_BIRTH)
        return birth

    def date_of_expiry(self, *, today: date) -> date | None:
        span = self._layout.date_of_expiry
        text = self._text(span, MrzField.DATE_OF_EXPIRY, _EXPIRY)
        if self.problems_of(MrzField.DATE_OF_EXPIRY):
            return None
        self._check(text, self._layout.date_of_expiry_digit, MrzField.DATE_OF_EXPIRY)
        expiry = expiry_date(text, today=today)
        if expiry is None:
            self._add(MrzProblemCode.BAD_DATE, span, MrzField.DATE_OF_EXPIRY)
        return expiry

    def document_number_and_optional_data(self) -> tuple[str, tuple[str, ...]]:
        """The whole number, and the optional data that are left when a long number has taken its end."""
        layout = self._layout
        number, optional = layout.document_number.of(self._lines), layout.optional.of(self._lines)
        if number.startswith(FILLER):
            self._add(MrzProblemCode.MISSING, layout.document_number, MrzField.DOCUMENT_NUMBER)
        elif layout.long_numbers and layout.document_number_digit.of(self._lines) == FILLER:
            number, optional = self._long_number(number, optional)
        else:
            self._check(number, layout.document_number_digit, MrzField.DOCUMENT_NUMBER)
        self._check_optional_data(optional)
        second = layout.second_optional.of(self._lines) if layout.second_optional else ""
        filled = (data.strip(FILLER) for data in (optional, second))
        return number.rstrip(FILLER), tuple(data for data in filled if data)

    def _long_number(self, principal: str, optional: str) -> tuple[str, str]:
        """Doc 9303 part 5, 4.2.2 note j: nine characters, a filler, and the rest with the check digit."""
        rest, _, others = optional.partition(FILLER)
        number = principal + rest[:-1]
        if len(rest) < 2 or principal.endswith(FILLER) or rest[-1] != check_digit(number):  # noqa: PLR2004 - a character and its digit
            self._add(MrzProblemCode.CHECK_DIGIT, self._layout.document_number, MrzField.DOCUMENT_NUMBER)
        return number, others

    def _check_optional_data(self, optional: str) -> None:
        digit = self._layout.optional_digit
        if digit is None:
            return
        unused = not optional.strip(FILLER) and digit.of(self._lines) == FILLER
        if not unused:
            self._check(optional, digit, MrzField.OPTIONAL_DATA)

    def composite(self) -> None:
        """Call last: where another field is wrong already, this digit would only repeat it."""
        layout = self._layout
        if layout.composite_digit is None or self.problems:
            return
        text = "".join(span.of(self._lines) for span in layout.composite_over)
        self._check(text, layout.composite_digit, MrzField.COMPOSITE)

    def problems_of(self, which: MrzField) -> list[MrzProblem]:
        return [problem for problem in self.problems if problem.field is which]

    def _text(self, span: Span, which: MrzField, pattern: re.Pattern[str]) -> str:
        text = span.of(self._lines)
        if not pattern.fullmatch(text):
            self._add(MrzProblemCode.BAD_CHARACTER, span, which)
        return text

    def _check(self, text: str, digit: Span, which: MrzField) -> None:
        if digit.of(self._lines) != check_digit(text):
            self._add(MrzProblemCode.CHECK_DIGIT, digit, which)

    def _add(self, code: MrzProblemCode, span: Span, which: MrzField) -> None:
        self.problems.append(MrzProblem(code=code, line=span.line, field=which))


def _words(identifier: str) -> str:
    return " ".join(identifier.replace(FILLER, " ").split())
