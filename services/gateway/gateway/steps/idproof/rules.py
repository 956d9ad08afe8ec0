"""Identity proofing: what the person types is checked for slips here and judged by the proofing service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pydantic_core import to_json

from common import tracing
from common.messages import (
    DocumentPolicy,
    Outcome,
    VerificationChanged,
    VerifyIdentity,
    new_event_id,
)
from common.mrz import parse_mrz
from common.sealing import Sealer
from common.tenant_idproof import IdproofStep
from common.tenants import TenantSnapshot
from gateway.attempts import AttemptLimit
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.results import iso
from gateway.transaction_step import Conclusion, StepStatus

NAME = "idproof"

# What typing something else can change; which age is enough, and what a reviewer found, it cannot.
_SLIPS = frozenset({"document_inconsistent", "document_expired", "birth_date_mismatch", "name_mismatch"})

_SECOND_PASS = frozenset({"document_differs", "previous_unknown"})
_NUMBER = re.compile("[A-Z0-9]{1,20}")

# `details` of a step in review: until when the tenant has promised a decision.
DECISION_BY = "decision_by"

_STATUS_OF = {
    Outcome.APPROVED: StepStatus.PASSED,
    Outcome.DECLINED: StepStatus.FAILED,
    Outcome.REVIEW: StepStatus.PENDING,
    Outcome.CANCELED: StepStatus.ABANDONED,
    Outcome.EXPIRED: StepStatus.ABANDONED,
    Outcome.ERROR: StepStatus.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class PersonalInput:
    """What proofing compares: the typed zone's lines, and values of which the person told some themselves."""

    mrz: tuple[str, ...] = field(repr=False)
    profile: Mapping[str, str] = field(repr=False)
    told: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What of the document of an earlier verification is typed again."""

    number: str = field(repr=False)
    expiry: date = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SecondPass:
    """What proofing compares with what it has kept."""

    confirmed: Confirmed
    profile: Mapping[str, str] = field(repr=False)
    told: tuple[str, ...] = ()


def check_confirmed(number: str, expiry: str) -> Confirmed | None:
    """A document's number and its expiry, YYYY-MM-DD, as typed; None if they cannot be those."""
    plain = number.replace(" ", "").replace("-", "").upper()
    if not _NUMBER.fullmatch(plain):
        return None
    try:
        return Confirmed(number=plain, expiry=date.fromisoformat(expiry.strip()))
    except ValueError:
        return None


def second_pass_of(earned: Conclusion | None, settings: TenantSnapshot, *, now: datetime) -> str | None:
    """The earlier verification whose document need only be confirmed.

    It was a whole pass, and the end of its result is near: not more than the tenant's window away,
    before or after. So whole lines are typed at least every second time.
    """
    window = rules_of(settings).reverify_within
    if window is None or earned is None or earned.until is None or earned.level != "document_validated":
        return None
    return earned.reference if abs(earned.until - now) <= window else None


def check_typed(text: str, *, today: date) -> tuple[str, ...]:
    """The lines of a typed machine-readable zone.

    Raises:
        MrzError: a slip of the keyboard, with what is wrong in which line; not a verdict.
    """
    return parse_mrz(text, today=today).lines


def command(
    login: Login,
    personal: PersonalInput | SecondPass,
    *,
    verification_id: str,
    sealer: Sealer,
    now: datetime,
    rev: int,
    previous: str | None = None,
) -> VerifyIdentity:
    """Ask proofing for a verdict; `rev` is the person's last."""
    rules = rules_of(login.settings)
    event_id = new_event_id()
    bound_to = (login.transaction.tenant, login.id, event_id)
    return VerifyIdentity(
        event_id=event_id,
        tenant=login.transaction.tenant,
        transaction_id=login.id,
        occurred_at=now,
        traceparent=tracing.onward(login.traceparent),
        verification_id=verification_id,
        user_id=login.transaction.subject,
        step=NAME,
        provider=rules.provider,
        policy=DocumentPolicy(
            allow_document_validated=rules.allow_document_validated, minimum_age=rules.minimum_age
        ),
        deadline=login.transaction.deadline,
        sealed=sealer.seal(to_json(personal), bound_to=bound_to),
        previous=previous,
        rev=rev,
    )


def conclusion_of(event: VerificationChanged, settings: TenantSnapshot) -> Conclusion:
    """What a verdict means for the step, and for how long."""
    status = _STATUS_OF[event.outcome]
    return Conclusion(
        status=status,
        at=event.occurred_at,
        until=_until(status, event.occurred_at, settings),
        level=event.level,
        reason=event.reason if status is not StepStatus.PASSED else None,
        reference=event.reference,
        details=_promise(event, settings),
    )


def may_be_a_slip(event: VerificationChanged, settings: TenantSnapshot) -> bool:
    """Whether the tenant lets the person try again after this verdict.

    Only the provider's own: a reviewer has seen what was typed. After a second pass that did not fit, the
    whole document may always be typed.
    """
    if event.outcome is not Outcome.DECLINED or event.revision != 1:
        return False
    return event.reason in _SECOND_PASS or (rules_of(settings).retry_declined and event.reason in _SLIPS)


def limit_of(settings: TenantSnapshot) -> AttemptLimit:
    """How often a document may be typed: slips and verdicts together."""
    configured = rules_of(settings)
    return AttemptLimit(step=NAME, attempts=configured.attempts, window=configured.retry_after)


def decision_by(event: VerificationChanged, settings: TenantSnapshot) -> datetime | None:
    """Until when a review is promised to be over."""
    within = rules_of(settings).review_within
    return event.occurred_at + within if event.outcome is Outcome.REVIEW and within else None


def _promise(event: VerificationChanged, settings: TenantSnapshot) -> Mapping[str, str]:
    promised = decision_by(event, settings)
    return {DECISION_BY: iso(promised)} if promised else {}


def out_of_attempts(now: datetime, settings: TenantSnapshot) -> Conclusion:
    """Too many slips within one window."""
    until = _until(StepStatus.FAILED, now, settings)
    return Conclusion(status=StepStatus.FAILED, at=now, until=until, reason="too_many_attempts")


def still_pending(now: datetime) -> Conclusion:
    """The verdict did not come while the tenant waited; a later one follows by itself."""
    return Conclusion(status=StepStatus.PENDING, at=now, reason="no_verdict_yet")


def _until(status: StepStatus, at: datetime, settings: TenantSnapshot) -> datetime | None:
    rules = rules_of(settings)
    terms: Mapping[StepStatus, timedelta] = {
        StepStatus.PASSED: rules.valid_for,
        StepStatus.FAILED: rules.retry_after,
    }
    return at + terms[status] if status in terms else None


def rules_of(settings: TenantSnapshot) -> IdproofStep:
    rules = settings.steps.idproof
    if rules is None:
        raise TransitionError("the tenant has no such step")
    return rules
