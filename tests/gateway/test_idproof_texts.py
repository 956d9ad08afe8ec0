"""The words in which a person hears of their document."""

from datetime import UTC, datetime

import pytest

from common.messages import Outcome
from common.mrz import MrzField, MrzProblem, MrzProblemCode
from gateway.pages.languages import load_languages
from gateway.steps.idproof.texts import problem_text, reason_text
from proofing.providers.base import Reason
from proofing.verification import _TOLD_REASONS

ENGLISH = load_languages().pick(["en"])
_NEVER_A_REFUSAL = {
    Reason.NAME_UNCLEAR,
    Reason.BIRTH_DATE_INCOMPLETE,
    Reason.PROFILE_INCOMPLETE,
    Reason.APPROVAL_NOT_ALLOWED,
}


@pytest.mark.parametrize("reason", sorted({*Reason, *_TOLD_REASONS.values()} - _NEVER_A_REFUSAL))
def test_every_reason_that_proofing_tells_has_a_sentence(reason: str) -> None:
    """Whatever proofing gives as its reason, the person reads why."""
    told = reason_text(reason)
    assert told is not None
    assert told.key in ENGLISH.messages


def test_nothing_to_tell() -> None:
    """A pass needs no reason, and a reason that a newer release invents breaks no page."""
    assert reason_text(None) is None
    assert reason_text("invented_later") is None


@pytest.mark.parametrize("code", list(MrzProblemCode))
@pytest.mark.parametrize("field", [None, *MrzField])
def test_every_problem_is_a_sentence(code: MrzProblemCode, field: MrzField | None) -> None:
    """Whatever is wrong with typed lines is said in a sentence that names the line."""
    problem = MrzProblem(code=code, line=2, field=field, expected=44, found=43)
    text = ENGLISH.plain(problem_text(problem), now=datetime.now(UTC))
    assert text.startswith("Line 2: ")
    assert text.endswith(".")
    assert "{" not in text


def test_outcomes_are_all_mapped() -> None:
    """A review tells that somebody has to look."""
    told = reason_text(Outcome.REVIEW)
    assert told is not None
    said = ENGLISH.plain(told, now=datetime.now(UTC))
    assert said == "Somebody has to look at the document before it counts."
