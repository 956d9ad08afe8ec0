"""What became of a workload in one system: judged by what the tenant saw, for all systems alike."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.bench.metadata_sync.tenant import Call, Tenant, now
from tests.bench.metadata_sync.workload import Update, Workload


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`calls` by kind of write; `share` of the allowed rate while there was work, None for too short a time.

    `right` and `wrong` count users by their final state. `waits`: seconds from a person's update until the
    tenant held it. `curve`: how many users lagged behind, over time.
    """

    name: str
    calls: Mapping[str, int]
    refused: int
    share: float | None
    seconds: float
    right: int
    wrong: int
    waits: tuple[float, ...]
    curve: tuple[tuple[float, int], ...]

    @property
    def all_calls(self) -> int:
        return sum(self.calls.values())

    def waited(self, part: float) -> float | None:
        """The wait that this part of the people did not exceed, in seconds."""
        return quantile(self.waits, part)


def quantile(values: tuple[float, ...], part: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None


@dataclass(kw_only=True)
class Progress:
    """Follows a run call by call; `confirms`: people's Actions write their own key, as in a login."""

    workload: Workload
    tenant: Tenant
    start: float
    waits: list[float] = field(default_factory=list)
    last_call: float = 0.0

    def __post_init__(self) -> None:
        self._held: dict[tuple[int, str], int] = {}
        self._model = self.workload.revs()
        self._behind = set(self._model)
        self._people: dict[int, list[Update]] = defaultdict(list)
        for update in self.workload.updates:
            if update.waiting:
                self._people[update.user].append(update)

    def hear(self, call: Call) -> None:
        """Take note of a call as it is seen."""
        if not call.is_the_systems:
            return
        self.last_call = call.at
        if call.status != HTTPStatus.OK:
            return
        for key, rev in call.revs.items():
            self._held[call.user, key] = rev
        self._answer_people(call)
        wanted = self._model.get(call.user, {})
        if all(self._held.get((call.user, key)) == rev for key, rev in wanted.items()):
            self._behind.discard(call.user)
        else:
            self._behind.add(call.user)

    def _answer_people(self, call: Call) -> None:
        waiting = self._people.get(call.user, [])
        for update in [one for one in waiting if call.revs.get(one.key, 0) >= one.rev]:
            waiting.remove(update)
            self.waits.append(call.at - self.start - update.at)
            self.tenant.confirm_soon(call.user, rev=update.rev)

    @property
    def is_done(self) -> bool:
        """Every user's last update has been written, and everything has arrived."""
        return not self._behind and now() > self.start + self.workload.seconds

    def is_quiet(self, seconds: float) -> bool:
        """Everything has arrived, and for so long no call came."""
        since = max(self.last_call, self.start + self.workload.seconds)
        return now() > since + seconds


async def judge(name: str, progress: Progress, *, rate: float, quiet: float) -> Outcome:
    """The outcome of a run that is over; `rate` is what was allowed a second."""
    workload, start = progress.workload, progress.start
    own = [call for call in progress.tenant.calls if call.is_the_systems]
    held = await progress.tenant.revs(workload.users)
    model = workload.revs()
    right = sum(held.get(user) == revs for user, revs in model.items())
    return Outcome(
        name=name,
        calls=Counter(call.kind for call in own),
        refused=sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in own),
        share=_share(progress, rate=rate, quiet=quiet),
        seconds=max((call.at for call in own), default=start) - start,
        right=right,
        wrong=len(model) - right,
        waits=tuple(progress.waits),
        curve=_curve(workload, own, start=start),
    )


def _share(progress: Progress, *, rate: float, quiet: float) -> float | None:
    """Of the allowed rate, while there was work: from when the first was due to the last call.

    The Actions' own writes count: they take from the same limit, and room is left for them. What a full
    bucket allowed beyond the rate went before.
    """
    begin, end = progress.start + quiet + 1, progress.last_call
    if end - begin < quiet:
        return None
    made = [call for call in progress.tenant.calls if call.status == HTTPStatus.OK and begin < call.at <= end]
    return len(made) / (rate * (end - begin))


def _curve(workload: Workload, calls: list[Call], *, start: float) -> tuple[tuple[float, int], ...]:
    """How many users' last arrived update was not written yet, whenever that changed."""
    events: list[tuple[float, Update | Call]] = [(update.at, update) for update in workload.updates]
    events += [(call.at - start, call) for call in calls if call.status == HTTPStatus.OK]
    wanted: dict[tuple[int, str], int] = {}
    held: dict[tuple[int, str], int] = {}
    behind: set[tuple[int, str]] = set()
    curve = [(0.0, 0)]
    for at, event in sorted(events, key=lambda one: one[0]):
        if isinstance(event, Update):
            keys = [(event.user, event.key)]
            wanted[keys[0]] = event.rev
        else:
            keys = [(event.user, key) for key in event.revs]
            held |= {(event.user, key): rev for key, rev in event.revs.items()}
        for key in keys:
            (behind.discard if held.get(key) == wanted.get(key) else behind.add)(key)
        curve.append((at, len({user for user, _ in behind})))
    return tuple(curve)
