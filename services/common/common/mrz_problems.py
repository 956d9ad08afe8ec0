"""What can be wrong with a machine-readable zone, in words that never repeat it."""

from dataclasses import dataclass
from enum import StrEnum

from common.errors import WaystationError
from common.mrz_layout import MrzField


class MrzProblemCode(StrEnum):
    """The kinds of problem; a form has one sentence for each."""

    TOO_LONG = "too_long"
    WRONG_LINE_COUNT = "wrong_line_count"
    WRONG_LENGTH = "wrong_length"
    UNKNOWN_FORMAT = "unknown_format"
    BAD_CHARACTER = "bad_character"
    MISSING = "missing"
    UNKNOWN_STATE = "unknown_state"
    CHECK_DIGIT = "check_digit"
    BAD_DATE = "bad_date"


@dataclass(frozen=True, kw_only=True)
class MrzProblem:
    """One thing that is wrong.

    Attributes:
        line: from 1; None when the zone as a whole is meant.
        field: None when the line as a whole is meant.
        expected: for a wrong length, how many characters the line must have.
        found: for a wrong length or line count, how many there are.
    """

    code: MrzProblemCode
    line: int | None = None
    field: MrzField | None = None
    expected: int | None = None
    found: int | None = None


class MrzError(WaystationError):
    """The text is not a zone that holds together; every problem that could be seen is listed."""

    def __init__(self, problems: tuple[MrzProblem, ...]) -> None:
        super().__init__(", ".join(sorted({problem.code for problem in problems})))
        self.problems = problems
