"""The right to write one user: taken, renewed, given back; each in one transaction of the database.

A lease is a number on the user's row and a time until which nobody else looks there. The number rises with
each attempt, so that whoever lost the lease, asleep or cut off, can record nothing but that something of it
may still be under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import structlog
from msgspec.structs import replace

from common import tracing
from common.batches import Batches
from common.clock import Clock
from common.db import Connection, Database
from common.log import bound, written_together
from common.relay import Relay
from common.tenants import Tenant
from common.vault import VaultError
from metadata_sync import store
from metadata_sync.answers import announce, leave, tell
from metadata_sync.budgets import after_call, forget_call, limit_of_tenant, lock_budget, note_denied
from metadata_sync.coalesce import Patch
from metadata_sync.due import Timing, some_jitter
from metadata_sync.ends import End, state_after
from metadata_sync.erase import report
from metadata_sync.errors import LeaseLostError
from metadata_sync.held import hold_due, hold_users, save_held
from metadata_sync.limiter import Budget, Charge, Denied, charge, charge_of, is_shared
from metadata_sync.personal import Personal
from metadata_sync.state import Answer
from metadata_sync.store import User, UserKey

LEASE = timedelta(seconds=5)
# People whose deadline has passed: so many leave their class at a look.
LATE_AT_ONCE = 100
# Attempts of the background begin several at once, and end so.
LINGER_SECONDS = 0.02

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One attempt that may begin; `expires` is by the monotonic clock of this process.

    `charged_as` is the number by which the budget knows its call; `log_context` names one of the logins that
    it is for, where there is one. `queued_for`: seconds since the first change that it carries, None where it
    only settles. `is_shared`: others take from the limit, too. `traceparents`: of all that it is for.
    """

    tenant: Tenant
    user_id: str
    waiting: bool
    number: int
    charged_as: int
    patch: Patch = field(repr=False)
    keys: tuple[str, ...]
    expires: float
    queued_for: float | None
    is_shared: bool
    log_context: dict[str, str]
    traceparents: tuple[str, ...] = ()

    @property
    def user_key(self) -> UserKey:
        return self.tenant.key, self.user_id


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Leases that were taken; `wait`: seconds until the budget has as much again.

    None: there is nobody left whom nobody else looks at.
    """

    leases: tuple[Lease, ...]
    wait: float | None


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A lease whose user and budget have to be saved; `next_in`: until the budget has as much again."""

    lease: Lease
    user: User
    budget: Budget
    next_in: float


_Ended: TypeAlias = tuple[Lease, End]


