"""One step of a login, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gateway.errors import TransitionError


class StepStatus(StrEnum):
    """How far a step is; from `passed` on it is concluded."""

    DUE = "due"
    ASKED = "asked"
    SUBMITTED = "submitted"
    PASSED = "passed"
    FAILED = "failed"
    DECLINED = "declined"
    PENDING = "pending"
    ABANDONED = "abandoned"


_UNCONCLUDED = frozenset({StepStatus.DUE, StepStatus.ASKED, StepStatus.SUBMITTED})
_WRITTEN = frozenset({StepStatus.PASSED, StepStatus.FAILED, StepStatus.PENDING})


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """How a step ended: `at` and `until` are aware times, `until` None where the result has no term.

    `details` is what only this step has to say: at most ten names, nothing personal. `takes_back` is the
    `jti` of the earlier login whose result this one replaces at once, whether or not this login is resumed.
    """

    status: StepStatus
    at: datetime
    until: datetime | None = None
    level: str | None = None
    reason: str | None = None
    reference: str | None = None
    details: Mapping[str, str | int | bool] = field(default_factory=dict)
    takes_back: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of one login; `revision` is the one that the tenant requires.

    Before it is concluded, `conclusion` is what a verdict has said so far: refused, or in review.
    `requested`: the application asked for it in this login, whatever is known of the person already.
    """

    name: str
    revision: int
    requested: bool = False
    status: StepStatus = StepStatus.DUE
    verification_id: str | None = None
    verification_revision: int = 0
    conclusion: Conclusion | None = None
    rev: int | None = None

    @property
    def is_concluded(self) -> bool:
        return self.status not in _UNCONCLUDED

    @property
    def is_written(self) -> bool:
        """Whether its result belongs in the user's metadata."""
        takes_back = self.conclusion is not None and self.conclusion.takes_back is not None
        return self.status in _WRITTEN or takes_back

    def end(self, conclusion: Conclusion) -> "Step":
        if conclusion.status in _UNCONCLUDED:
            raise TransitionError("that is no conclusion")
        return replace(self, status=conclusion.status, conclusion=conclusion)
