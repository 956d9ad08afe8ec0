"""What a person reads about their document: every sentence names the place, none repeats the input."""

from datetime import datetime

from common.mrz import MrzProblem
from gateway.steps.idproof.rules import DECISION_BY
from gateway.steps.port import Ending
from gateway.texts import Text, text, try_again_text
from gateway.transaction_step import Conclusion, Step, StepStatus

_REASONS = frozenset(
    {
        "declined_by_person",
        "consent_declined",
        "too_many_attempts",
        "no_verdict_yet",
        "document_inconsistent",
        "document_expired",
        "specimen_document",
        "birth_date_mismatch",
        "under_age",
        "name_mismatch",
        "review",
        "review_declined",
        "document_differs",
        "previous_unknown",
        "provider_error",
        "deadline_passed",
    }
)


def ending_of(step: Step) -> Ending:
    """The heading and the sentences of the last page."""
    title, ended = text(f"idproof.ending.{step.status}"), step.conclusion
    if ended is None:
        return Ending(title=title)
    failed_until = ended.until if ended.status is StepStatus.FAILED else None
    texts = (
        reason_text(ended.reason),
        promise_text(ended),
        try_again_text(failed_until) if failed_until else None,
    )
    return Ending(title=title, texts=tuple(said for said in texts if said))


def reason_text(reason: str | None) -> Text | None:
    """The sentence for a step's reason, where there is something to tell."""
    return text(f"idproof.reason.{reason}") if reason in _REASONS else None


def promise_text(ended: Conclusion) -> Text | None:
    """Until when the tenant has promised a decision, where it has."""
    promised = ended.details.get(DECISION_BY)
    return (
        text("idproof.decision_by", until=datetime.fromisoformat(promised))
        if isinstance(promised, str)
        else None
    )


def problem_text(problem: MrzProblem) -> Text:
    """What is wrong with the typed lines, and in which of them."""
    sentence = text(
        f"idproof.problems.{problem.code}",
        field=text(f"idproof.fields.{problem.field or 'unknown'}"),
        expected=problem.expected or 0,
        found=problem.found or 0,
    )
    return text("idproof.line", line=problem.line, problem=sentence) if problem.line else sentence
