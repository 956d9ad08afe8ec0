"""Replicas, users and tenants on one virtual clock: the real coalescer, limiter and turns, in one thread.

Everything random comes from the seed, so that a seed is a whole run. What the real processes keep in
PostgreSQL is kept in dictionaries here; each event is one transaction. Requests may be lost, refused,
answered late or never, and may be written long after we gave them up; replicas die with what they had begun.
The model beside it knows only what was asked for: the highest rev of every key wins. Of every second user
the identity provider sets the root attributes, so that they end in user_metadata.
"""

import heapq
import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from common.messages import Kind
from metadata_sync.coalesce import Patch, Wish, digest
from metadata_sync.due import Timing
from metadata_sync.ends import End, budget_after, state_after
from metadata_sync.errors import EndNotSeenError, NotSentError, RateLimitedError, RootSyncedError
from metadata_sync.kinds import key_of, kind_and_name
from metadata_sync.limiter import Budget, Denied, charge, charge_of, ended, fresh_budget, limit_of, wanted
from metadata_sync.management import Accepted
from metadata_sync.rate_headers import RateHeaders
from metadata_sync.state import Answer, Request, Requester, UserState
from metadata_sync.turns import Turns
from tests.metadata_sync.simulated_bucket import SimulatedBucket

LEASE_SECONDS = 5.0
GIVEN_UP_AFTER_SECONDS = 5.0
LATEST_WRITE_SECONDS = 30.0
TIMING = Timing(quiet=timedelta(seconds=2), max_wait=timedelta(seconds=30))
PLANS = ((50, 50.0), (50, 16.0), (20, 200 / 60), (10, 2.0), (2, 2.0))
_KEYS = ("a", "a", "b", "b", "root.given_name", "user_metadata.birthdate")

User = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How often, from 0 to 1, a call has which end; and how many times a replica dies."""

    unseen: float = 0.0
    failed: float = 0.0
    deaths: int = 0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request under way; `lease` is the row's number since it began, `replica` who waits for its end."""

    user: User
    replica: int
    lease: int
    number: int
    is_followed: bool
    patch: Patch


@dataclass(kw_only=True)
class Row:
    state: UserState = field(default_factory=UserState)
    lease: int = 0
    wake_at: float | None = None


@dataclass(kw_only=True)
class Tenant:
    """One tenant with a plan of its own: what its users hold, and how often it refused us and the Actions."""

    bucket: SimulatedBucket
    holds: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    refused: int = 0
    refused_actions: int = 0
    calls: Counter[Kind] = field(default_factory=Counter)


