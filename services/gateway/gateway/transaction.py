"""One login on its way through us: states, transitions, and nothing that touches the world.

```mermaid
stateDiagram-v2
    [*] --> opened: a session token arrives
    opened --> working: claim, the start page's click
    working --> working: ask, the person is at this step now
    working --> waiting: submit, a verification runs
    working --> working: conclude, another step is due
    working --> working: end_early, a step did not pass, or the person stops
    waiting --> working: end_early, the person stops before the verdict
    working --> waiting: conclude the last step, metadata is to be written
    waiting --> working: decide, another step is due
    waiting --> working: try_again, the verdict may be about a slip of the keyboard
    waiting --> waiting: hold, a person reviews
    waiting --> waiting: decide the last step, metadata is to be written
    waiting --> ready: metadata applied, carried or failed
    working --> ready: conclude the last step, nothing is to be written
    ready --> handed_back: hand_back
    working --> restarted: restart, the tenant wants a new login
    handed_back --> handed_back: hand_back again, by the same browser
    opened --> expired: deadline
    working --> expired: deadline
    waiting --> expired: deadline
    ready --> expired: deadline
    handed_back --> expired: deadline
    restarted --> expired: deadline
    opened --> cancelled: cancel, the person has been erased or an operator ends it
    working --> cancelled: cancel
    waiting --> cancelled: cancel
    ready --> cancelled: cancel
    handed_back --> cancelled: cancel
    restarted --> cancelled: cancel
    opened --> displaced: give_way, newer logins of this user or tenant are too many
    working --> displaced: give_way
    waiting --> displaced: give_way
    ready --> displaced: give_way
```

Every transition returns a new value or raises `TransitionError`; the store saves it by compare-and-set on
`version`. A login that the person stops is handed back like any other: the tenant waits for an answer. After
`restarted` it waits for none: a new login takes the place of this one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway.errors import TransitionError
from gateway.transaction_step import Conclusion, Step, StepStatus

# A refused /continue costs a login, not the proof: go back to the tenant while its hour still runs.
LAST_CALL = timedelta(minutes=2)

# Why steps were abandoned.
STOPPED = "stopped_by_person"
EARLIER_STEP = "earlier_step_did_not_pass"


class Status(StrEnum):
    """Where the login is; see the diagram above."""

    OPENED = "opened"
    WORKING = "working"
    WAITING = "waiting"
    READY = "ready"
    HANDED_BACK = "handed_back"
    RESTARTED = "restarted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DISPLACED = "displaced"


class WaitingFor(StrEnum):
    """What a waiting login waits for."""

    VERIFICATION = "verification"
    METADATA = "metadata"


class MetadataOutcome(StrEnum):
    """What the answer token says about our write to the user's metadata."""

    APPLIED = "applied"
    CARRIED = "carried"
    FAILED = "failed"


