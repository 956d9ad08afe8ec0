"""One verification: states, transitions, and nothing that touches the world.

```mermaid
stateDiagram-v2
    [*] --> requested: VerifyIdentity
    requested --> approved: conclude
    requested --> declined: conclude
    requested --> review: conclude, a person has to decide
    requested --> expired: expire, its deadline had passed
    requested --> error: fail, the command is unusable
    review --> approved: decide
    review --> declined: decide
```

Every transition returns a new value or raises `TransitionError`. `revision` counts what was told: of two
messages about one verification the higher counts. `canceled` is reserved for CancelVerification.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from common.messages import Outcome, VerificationChanged, VerifyIdentity, new_event_id
from proofing.errors import Failure, TransitionError
from proofing.providers.base import Check, Level, ProviderResult, Reason


class Status(StrEnum):
    """Where the verification is; all but the first are told as outcomes of the same name."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    REVIEW = "review"
    CANCELED = "canceled"
    EXPIRED = "expired"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A verification with everything about it that is not personal.

    Attributes:
        reasons: codes of providers or failures, the gravest first; for operators and reviewers.
        rev: the last that the person was given before it was asked for.
        concluded_at: when it reached its present status; None while it is requested.
    """

    tenant: str
    verification_id: str
    transaction_id: str
    user_id: str
    step: str
    provider: str
    requested_at: datetime
    deadline: datetime
    rev: int = 0
    status: Status = Status.REQUESTED
    revision: int = 0
    level: Level = Level.NONE
    reasons: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    concluded_at: datetime | None = None

    @classmethod
    def request(cls, command: VerifyIdentity) -> Self:
        return cls(
            tenant=command.tenant,
            verification_id=command.verification_id,
            transaction_id=command.transaction_id,
            user_id=command.user_id,
            step=command.step,
            provider=command.provider,
            requested_at=command.occurred_at,
            deadline=command.deadline,
            rev=command.rev,
        )

    def conclude(self, result: ProviderResult, *, at: datetime) -> Self:
        """The provider has answered."""
        return self._leave_requested(
            Status(result.outcome.value),
            at=at,
            level=result.level,
            reasons=tuple(reason.value for reason in result.reasons),
            checks=result.checks,
        )

    def expire(self, *, at: datetime) -> Self:
        """Nobody waits for the outcome any more, so nobody is asked."""
        return self._leave_requested(Status.EXPIRED, at=at)

    def fail(self, failure: Failure, *, at: datetime) -> Self:
        """No provider could be asked."""
        return self._leave_requested(Status.ERROR, at=at, reasons=(failure.value,))

    def decide(self, *, reason: Reason | None, at: datetime) -> Self:
        """A person has looked at what was unclear: without a reason it is approved.

        Raises:
            TransitionError: it does not wait for a person.
        """
        if self.status is not Status.REVIEW:
            raise TransitionError(f"it is {self.status}, not in review")
        return replace(
            self,
            status=Status.DECLINED if reason else Status.APPROVED,
            revision=self.revision + 1,
            level=Level.NONE if reason else Level.DOCUMENT_VALIDATED,
            reasons=(reason.value,) if reason else (),
            concluded_at=at,
        )

    def changed(self, *, traceparent: str) -> VerificationChanged:
        """The event that tells the present status.

        Raises:
            TransitionError: there is nothing to tell yet.
        """
        if self.concluded_at is None:
            raise TransitionError("a requested verification has no outcome")
        return VerificationChanged(
            event_id=new_event_id(),
            tenant=self.tenant,
            transaction_id=self.transaction_id,
            occurred_at=self.concluded_at,
            traceparent=traceparent,
            verification_id=self.verification_id,
            revision=self.revision,
            outcome=Outcome(self.status.value),
            level=self.level.value,
            reason=self._told_reason(),
            reference=self.verification_id,
        )

    def _told_reason(self) -> str | None:
        return _TOLD_REASONS.get(self.status) or next(iter(self.reasons), None)

    def _leave_requested(
        self,
        status: Status,
        *,
        at: datetime,
        level: Level = Level.NONE,
        reasons: tuple[str, ...] = (),
        checks: tuple[Check, ...] = (),
    ) -> Self:
        if self.status is not Status.REQUESTED:
            raise TransitionError(f"{self.status} is not left for {status}")
        return replace(
            self,
            status=status,
            revision=self.revision + 1,
            level=level,
            reasons=reasons,
            checks=checks,
            concluded_at=at,
        )


# What goes on to applications; a refusal names its own reason.
_TOLD_REASONS: Final = {
    Status.REVIEW: "review",
    Status.EXPIRED: "deadline_passed",
    Status.ERROR: "provider_error",
}
