"""The machine-readable zone of a travel document, as a person types it (ICAO Doc 9303, parts 3 to 7).

Read are TD1, TD2, TD3, MRV-A and MRV-B. Nothing is corrected beyond case, white space and the look-alikes of
`<`: what was typed either holds together or is answered with everything that does not. Check digits prove
that a zone is consistent, not that a document exists: anyone can compute them.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from common.mrz_dates import PartialDate
from common.mrz_fields import FieldReader, check_digit
from common.mrz_layout import LAYOUTS, Layout, MrzField, MrzFormat
from common.mrz_problems import MrzError, MrzProblem, MrzProblemCode
from common.mrz_states import SPECIMEN_STATES
from common.mrz_text import ALPHABET, lines_of

__all__ = [
    "MAX_TEXT",
    "SPECIMEN_STATES",
    "Mrz",
    "MrzError",
    "MrzField",
    "MrzFormat",
    "MrzProblem",
    "MrzProblemCode",
    "PartialDate",
    "check_digit",
    "parse_mrz",
]

MAX_TEXT: Final = 400  # a visa has 88 characters; the rest is room for spaces


@dataclass(frozen=True, kw_only=True)
class Mrz:
    """A zone that holds together; its text form shows nothing personal.

    Attributes:
        document_code: one or two letters: `P`, `ID`, `V`.
        primary_identifier: family names as the zone has them, separated by spaces.
        secondary_identifier: given names likewise; empty where the document has one name only.
        names_truncated: the names fill their field, so that parts may be cut off or missing.
        document_number: without trailing fillers, joined again where it was longer than nine.
        sex: `M`, `F`, or `<` for unspecified.
        optional_data: what the issuer put there, field by field, without the end of a long number.
        lines: the zone itself, normalised.
    """

    format: MrzFormat
    document_code: str
    issuing_state: str
    primary_identifier: str = field(repr=False)
    secondary_identifier: str = field(repr=False)
    names_truncated: bool = field(repr=False)
    document_number: str = field(repr=False)
    nationality: str = field(repr=False)
    date_of_birth: PartialDate = field(repr=False)
    sex: str = field(repr=False)
    date_of_expiry: date = field(repr=False)
    optional_data: tuple[str, ...] = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)


def parse_mrz(text: str, *, today: date) -> Mrz:
    """The document that the text describes.

    Args:
        text: as typed or pasted, at most `MAX_TEXT` characters; two or three lines, or one without breaks.
        today: decides the century of birth and expiry; an expired document still parses.

    Raises:
        MrzError: it is no zone, or does not hold together.
    """
    if len(text) > MAX_TEXT:
        raise MrzError((MrzProblem(code=MrzProblemCode.TOO_LONG),))
    lines = lines_of(text)
    return _read(_layout_of(lines), lines, today=today)


def _layout_of(lines: tuple[str, ...]) -> Layout:
    candidates = [layout for layout in LAYOUTS if layout.line_count == len(lines)]
    if not candidates:
        raise MrzError((MrzProblem(code=MrzProblemCode.WRONG_LINE_COUNT, found=len(lines)),))
    longest = max(map(len, lines))
    length = min((layout.line_length for layout in candidates), key=lambda each: abs(each - longest))
    _require_shape(lines, length=length)
    for layout in candidates:
        if layout.line_length == length and lines[0][0] in layout.first_letters:
            return layout
    raise MrzError((MrzProblem(code=MrzProblemCode.UNKNOWN_FORMAT, line=1, field=MrzField.DOCUMENT_CODE),))


def _require_shape(lines: tuple[str, ...], *, length: int) -> None:
    problems: list[MrzProblem] = []
    for number, line in enumerate(lines, 1):
        if not ALPHABET.issuperset(line):
            problems.append(MrzProblem(code=MrzProblemCode.BAD_CHARACTER, line=number))
        if len(line) != length:
            problem = MrzProblem(
                code=MrzProblemCode.WRONG_LENGTH, line=number, expected=length, found=len(line)
            )
            problems.append(problem)
    if problems:
        raise MrzError(tuple(problems))


def _read(layout: Layout, lines: tuple[str, ...], *, today: date) -> Mrz:
    reader = FieldReader(layout, lines)
    document_code = reader.document_code()
    issuing_state = reader.state(MrzField.ISSUING_STATE)
    primary_identifier, secondary_identifier = reader.names()
    document_number, optional_data = reader.document_number_and_optional_data()
    nationality = reader.state(MrzField.NATIONALITY)
    date_of_birth = reader.date_of_birth(today=today)
    sex = reader.sex()
    date_of_expiry = reader.date_of_expiry(today=today)
    reader.composite()
    if reader.problems or date_of_birth is None or date_of_expiry is None:
        raise MrzError(tuple(sorted(reader.problems, key=lambda problem: problem.line or 0)))
    return Mrz(
        format=layout.format,
        document_code=document_code,
        issuing_state=issuing_state,
        primary_identifier=primary_identifier,
        secondary_identifier=secondary_identifier,
        names_truncated=reader.names_truncated(),
        document_number=document_number,
        nationality=nationality,
        date_of_birth=date_of_birth,
        sex=sex,
        date_of_expiry=date_of_expiry,
        optional_data=optional_data,
        lines=lines,
    )
