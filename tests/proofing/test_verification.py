"""The state machine of a verification."""

from collections.abc import Callable

import pytest

from common.messages import Outcome
from proofing.errors import Failure, TransitionError
from proofing.providers.base import Check, CheckName, CheckResult, Level, ProviderResult, Reason
from proofing.verification import Status, Verification
from tests.proofing.commands import NOW, command

REFUSED = ProviderResult(
    outcome=Outcome.DECLINED,
    level=Level.NONE,
    reasons=(Reason.NAME_MISMATCH, Reason.DOCUMENT_EXPIRED),
    checks=(Check(name=CheckName.NAMES, result=CheckResult.FAILED, reason=Reason.NAME_MISMATCH, score=12),),
)


def requested() -> Verification:
    return Verification.request(command())


def test_a_request_has_told_nothing() -> None:
    """A fresh verification is at revision nought, and there is no event to tell."""
    verification = requested()
    assert (verification.status, verification.revision, verification.level) == (
        Status.REQUESTED,
        0,
        Level.NONE,
    )
    with pytest.raises(TransitionError):
        verification.changed(traceparent="00-0-0-01")


def test_a_provider_concludes_it() -> None:
    """The provider's answer becomes the status, and the gravest reason is the one that is told."""
    concluded = requested().conclude(REFUSED, at=NOW)
    assert (concluded.status, concluded.revision, concluded.reasons, concluded.concluded_at) == (
        Status.DECLINED,
        1,
        ("name_mismatch", "document_expired"),
        NOW,
    )
    assert concluded.changed(traceparent="00-0-0-01").reason == "name_mismatch"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_status_of_its_name(outcome: Outcome) -> None:
    """What a provider can answer can be stored and told unchanged."""
    result = ProviderResult(outcome=outcome, level=Level.NONE, reasons=(), checks=())
    assert requested().conclude(result, at=NOW).changed(traceparent="00-0-0-01").outcome is outcome


LEAVING: list[Callable[[Verification], Verification]] = [
    lambda verification: verification.conclude(REFUSED, at=NOW),
    lambda verification: verification.expire(at=NOW),
    lambda verification: verification.fail(Failure.INPUT_MALFORMED, at=NOW),
]


@pytest.mark.parametrize("first", LEAVING)
@pytest.mark.parametrize("second", LEAVING)
def test_a_concluded_verification_stays(
    first: Callable[[Verification], Verification], second: Callable[[Verification], Verification]
) -> None:
    """Whatever ended it, nothing ends it again."""
    with pytest.raises(TransitionError):
        second(first(requested()))
