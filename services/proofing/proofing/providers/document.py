"""The embedded provider: the machine-readable zone of a document, typed by the person, offline.

| what the checks found         | outcome  | level              |
|-------------------------------|----------|--------------------|
| one failed                    | declined | none               |
| one is unclear                | review   | self_asserted      |
| all passed, policy forbids    | review   | self_asserted      |
| all passed, policy allows     | approved | document_validated |

In a second pass the last level is `document_reconfirmed`, and `self_asserted` where the person told something
of the profile themselves.

Anyone can compute a zone that holds together. This proves that what a person typed is consistent with itself,
with the day and with the profile; it does not prove who typed it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from common.clock import Clock
from common.messages import DocumentPolicy, Outcome
from common.mrz import Mrz, MrzError, parse_mrz
from proofing.providers import checks
from proofing.providers.base import (
    Check,
    CheckName,
    CheckResult,
    Level,
    ProviderResult,
    Reason,
    Submission,
)
from proofing.providers.claims import verified_claims

_INCONSISTENT = Check(
    name=CheckName.CONSISTENT, result=CheckResult.FAILED, reason=Reason.DOCUMENT_INCONSISTENT
)
_CONSISTENT = Check(name=CheckName.CONSISTENT, result=CheckResult.PASSED)


class DocumentProvider:
    """Validates typed documents; `refuse_specimens` is for production."""

    def __init__(self, *, clock: Clock, refuse_specimens: bool) -> None:
        self._clock = clock
        self._refuse_specimens = refuse_specimens

    async def start(
        self, submission: Submission, *, policy: DocumentPolicy, reference: str
    ) -> ProviderResult:
        now = self._clock.now()
        try:
            mrz = parse_mrz("\n".join(submission.mrz), today=now.date())
        except MrzError:
            return _result((_INCONSISTENT,), policy=policy)
        found = (_CONSISTENT, *self._checks(mrz, submission, policy=policy, today=now.date()))
        result = _result(found, policy=policy, best=_best(submission))
        if result.outcome is Outcome.DECLINED:
            return result
        claims = verified_claims(mrz, level=result.level, at=now, reference=reference)
        return replace(result, verified_claims=claims)

    def _checks(
        self, mrz: Mrz, submission: Submission, *, policy: DocumentPolicy, today: date
    ) -> Iterator[Check]:
        """The gravest first: the first that fails gives the reason that is told."""
        if submission.confirmed is not None:
            yield checks.same_document(mrz, confirmed=submission.confirmed)
        if self._refuse_specimens:
            yield checks.not_a_specimen(mrz)
        yield checks.birth_date(mrz, profile=submission.profile)
        yield checks.names(mrz, profile=submission.profile)
        yield checks.not_expired(mrz, today=today)
        if policy.minimum_age is not None:
            yield checks.age(mrz, today=today, at_least=policy.minimum_age)


def _best(submission: Submission) -> Level:
    if submission.told:
        return Level.SELF_ASSERTED
    return Level.DOCUMENT_RECONFIRMED if submission.confirmed else Level.DOCUMENT_VALIDATED


def _result(
    found: tuple[Check, ...], *, policy: DocumentPolicy, best: Level = Level.DOCUMENT_VALIDATED
) -> ProviderResult:
    if failed := _reasons(found, CheckResult.FAILED):
        outcome, level, reasons = Outcome.DECLINED, Level.NONE, failed
    elif unclear := _reasons(found, CheckResult.UNCLEAR):
        outcome, level, reasons = Outcome.REVIEW, Level.SELF_ASSERTED, unclear
    elif policy.allow_document_validated:
        outcome, level, reasons = Outcome.APPROVED, best, ()
    else:
        outcome, level, reasons = Outcome.REVIEW, Level.SELF_ASSERTED, (Reason.APPROVAL_NOT_ALLOWED,)
    return ProviderResult(outcome=outcome, level=level, reasons=reasons, checks=found)


def _reasons(found: tuple[Check, ...], result: CheckResult) -> tuple[Reason, ...]:
    """Without repetitions, in the order of the checks."""
    return tuple(dict.fromkeys(check.reason for check in found if check.result is result and check.reason))