_LOST = frozenset({StepStatus.FAILED, StepStatus.DECLINED, StepStatus.ABANDONED})
OPEN = frozenset(
    {
        Status.OPENED,
        Status.WORKING,
        Status.WAITING,
        Status.READY,
        Status.HANDED_BACK,
        Status.RESTARTED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One login; `version` counts its saved changes.

    `claimed_by` is the SHA-256 of the secret in this login's cookie, `device` that of the long-lived one of
    the same browser, `language` the tag of the pages that it was shown.
    """

    id: str
    tenant: str
    subject: str
    jti: str
    deadline: datetime
    steps: tuple[Step, ...]
    status: Status = Status.OPENED
    waiting_for: WaitingFor | None = None
    waiting_until: datetime | None = None
    metadata: MetadataOutcome | None = None
    claimed_by: bytes | None = field(default=None, repr=False)
    device: bytes | None = field(default=None, repr=False)
    language: str | None = None
    version: int = 1

    @property
    def current_step(self) -> Step | None:
        """The step that the person is at, in the order that the session token named."""
        return next((step for step in self.steps if not step.is_concluded), None)

    @property
    def is_passed(self) -> bool:
        return all(step.status is StepStatus.PASSED for step in self.steps)

    @property
    def held_step(self) -> Step | None:
        """The step that somebody is to decide on, as it ends if they do not."""
        step = self.current_step
        if self.waiting_for is not WaitingFor.VERIFICATION or step is None or step.conclusion is None:
            return None
        return step.end(step.conclusion)

    @property
    def last_ended(self) -> Step | None:
        """The step that has ended last."""
        return next((step for step in reversed(self.steps) if step.is_concluded), None)

    @property
    def written_steps(self) -> tuple[Step, ...]:
        """Steps whose result belongs in the user's metadata."""
        return tuple(step for step in self.steps if step.is_written)

    @property
    def is_lost(self) -> bool:
        """Whether a step has ended so that the tenant will not let the person in."""
        return any(step.status in _LOST for step in self.steps)

    @property
    def can_stop(self) -> bool:
        """Whether there is a step left that the person may leave."""
        return self.status in (Status.WORKING, Status.WAITING) and self.current_step is not None

    def has_reached(self, name: str) -> bool:
        """Whether the person is at that step, or past it."""
        step = next((step for step in self.steps if step.name == name), None)
        return step is not None and (step.status is not StepStatus.DUE or step == self.current_step)

    @property
    def wake_at(self) -> datetime | None:
        """When time alone changes this login, if nobody else does before."""
        if self.status not in OPEN:
            return None
        if self.status is Status.WAITING:
            return min(self.waiting_until or self.deadline, self.deadline - LAST_CALL)
        return self.deadline

    def step(self, name: str) -> Step:
        found = next((step for step in self.steps if step.name == name), None)
        if found is None:
            raise TransitionError("no such step")
        return found

    def step_of_verification(self, verification_id: str) -> Step:
        found = next((step for step in self.steps if step.verification_id == verification_id), None)
        if found is None:
            raise TransitionError("no step waits for this verification")
        return found

    def claim(
        self, browser: bytes, *, device: bytes | None = None, language: str | None = None
    ) -> "Transaction":
        """Bind the login to one browser."""
        self._must_be(Status.OPENED)
        return self._change(status=Status.WORKING, claimed_by=browser, device=device, language=language)

    def require_at(self, name: str) -> Step:
        """The step of that name, if the person is at it.

        Raises:
            TransitionError: they are not.
        """
        self._must_be(Status.WORKING)
        return self._current(name)

    def ask(self, name: str) -> "Transaction":
        """The person is asked for this step now."""
        step = self.require_at(name)
        return self._change(steps=self._with(replace(step, status=StepStatus.ASKED)))

    def submit(self, name: str, *, verification_id: str) -> "Transaction":
        """The person has given what the step needs; a verification decides."""
        step = self.require_at(name)
        submitted = replace(
            step,
            status=StepStatus.SUBMITTED,
            verification_id=verification_id,
            verification_revision=0,
            conclusion=None,
        )
        return self._change(
            steps=self._with(submitted), status=Status.WAITING, waiting_for=WaitingFor.VERIFICATION
        )

    def conclude(self, name: str, conclusion: Conclusion) -> "Transaction":
        """End the step that the person is at; then the next one, or on to `settle`."""
        self._must_be(Status.WORKING)
        return self._end(name, conclusion)

    def decide(self, name: str, conclusion: Conclusion) -> "Transaction":
        """End the step whose verification the login waits for; then as after `conclude`."""
        self._must_wait_for_verification()
        return self._end(name, conclusion)

    def try_again(self, name: str, refused: Conclusion) -> "Transaction":
        """The person may give once more what the step needs; `refused` says why it was not enough."""
        self._must_wait_for_verification()
        asked = replace(self._current(name), status=StepStatus.ASKED, conclusion=refused)
        return self._change(
            steps=self._with(asked), status=Status.WORKING, waiting_for=None, waiting_until=None
        )

    def hold(self, name: str, so_far: Conclusion, *, until: datetime) -> "Transaction":
        """Wait on for the verification, until `until` at most; then the step ends as it is so far."""
        self._must_wait_for_verification()
        held = replace(self._current(name), conclusion=so_far)
        return self._change(steps=self._with(held), waiting_until=until)

    def _end(self, name: str, conclusion: Conclusion) -> "Transaction":
        ended = self._current(name).end(conclusion)
        return self._change(
            steps=self._with(ended), status=Status.WORKING, waiting_for=None, waiting_until=None
        )

    def end_early(self, *, at: datetime, reason: str) -> "Transaction":
        """No more steps: what is left is abandoned, and a verdict that is still to come finds its own way."""
        self._must_be(Status.WORKING, Status.WAITING)
        if not self.can_stop:
            raise TransitionError("no step is left")
        abandoned = Conclusion(status=StepStatus.ABANDONED, at=at, reason=reason)
        pending = Conclusion(status=StepStatus.PENDING, at=at, reason=reason)
        steps = tuple(
            step
            if step.is_concluded
            else step.end(pending if step.status is StepStatus.SUBMITTED else abandoned)
            for step in self.steps
        )
        return self._change(steps=steps, status=Status.WORKING, waiting_for=None, waiting_until=None)

    def note_verification(self, name: str, *, revision: int) -> "Transaction":
        """A verdict of this revision has been taken into account."""
        noted = replace(self.step(name), verification_revision=revision)
        return self._change(steps=self._with(noted))

    def settle(self, *, rev: int, until: datetime) -> "Transaction":
        """All steps are concluded: write the results as `rev`, and wait for that until `until` at most."""
        self._must_be(Status.WORKING)
        if self.current_step is not None:
            raise TransitionError("steps are left")
        steps = tuple(replace(step, rev=rev) for step in self.steps)
        if not self.written_steps:
            return self._change(steps=steps, status=Status.READY, metadata=MetadataOutcome.APPLIED)
        return self._change(
            steps=steps, status=Status.WAITING, waiting_for=WaitingFor.METADATA, waiting_until=until
        )

    def finish_metadata(self, outcome: MetadataOutcome) -> "Transaction":
        """Our write was applied, or the login goes on without it."""
        self._must_be(Status.WAITING)
        if self.waiting_for is not WaitingFor.METADATA:
            raise TransitionError("does not wait for metadata")
        return self._change(status=Status.READY, waiting_for=None, waiting_until=None, metadata=outcome)

    def hand_back(self) -> "Transaction":
        """The answer is signed and served; whether the tenant takes it, we never learn."""
        self._must_be(Status.READY, Status.HANDED_BACK)
        return self._change(status=Status.HANDED_BACK)

    def restart(self, name: str, conclusion: Conclusion, *, rev: int) -> "Transaction":
        """This step has ended the login at the tenant as well; its result is written as `rev`."""
        ended = replace(self.require_at(name).end(conclusion), rev=rev)
        return self._change(steps=self._with(ended), status=Status.RESTARTED)

    def expire(self) -> "Transaction":
        self._must_be(*OPEN)
        return self._change(status=Status.EXPIRED, waiting_for=None, waiting_until=None)

    def give_way(self) -> "Transaction":
        """Newer logins take its place; one that has its answer is in nobody's way."""
        self._must_be(Status.OPENED, Status.WORKING, Status.WAITING, Status.READY)
        return self._change(status=Status.DISPLACED, waiting_for=None, waiting_until=None)

    def cancel(self) -> "Transaction":
        """Nobody is to come back from here: the person has been erased, or an operator ends it."""
        self._must_be(*OPEN)
        return self._change(status=Status.CANCELLED, waiting_for=None, waiting_until=None)

    def is_applied_by(self, revs: Mapping[str, int], *, others: Collection[int] = ()) -> bool:
        """Whether all of this login is confirmed, given the confirmed rev per step name.

        `others` are the confirmed revs of what was sent together with the results.
        """
        return all((step.rev or 0) <= min({revs.get(step.name, 0), *others}) for step in self.written_steps)

    def _current(self, name: str) -> Step:
        step = self.current_step
        if step is None or step.name != name:
            raise TransitionError("not the step that the login is at")
        return step

    def _with(self, changed: Step) -> tuple[Step, ...]:
        return tuple(changed if step.name == changed.name else step for step in self.steps)

    def _must_wait_for_verification(self) -> None:
        self._must_be(Status.WAITING)
        if self.waiting_for is not WaitingFor.VERIFICATION:
            raise TransitionError("does not wait for a verification")

    def _must_be(self, *allowed: Status) -> None:
        if self.status not in allowed:
            raise TransitionError(f"not possible while {self.status}")

    def _change(self, **changes: Any) -> "Transaction":
        return replace(self, version=self.version + 1, **changes)
