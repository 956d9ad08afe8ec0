"""What a person reads about their document: every sentence names the place, none repeats the input."""

from datetime import UTC, datetime, timedelta

from common.mrz import MrzField, MrzProblem, MrzProblemCode
from gateway.steps.port import Ending
from gateway.transaction import Step, StepStatus

_TITLES = {
    StepStatus.PASSED: "That worked",
    StepStatus.PENDING: "Your identity is not confirmed yet",
    StepStatus.ABANDONED: "Your identity was not confirmed",
    StepStatus.DECLINED: "Your identity was not checked",
    StepStatus.FAILED: "Your identity could not be confirmed",
}

_FIELDS = {
    MrzField.DOCUMENT_CODE: "the kind of document",
    MrzField.ISSUING_STATE: "the issuing country",
    MrzField.NAMES: "the names",
    MrzField.DOCUMENT_NUMBER: "the document number",
    MrzField.NATIONALITY: "the nationality",
    MrzField.DATE_OF_BIRTH: "the date of birth",
    MrzField.SEX: "the sex",
    MrzField.DATE_OF_EXPIRY: "the date of expiry",
    MrzField.OPTIONAL_DATA: "the optional data",
    MrzField.COMPOSITE: "the whole line",
}

_PROBLEMS = {
    MrzProblemCode.TOO_LONG: "that is much more than the two or three lines of a document.",
    MrzProblemCode.WRONG_LINE_COUNT: "a document has two or three such lines; type each on its own line.",
    MrzProblemCode.WRONG_LENGTH: "it must have {expected} characters, and has {found}.",
    MrzProblemCode.UNKNOWN_FORMAT: "these are not the lines of a passport, identity card or visa.",
    MrzProblemCode.BAD_CHARACTER: "{field} may hold only capital letters, digits and < where they belong.",
    MrzProblemCode.MISSING: "{field} is missing.",
    MrzProblemCode.UNKNOWN_STATE: "{field} is not a country code that we know.",
    MrzProblemCode.CHECK_DIGIT: "the check digit of {field} does not fit: one of its characters is wrong.",
    MrzProblemCode.BAD_DATE: "{field} is not a date.",
}

_ALMOST_A_MINUTE = timedelta(minutes=1, microseconds=-1)  # whoever comes at that minute is not too early

_REASONS = {
    "declined_by_person": "You chose not to have your identity checked.",
    "too_many_attempts": "There were too many attempts.",
    "no_verdict_yet": "The check is taking longer than expected. Its result is kept when it comes.",
    "document_inconsistent": "The document's data does not hold together.",
    "document_expired": "The document has expired.",
    "specimen_document": "This is a specimen, not a person's document.",
    "birth_date_mismatch": "The date of birth is not the one that the organisation has.",
    "under_age": "The document does not show the age that is required.",
    "name_mismatch": "The name is not the one that the organisation has.",
    "review": "Somebody has to look at the document before it counts.",
    "provider_error": "The check could not be carried out.",
    "deadline_passed": "The check came too late for this login.",
}


def ending_of(step: Step) -> Ending:
    """The heading and the sentences of the last page."""
    ended = step.conclusion
    if ended is None:
        return Ending(title=_TITLES[step.status])
    failed_until = ended.until if ended.status is StepStatus.FAILED else None
    texts = (reason_text(ended.reason), until_text(failed_until, at=ended.at) if failed_until else None)
    return Ending(title=_TITLES[step.status], texts=tuple(text for text in texts if text))


def reason_text(reason: str | None) -> str | None:
    """The sentence for a step's reason, where there is something to tell."""
    return _REASONS.get(reason or "")


def until_text(until: datetime, *, at: datetime) -> str:
    """When a person whose step failed at `at` may try again: in whole minutes, and on which other day."""
    when, since = (until + _ALMOST_A_MINUTE).astimezone(UTC), at.astimezone(UTC)
    day = "" if when.date() == since.date() else f" on {when.day} {when:%B %Y}"
    return f"You can try again after {when:%H:%M} UTC{day}."


def attempts_text(left: int) -> str:
    """How often the person may still send the form."""
    match left:
        case 0:
            return "You have no attempts left for now."
        case 1:
            return "You have one attempt left."
        case _:
            return f"You have {left} attempts left."


def problem_text(problem: MrzProblem) -> str:
    """What is wrong with the typed lines, and in which of them."""
    sentence = _sentence(problem)
    return f"Line {problem.line}: {sentence}" if problem.line else sentence[0].upper() + sentence[1:]


def _sentence(problem: MrzProblem) -> str:
    field = _FIELDS[problem.field] if problem.field else "this"
    return _PROBLEMS[problem.code].format(field=field, expected=problem.expected, found=problem.found)
