"""What a program would do that knows everything, the future included, within the same rules.

It sends a call whenever the allowed rate has one and somebody is due. It loses no moment, meets no refill
that it did not know, and of those who are due it takes first whoever has no more updates to come, then
whoever has the longest time until the next one. A person's write costs two, because the Action writes too.
"""

import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.bench.metadata_sync.workload import Update, Workload

_QUANTUM = 0.002
_NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Calls a second and at once, and when an update is due, in seconds."""

    rate: float
    burst: float
    quiet: float
    max_wait: float


@dataclass(kw_only=True)
class Ideal:
    """How many calls it took, until when, and how long people waited for theirs to begin."""

    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    curve: list[tuple[float, int]] = field(default_factory=list)


def ideal_of(workload: Workload, rules: Rules) -> Ideal:
    """Play the workload on a clock that ticks every two milliseconds."""
    return _Play(workload, rules).run()


_Target: TypeAlias = tuple[int, str]


class _Play:
    """A target is what one call can write: a kind of one user."""

    def __init__(self, workload: Workload, rules: Rules) -> None:
        self._rules = rules
        self._coming = list(workload.updates)
        self._moments: dict[_Target, list[float]] = defaultdict(list)
        for update in workload.updates:
            self._moments[_target(update)].append(update.at)
        self._changes: dict[_Target, tuple[float, float]] = {}
        self._people: dict[_Target, list[float]] = {}
        self._tokens = rules.burst
        self._now = 0.0
        self._result = Ideal()

    def run(self) -> Ideal:
        arrived = 0
        while arrived < len(self._coming) or self._changes:
            while arrived < len(self._coming) and self._coming[arrived].at <= self._now:
                self._arrive(self._coming[arrived])
                arrived += 1
            self._serve_people()
            self._serve_due()
            self._result.curve.append((self._now, len({user for user, _ in self._changes})))
            self._now += _QUANTUM
            self._tokens = min(self._rules.burst, self._tokens + _QUANTUM * self._rules.rate)
        self._result.seconds = self._now
        return self._result

    def _arrive(self, update: Update) -> None:
        target = _target(update)
        first, _ = self._changes.get(target, (update.at, update.at))
        self._changes[target] = (first, update.at)
        if update.waiting:
            self._people.setdefault(target, []).append(update.at)

    def _serve_people(self) -> None:
        while self._people and self._tokens >= 1:
            longest = min(self._people, key=lambda one: self._people[one][0])
            self._result.waits += [self._now - since for since in self._people.pop(longest)]
            self._call(longest, cost=2)

    def _serve_due(self) -> None:
        if self._tokens < 1:
            return
        due = [target for target, changes in self._changes.items() if self._is_due(changes)]
        for target in sorted(due, key=self._next_update, reverse=True)[: int(self._tokens)]:
            self._call(target, cost=1)

    def _is_due(self, changes: tuple[float, float]) -> bool:
        first, last = changes
        return min(last + self._rules.quiet, first + self._rules.max_wait) <= self._now

    def _next_update(self, target: _Target) -> float:
        moments = self._moments[target]
        place = bisect.bisect_right(moments, self._now)
        return moments[place] if place < len(moments) else _NEVER

    def _call(self, target: _Target, *, cost: int) -> None:
        del self._changes[target]
        self._tokens -= cost
        self._result.calls[target[1]] += 1


def _target(update: Update) -> _Target:
    return update.user, update.kind