class Leases:
    """Takes leases and gives them back, and keeps the budget right in the same transactions."""

    def __init__(self, *, database: Database, personal: Personal, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._personal = personal
        self._relay = relay
        self._clock = clock
        self._ended: dict[tuple[str, bool, float], Batches[_Ended, float | None]] = {}

    async def take_due(self, tenant: Tenant, *, waiting: bool, at_most: int) -> Taken:
        """Leases on the tenant's users of this class that are due longest, as far as the budget goes."""
        domain = tenant.management.domain
        async with self._database.transaction() as connection:
            for _ in range(LATE_AT_ONCE):
                held = await hold_due(
                    connection, tenant=tenant.key, waiting=waiting, domain=domain, at_most=at_most
                )
                users = [replace(user, state=user.state.expire(now=user.now)) for user in held.users]
                late = [user for user in users if user.state.is_waited_for is not waiting]
                await store.save_users(connection, [scheduled(user, tenant=tenant) for user in late])
                current = [user for user in users if user.state.is_waited_for is waiting]
                if current or not late:
                    return await self._take_all(connection, current, tenant=tenant, budget=held.budget)
        return Taken(leases=(), wait=None)

    async def _take_all(
        self, connection: Connection, users: Sequence[User], *, tenant: Tenant, budget: Budget | None
    ) -> Taken:
        begun: list[_Begun] = []
        wait: float | None = None
        for user in users:
            if begun and (user.state.attempt or begun[-1].lease.is_shared):
                # To take an attempt over is to write the budget, of which we hold more than is written; and
                # beside others each answer tells something new.
                break
            one = await self._begin(connection, user, tenant=tenant, budget=budget)
            if isinstance(one, Denied):
                wait = one.seconds
                break
            if one is not None:
                begun.append(one)
                wait, budget = one.next_in, one.budget
        if begun:
            saved, domain = [one.user for one in begun], tenant.management.domain
            await save_held(connection, saved, begun[-1].budget, domain=domain)
        return Taken(leases=tuple(one.lease for one in begun), wait=wait)

    async def take(self, connection: Connection, user: User, *, tenant: Tenant) -> Lease | Denied | None:
        """A lease on a locked row, charged, in the caller's transaction.

        None if there is nothing to write after all. Where the budget denies it, the row stays as it was,
        except that an attempt which nobody ended is lost.
        """
        begun = await self._begin(connection, user, tenant=tenant, budget=None)
        if not isinstance(begun, _Begun):
            return begun
        await save_held(connection, [begun.user], begun.budget, domain=tenant.management.domain)
        return begun.lease

    async def _begin(
        self, connection: Connection, user: User, *, tenant: Tenant, budget: Budget | None
    ) -> _Begun | Denied | None:
        """Like `take`, but user and budget are not saved yet; `budget` where it is locked."""
        expires = self._clock.monotonic() + LEASE.total_seconds()
        if user.state.attempt:
            user, budget = await _take_over(connection, user, tenant=tenant), None
        state, patch = user.state.begin(now=user.now)
        begun = replace(user, state=state, lease=user.lease + 1, wake_at=user.now + LEASE)
        if patch is None:
            begun = await report(connection, begun, at=self._clock.now())
            await store.save_user(connection, scheduled(begun, tenant=tenant))
            return None
        try:
            patch = await self._personal.revealed(connection, patch, tenant=user.tenant, user_id=user.user_id)
        except VaultError:
            await self._park_unreadable(connection, begun, tenant=tenant)
            return None
        now = user.now.timestamp()
        cost = charge_of(waiting=user.state.is_waited_for, is_followed=state.ends_a_wait)
        budget = await lock_budget(connection, tenant=tenant, now=now, held=budget)
        charged = charge(budget, cost, limit=limit_of_tenant(tenant), now=now)
        if isinstance(charged, Denied):
            await note_denied(connection, budget, charged, cost=cost, tenant=tenant, now=now)
            return charged
        lease = Lease(
            tenant=tenant,
            user_id=user.user_id,
            waiting=user.state.is_waited_for,
            number=begun.lease,
            charged_as=charged.charged,
            patch=patch,
            keys=tuple(state.attempt.keys) if state.attempt else (),
            expires=expires,
            queued_for=_queued_for(user),
            is_shared=is_shared(charged, limit=limit_of_tenant(tenant)),
            log_context=_log_context(user),
            traceparents=tuple(asking.traceparent for asking in user.state.requesters.values()),
        )
        next_in = _next_in(charged, cost, tenant=tenant, now=now)
        return _Begun(lease=lease, user=begun, budget=charged, next_in=next_in)

    async def _park_unreadable(self, connection: Connection, user: User, *, tenant: Tenant) -> None:
        """A key file is missing: an operator brings it back and redrives."""
        with bound(**_log_context(user)):
            log.warning("write.failed", reason="value_unreadable")
        state, answers = user.state.park("value_unreadable", now=user.now).take_answers()
        user = scheduled(replace(user, state=state), tenant=tenant)
        await store.save_user(connection, user)
        await leave(connection, [(user, answer) for answer in answers], at=self._clock.now())

    async def renew(self, lease: Lease) -> bool:
        """Keep the lease for its full time from now; False if it is lost."""
        async with self._database.connection() as connection:
            return await store.renew_lease(
                connection,
                tenant=lease.tenant.key,
                user_id=lease.user_id,
                lease=lease.number,
                duration=LEASE,
            )

    async def give_back(self, lease: Lease, end: End) -> float | None:
        """Record how the attempt ended and tell who asked; seconds until the user is due again, if so.

        Attempts of a domain that end at about the same time are recorded together; those that people wait
        for, apart from the others. Beside others, who take from the limit too, no answer is kept waiting.

        Raises:
            LeaseLostError: somebody else has the user; the end may not be recorded.
        """
        linger = 0.0 if lease.waiting or lease.is_shared else LINGER_SECONDS
        kind = lease.tenant.management.domain, lease.waiting, linger
        if kind not in self._ended:
            self._ended[kind] = Batches(self._give_back_all, linger=linger)
        return await self._ended[kind].add((lease, end))

    async def _give_back_all(self, ended: Sequence[_Ended]) -> Sequence[float | Exception | None]:
        domain = ended[0][0].tenant.management.domain
        keys = [lease.user_key for lease, _ in ended]
        async with self._database.transaction() as connection:
            held = await hold_users(connection, keys, domain=domain)
            users = {user.key: user for user in held.users}
            budget, answers = held.budget, list[tuple[User, Answer]]()
            written: list[User | None] = []
            for lease, end in ended:
                user = users.get(lease.user_key)
                if user is None or user.lease != lease.number:
                    written.append(None)
                    continue
                now = user.now.timestamp()
                state = state_after(end, user.state, now=user.now, jitter=some_jitter())
                state, told = state.take_answers()
                before = await lock_budget(connection, tenant=lease.tenant, now=now, held=budget)
                budget = after_call(before, end, tenant=lease.tenant, number=lease.charged_as, now=now)
                users[user.key] = user = scheduled(replace(user, state=state), tenant=lease.tenant)
                written.append(user)
                answers += [(user, answer) for answer in told]
            if budget:
                saved = [user for user in written if user]
                await save_held(connection, saved, budget, domain=domain)
            messages = await tell(connection, answers, at=self._clock.now())
        if messages:
            self._relay.carry(messages)
        with written_together():
            for user, answer in answers:
                announce([answer], tenant=user.tenant)
        return [user.due_in if user else LeaseLostError("somebody else writes this user") for user in written]

    async def abandon(self, lease: Lease) -> None:
        """The lease is lost: whatever of its attempt was seen to end, mark what it may have written."""
        async with self._database.transaction() as connection:
            user = await store.find_user(connection, tenant=lease.tenant.key, user_id=lease.user_id)
            if user is None:
                return
            state = user.state.unsettle(lease.keys, now=user.now)
            await store.save_user(connection, scheduled(replace(user, state=state), tenant=lease.tenant))


def scheduled(user: User, *, tenant: Tenant) -> User:
    """When to look at this user again: when its lease ends while an attempt runs, else when it is due."""
    if user.state.attempt:
        return user
    timing = Timing(quiet=tenant.metadata.quiet, max_wait=tenant.metadata.max_wait)
    return replace(user, wake_at=user.state.due_at(timing))


def _next_in(budget: Budget, cost: Charge, *, tenant: Tenant, now: float) -> float:
    charged = charge(budget, cost, limit=limit_of_tenant(tenant), now=now)
    return charged.seconds if isinstance(charged, Denied) else 0.0


def _queued_for(user: User) -> float | None:
    return (user.now - user.state.changes.first).total_seconds() if user.state.changes else None


def _log_context(user: User) -> dict[str, str]:
    for transaction_id, requester in user.state.requesters.items():
        ids = tracing.log_context(requester.traceparent)
        return {"tenant": user.tenant, "transaction_id": transaction_id, **ids}
    return {"tenant": user.tenant}


async def _take_over(connection: Connection, user: User, *, tenant: Tenant) -> User:
    """End an attempt whose worker did not; from here on it may record nothing."""
    user = replace(user, state=user.state.lose(now=user.now), lease=user.lease + 1)
    user = scheduled(user, tenant=tenant)
    await store.save_user(connection, user)
    await forget_call(connection, tenant=tenant, now=user.now.timestamp())
    with bound(**_log_context(user)):
        log.warning("write.taken_over")
    return user
