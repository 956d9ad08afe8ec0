"""Takes updates in: one transaction from the messages to the leases of the writes that people wait for.

What arrives while a transaction is under way goes together in the next (common/batches.py). An update that is
refused, or was taken in before, changes nothing for the others of its batch.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import structlog
from msgspec import Struct
from msgspec.structs import replace

from common import inbox, tracing
from common.batches import Batches
from common.clock import Clock
from common.consumer import PoisonMessageError, UnknownTenantError
from common.db import Connection, Database
from common.log import bound, written_together
from common.messages import Message, UpdateMetadata
from common.metrics import TENANTS
from common.outbox import OutgoingMessage
from common.personal_values import PersonalValues
from common.relay import Relay
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from common.vault import DataKey
from metadata_sync import metrics, store
from metadata_sync.alarm import Alarm
from metadata_sync.answers import announce, tell
from metadata_sync.coalesce import Desired, Wish, refuse_unfit
from metadata_sync.errors import UnfitUpdateError
from metadata_sync.leases import Lease, Leases, scheduled
from metadata_sync.metrics import Effect, effect_of, label
from metadata_sync.personal import Personal, encrypted
from metadata_sync.state import Answer, Request, Requester
from metadata_sync.store import User, UserKey
from metadata_sync.worker import Worker

log = structlog.stdlib.get_logger()


class _Update(Struct, frozen=True, kw_only=True):
    """One message, fit by itself, with its personal values opened."""

    message: UpdateMetadata
    values: PersonalValues
    tenant: Tenant
    key: UserKey

    @property
    def rev(self) -> int:
        """The highest that it asks for."""
        revs = [wish.rev for wish in self.message.keys.values()]
        revs += [wish.rev for named in self.values.values() for wish in named.values()]
        return max(revs, default=0)


class _Taken(Struct, frozen=True, kw_only=True):
    """What became of an update: which revs it asked for, what that meant, who can be answered at once."""

    revs: dict[str, int]
    effect: Effect
    answers: tuple[Answer, ...]


# None for a message whose effect is there already.
_Result: TypeAlias = _Taken | None


class Intake:
    """The handler of the queue."""

    def __init__(
        self,
        *,
        database: Database,
        tenants: TenantsWatcher,
        personal: Personal,
        leases: Leases,
        worker: Worker,
        alarm: Alarm,
        relay: Relay,
        clock: Clock,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._personal = personal
        self._leases = leases
        self._worker = worker
        self._alarm = alarm
        self._relay = relay
        self._clock = clock
        self._batches: Batches[_Update, _Result] = Batches(self._take)

    async def handle(self, message: Message) -> None:
        """Take one update in, once in effect.

        Raises:
            PoisonMessageError: not an update, or one that may never be written.
            UnknownTenantError: the tenants file does not know its tenant.
        """
        update = self._fit(message)
        try:
            taken = await self._batches.add(update)
        except UnfitUpdateError as exc:
            raise PoisonMessageError(exc.reason) from exc
        _announce([(update, taken)])

    async def handle_all(self, messages: Sequence[Message]) -> list[bool]:
        """Take many in, all in one transaction; False for each that `handle` would refuse."""
        fit = [self._fit_or_none(message) for message in messages]
        updates = [update for update in fit if update]
        results = iter(await self._take(updates) if updates else ())
        taken = [(update, next(results)) if update else None for update in fit]
        _announce(one for one in taken if one)
        return [one is not None and not isinstance(one[1], Exception) for one in taken]

    def _fit(self, message: Message) -> _Update:
        if not isinstance(message, UpdateMetadata):
            raise PoisonMessageError("not_for_this_service")
        tenant = self._tenants.current.get(message.tenant)
        if tenant is None:
            raise UnknownTenantError(message.tenant)
        try:
            refuse_unfit(message.user_id, message.keys)
            values = self._personal.open(message)
        except UnfitUpdateError as exc:
            raise PoisonMessageError(exc.reason) from exc
        key = message.tenant, message.user_id
        return _Update(message=message, values=values, tenant=tenant, key=key)

    def _fit_or_none(self, message: Message) -> _Update | None:
        try:
            return self._fit(message)
        except (PoisonMessageError, UnknownTenantError):
            return None

    async def _take(self, updates: Sequence[_Update]) -> Sequence[_Result | Exception]:
        """Take these in, and begin what somebody waits for."""
        tenants = {update.tenant.key: update.tenant for update in updates}
        async with self._database.transaction() as connection:
            batch = _Batch(connection, personal=self._personal)
            results = await batch.accept(updates)
            told = await tell(connection, batch.answers, at=self._clock.now())
            leases, left = await self._begin(connection, batch.users, tenants=tenants)
            await store.save_users(connection, left)
        self._go_on(leases, left, told=told)
        return results

    async def _begin(
        self, connection: Connection, users: Sequence[User], *, tenants: dict[str, Tenant]
    ) -> tuple[list[Lease], list[User]]:
        """Leases on those whom somebody waits for, as far as there is room and budget; and all the others.

        Budgets are locked in the order of their domains, like everywhere.
        """
        leases: list[Lease] = []
        left: list[User] = []
        taken: Counter[str] = Counter()
        for user in sorted(users, key=lambda user: tenants[user.tenant].management.domain):
            if not self._may_begin(user, more=taken[user.tenant]):
                left.append(user)
                continue
            lease = await self._leases.take(connection, user, tenant=tenants[user.tenant])
            if isinstance(lease, Lease):
                leases.append(lease)
                taken[user.tenant] += 1
            elif lease is not None:
                left.append(user)
        return leases, left

    def _may_begin(self, user: User, *, more: int) -> bool:
        """Whether somebody waits for what can be written now, here."""
        is_due = user.due_in is not None and user.due_in <= 0
        return (
            user.state.is_waited_for
            and user.state.attempt is None
            and is_due
            and self._worker.has_room(user.tenant, waiting=True, more=more)
        )

    def _go_on(self, leases: Sequence[Lease], left: Sequence[User], *, told: list[OutgoingMessage]) -> None:
        for lease in leases:
            self._worker.start(lease)
        for user in left:
            self._alarm.expect(user.due_in)
        if told:
            self._relay.carry(told)


def is_urgent(message: Message) -> bool:
    """Whether somebody waits in a browser."""
    return isinstance(message, UpdateMetadata) and message.waiting


def _announce(results: Iterable[tuple[_Update, _Result | Exception]]) -> None:
    """Log and count those that were taken in."""
    effects: Counter[tuple[str, bool, Effect]] = Counter()
    with written_together():
        for update, taken in results:
            if isinstance(taken, _Taken):
                _announce_accepted(update.message, taken)
                effects[update.message.tenant, update.message.waiting, taken.effect] += 1
    for (tenant, waiting, effect), count in effects.items():
        metrics.UPDATES.labels(TENANTS.of(tenant), label(waiting=waiting), effect).inc(count)


def _announce_accepted(message: UpdateMetadata, taken: _Taken) -> None:
    log.info(
        "update.accepted",
        tenant=message.tenant,
        transaction_id=message.transaction_id,
        **tracing.log_context(message.traceparent),
        waiting=message.waiting,
        keys=taken.revs,
    )
    announce(taken.answers, tenant=message.tenant)


def _announce_dropped(update: _Update) -> None:
    message = update.message
    ids = tracing.log_context(message.traceparent)
    with bound(tenant=message.tenant, transaction_id=message.transaction_id, **ids):
        log.info("update.dropped")


class _Batch:
    """Updates that one transaction takes in; its users are locked, and saved by whoever made it."""

    def __init__(self, connection: Connection, *, personal: Personal) -> None:
        self._connection = connection
        self._personal = personal
        self._users: dict[UserKey, User] = {}
        self.answers: list[tuple[User, Answer]] = []

    @property
    def users(self) -> list[User]:
        return list(self._users.values())

    async def accept(self, updates: Sequence[_Update]) -> list[_Result | Exception]:
        """Merge each that has had no effect yet into its user's state, in the order of arrival."""
        new = await inbox.record_all(self._connection, [update.message for update in updates])
        fresh = [update for update in updates if update.message.event_id in new]
        self._users = await store.lock_users(self._connection, [update.key for update in fresh])
        people = {update.key for update in fresh if update.values and not self._is_dropped(update)}
        keys = await self._personal.keys_of(self._connection, people)
        results = [self._accept_once(update, new=new, keys=keys) for update in updates]
        for key, tenant in {update.key: update.tenant for update in fresh}.items():
            self._users[key] = scheduled(self._users[key], tenant=tenant)
        await self._take_back_refused(updates, results)
        return results

    def _is_dropped(self, update: _Update) -> bool:
        """Whether it was asked for before its person was erased."""
        state = self._users[update.key].state
        return state.erased is not None and state.is_erased_at(update.rev)

    def _accept_once(
        self, update: _Update, *, new: set[str], keys: Mapping[UserKey, DataKey]
    ) -> _Result | Exception:
        """None of what is not `new`; of a message that is there twice only the first, which leaves `new`."""
        if update.message.event_id not in new:
            return None
        new.remove(update.message.event_id)
        if self._is_dropped(update):
            _announce_dropped(update)
            return None
        return self._accept(update, keys=keys)

    def _accept(self, update: _Update, *, keys: Mapping[UserKey, DataKey]) -> _Taken | UnfitUpdateError:
        user = self._users[update.key]
        desired = {key: Wish(rev=asked.rev, value=asked.value) for key, asked in update.message.keys.items()}
        if update.values:
            key = keys[update.key]
            desired |= encrypted(update.values, key=key, tenant=user.tenant, user_id=user.user_id)
        request = _request(update.message, desired)
        try:
            state, answers = user.state.accept(request, now=user.now).take_answers()
        except UnfitUpdateError as exc:
            return exc
        effect = effect_of(user.state, state)
        self._users[update.key] = user = replace(user, state=state)
        self.answers += [(user, answer) for answer in answers]
        return _Taken(revs=request.requester.keys, effect=effect, answers=answers)

    async def _take_back_refused(
        self, updates: Sequence[_Update], results: Sequence[_Result | Exception]
    ) -> None:
        """What is refused becomes a dead letter, also when it is delivered again because we died first."""
        pairs = zip(updates, results, strict=True)
        refused = [update.message for update, result in pairs if isinstance(result, Exception)]
        if refused:
            await inbox.take_back(self._connection, refused)


def _request(message: UpdateMetadata, desired: Desired) -> Request:
    return Request(
        transaction_id=message.transaction_id,
        requester=Requester(
            traceparent=message.traceparent,
            waiting=message.waiting,
            deadline=message.deadline,
            keys={key: wish.rev for key, wish in desired.items()},
        ),
        desired=desired,
    )