class World:
    """One run from its seed: `run`, then look."""

    def __init__(self, seed: int, *, faults: Faults, replicas: int = 1, tenants: int = 1) -> None:
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - a run that can be repeated
        self.faults = faults
        self.now = 1_795_348_800.0 + self.random.random()
        self.tenants: dict[str, Tenant] = {}
        for number in range(tenants):
            burst, per_second = self.random.choice(PLANS)
            bucket = SimulatedBucket(burst=burst, per_second=per_second, smooth=self.random.random() < 0.5)
            self.tenants[f"tenant-{number}"] = Tenant(bucket=bucket)
        self.limits = {
            name: limit_of((tenant.bucket.burst, tenant.bucket.per_second), reserve=0.2)
            for name, tenant in self.tenants.items()
        }
        self.budgets: dict[str, Budget] = {}
        self.rows: dict[User, Row] = defaultdict(Row)
        self.replicas = replicas
        self.lives = [0] * replicas
        self.turns = [Turns() for _ in range(replicas)]
        self.revs: dict[User, int] = defaultdict(int)
        self.wanted: dict[User, dict[str, Any]] = defaultdict(dict)
        self.asked: dict[str, tuple[User, float, bool]] = {}
        self.told: dict[str, float] = {}
        self.complaints: list[str] = []
        self._alarms = [math.inf] * replicas
        self._under_way: dict[User, int] = defaultdict(int)
        self._events: list[tuple[float, int, str, Any]] = []
        self._numbers = count()

    def run(self, *, updates: int, users: int, seconds: float) -> "World":
        """So many updates of so many users within so many seconds, and then until nothing is left to do."""
        for _ in range(updates):
            self._in(self.random.uniform(0, seconds), "ask", self._some_user(users))
        for _ in range(self.faults.deaths):
            self._in(self.random.uniform(0, seconds), "die", self.random.randrange(self.replicas))
        while self._events:
            self.now, _, event, detail = heapq.heappop(self._events)
            getattr(self, f"_{event}")(detail)
            if self.complaints:
                return self
        return self

    def _some_user(self, users: int) -> User:
        return self.random.choice(list(self.tenants)), f"user-{self.random.randrange(users)}"

    def _in(self, seconds: float, event: str, detail: Any = None) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event, detail))

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    # ---- what comes in ---------------------------------------------------------------------------

    def _ask(self, user: User) -> None:
        self.revs[user] += 1
        rev, key = self.revs[user], self.random.choice(_KEYS)
        value = None if self.random.random() < 0.1 else {"n": self.random.randrange(3)}
        self.wanted[user][_place_of(key, user)] = value
        transaction_id = f"{user[0]}/{user[1]}/{rev}"
        waiting = self.random.random() < 0.2
        request = Request(
            transaction_id=transaction_id,
            requester=Requester(traceparent="", waiting=waiting, keys={key: rev}),
            desired={key: _wish(key, rev=rev, value=value)},
        )
        # The broker may deliver late, out of order, and twice.
        for _ in range(1 + (self.random.random() < 0.1)):
            self._in(self.random.choice((0, 0, 0.01, 3)), "deliver", (user, request))

    def _deliver(self, detail: tuple[User, Request]) -> None:
        user, request = detail
        waiting = request.requester.waiting
        if request.transaction_id in self.asked:
            return
        self.asked[request.transaction_id] = (user, self.now, waiting)
        row = self.rows[user]
        self._save(user, row, row.state.accept(request, now=self._moment()))

    def _die(self, replica: int) -> None:
        self.lives[replica] += 1

    # ---- what a replica does ---------------------------------------------------------------------

    def _save(self, user: User, row: Row, state: UserState) -> None:
        row.state, answers = state.take_answers()
        self._tell(user, answers)
        if not row.state.attempt:
            due = row.state.due_at(TIMING)
            row.wake_at = due.timestamp() if due else None
        if row.wake_at is not None:
            self._expect_look(self.random.randrange(self.replicas), max(0.0, row.wake_at - self.now))

    def _expect_look(self, replica: int, seconds: float) -> None:
        """Each replica has one alarm, which moves nearer only."""
        if self.now + seconds < self._alarms[replica]:
            self._alarms[replica] = self.now + seconds
            self._in(seconds, "look", replica)

    def _tell(self, user: User, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            if answer.transaction_id in self.told:
                self.complaints.append(f"{answer.transaction_id} was told twice")
            self.told[answer.transaction_id] = self.now
            for key, rev in answer.keys.items():
                if answer.reason is None and self.rows[user].state.confirmed[key].rev < rev:
                    self.complaints.append(f"{answer.transaction_id} was told before a 200")

    def _look(self, replica: int) -> None:
        """Serve whoever is due, as the scheduler does: people first, tenants in turn, longest due first."""
        if self.now < self._alarms[replica]:
            return
        self._alarms[replica] = math.inf
        due = [
            (not row.state.is_waited_for, self.turns[replica].last(user[0]), row.wake_at, user)
            for user, row in self.rows.items()
            if row.wake_at is not None and row.wake_at <= self.now
        ]
        denied: dict[tuple[str, bool], float] = {}
        for background, _, _, user in sorted(due):
            if (user[0], background) not in denied:
                self.turns[replica].take(user[0])
                seconds = self._take(user, replica)
                if seconds:
                    denied[user[0], background] = seconds
        later = [at - self.now for row in self.rows.values() if (at := row.wake_at) and at > self.now]
        for seconds in (*later, *denied.values()):
            self._expect_look(replica, seconds)

    def _take(self, user: User, replica: int) -> float:
        """Begin an attempt, if there is something to write and the budget allows; else for how long not."""
        row, tenant = self.rows[user], user[0]
        limit = self.limits[tenant]
        budget = self.budgets.get(tenant) or fresh_budget(limit, now=self.now)
        if row.state.attempt:
            row.state, row.lease, budget = row.state.lose(now=self._moment()), row.lease + 1, ended(budget)
            self.budgets[tenant] = budget
            self._save(user, row, row.state)
            return 0
        state, patch = row.state.begin(now=self._moment())
        if patch is None:
            self._save(user, row, state)
            return 0
        waiting = row.state.is_waited_for
        charged = charge(
            budget, charge_of(waiting=waiting, is_followed=state.ends_a_wait), limit=limit, now=self.now
        )
        if isinstance(charged, Denied):
            self.budgets[tenant] = wanted(budget, charged, now=self.now) if waiting else budget
            return max(charged.seconds, 0.001)
        self.budgets[tenant] = charged
        row.state, row.lease, row.wake_at = state, row.lease + 1, self.now + LEASE_SECONDS
        if not patch.body():
            self.complaints.append("an empty patch")
        call = Call(
            user=user,
            replica=replica,
            lease=row.lease,
            number=charged.charged,
            is_followed=waiting and state.ends_a_wait,
            patch=patch,
        )
        self._send(call, life=self.lives[replica])
        return 0

    def _send(self, call: Call, *, life: int) -> None:
        chance = self.random.random()
        self._in(GIVEN_UP_AFTER_SECONDS, "give_up", (call, life))
        if chance < self.faults.unseen:
            # Its end is never seen; it may be written, now or long after.
            when = self.random.choice((None, 0.02, self.random.uniform(0, LATEST_WRITE_SECONDS)))
            if when is not None:
                self._in(when, "arrive", (call, None))
        elif chance < self.faults.unseen + self.faults.failed:
            end = self.random.choice((NotSentError("unreachable"), EndNotSeenError("status_502", sent=1)))
            self._in(0.02, "end", (call, life, end))
        else:
            self._in(0.015, "arrive", (call, life))

    # ---- what the tenant does --------------------------------------------------------------------

    def _arrive(self, detail: tuple[Call, int | None]) -> None:
        call, life = detail
        tenant = self.tenants[call.user[0]]
        tenant.calls[call.patch.kind] += 1
        if life is not None:
            self._under_way[call.user] += 1
            if self._under_way[call.user] > 1 and not self.faults.deaths:
                self.complaints.append(f"two writes of {call.user} at once")
        taken, headers = tenant.bucket.take(self.now)
        synced = call.patch.kind is Kind.ROOT and _is_federated(call.user)
        if not taken:
            tenant.refused += 1
        elif not synced:
            _merge(tenant.holds[call.user[1]], call.patch)
        if life is not None:
            end = _end(taken=taken, synced=synced, headers=headers)
            self._in(self.random.uniform(0.005, 0.03), "end", (call, life, end))
            if taken and call.is_followed and not synced:
                self._in(self.random.uniform(0.1, 0.5), "act", call.user[0])

    def _act(self, name: str) -> None:
        """The Action's own write, which follows ours."""
        taken, _ = self.tenants[name].bucket.take(self.now)
        self.tenants[name].refused_actions += not taken

    # ---- how a call ends -------------------------------------------------------------------------

    def _give_up(self, detail: tuple[Call, int]) -> None:
        call, life = detail
        self._end((call, life, EndNotSeenError("no_answer", sent=1)))

    def _end(self, detail: tuple[Call, int, End]) -> None:
        call, life, end = detail
        row = self.rows[call.user]
        if not isinstance(end, EndNotSeenError):
            self._under_way[call.user] -= 1
        if self.lives[call.replica] != life or row.lease != call.lease or row.state.attempt is None:
            return
        tenant = call.user[0]
        state = state_after(end, row.state, now=self._moment(), jitter=self.random.random())
        self.budgets[tenant] = budget_after(
            end, self.budgets[tenant], number=call.number, limit=self.limits[tenant], now=self.now
        )
        self._save(call.user, row, state)

    # ---- the model -------------------------------------------------------------------------------

    def expected(self) -> dict[User, dict[str, Any]]:
        return {
            user: {key: value for key, value in wishes.items() if value is not None}
            for user, wishes in self.wanted.items()
        }

    def held(self) -> dict[User, dict[str, Any]]:
        return {(tenant, name): self.tenants[tenant].holds[name] for tenant, name in self.wanted}

    def readable(self) -> list[User]:
        """Of whom a personal value is still kept."""
        return [
            user for user, row in self.rows.items() for wish in row.state.desired.values() if wish.encrypted
        ]


def _is_federated(user: User) -> bool:
    return user[1].endswith(("1", "3"))


def _place_of(key: str, user: User) -> str:
    """Where the value of a key ends."""
    kind, name = kind_and_name(key)
    return key_of(Kind.USER_METADATA, name) if kind is Kind.ROOT and _is_federated(user) else key


def _wish(key: str, *, rev: int, value: Any) -> Wish:
    if kind_and_name(key)[0] is Kind.APP_METADATA:
        return Wish(rev=rev, value=value)
    return Wish(rev=rev, digest=digest(value), size=1, encrypted=json.dumps(value))


def _merge(holds: dict[str, Any], patch: Patch) -> None:
    for name, wish in patch.body().items():
        value = json.loads(wish.encrypted or "") if isinstance(wish, Wish) else wish
        if value is None:
            holds.pop(key_of(patch.kind, name), None)
        else:
            holds[key_of(patch.kind, name)] = value


def _end(*, taken: bool, synced: bool, headers: RateHeaders) -> End:
    if not taken:
        return RateLimitedError("rate_limited", sent=1, headers=headers)
    if synced:
        return RootSyncedError("attributes_synced", sent=1, headers=headers)
    return Accepted(sent=1, headers=headers)
