"""Takes updates in: one transaction from the message to the lease of a waiting person's write."""

from dataclasses import dataclass, field, replace

import structlog

from common import inbox
from common.clock import Clock
from common.consumer import PoisonMessageError, UnknownTenantError
from common.db import Connection, Database
from common.messages import Message, UpdateMetadata
from common.outbox import Relay
from common.personal_values import PersonalValues
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from metadata_sync import metrics, store
from metadata_sync.alarm import Alarm
from metadata_sync.answers import announce, tell
from metadata_sync.coalesce import Desired, refuse_unfit
from metadata_sync.errors import UnfitUpdateError
from metadata_sync.leases import Lease, Leases, scheduled
from metadata_sync.limiter import Denied
from metadata_sync.metrics import Effect, effect_of, label
from metadata_sync.personal import Personal
from metadata_sync.state import Answer, Request, Requester
from metadata_sync.store import User
from metadata_sync.worker import Worker

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What became of an update: answered at once, begun at once, or due in `seconds`."""

    revs: dict[str, int] = field(default_factory=dict)
    effect: Effect = Effect.FIRST
    answers: tuple[Answer, ...] = ()
    lease: Lease | None = None
    seconds: float | None = None


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

    async def handle(self, message: Message) -> None:
        """Take one update in, once in effect.

        Raises:
            PoisonMessageError: not an update, or one that may never be written.
            UnknownTenantError: the tenants file does not know its tenant.
        """
        if not isinstance(message, UpdateMetadata):
            raise PoisonMessageError("not_for_this_service")
        tenant = self._tenants.current.get(message.tenant)
        if tenant is None:
            raise UnknownTenantError(message.tenant)
        try:
            refuse_unfit(message.user_id, message.keys)
            values = self._personal.open(message)
            taken = await self._take(message, values, tenant=tenant)
        except UnfitUpdateError as exc:
            raise PoisonMessageError(exc.reason) from exc
        if taken:
            self._go_on(message, taken)

    async def _take(
        self, message: UpdateMetadata, values: PersonalValues, *, tenant: Tenant
    ) -> _Taken | None:
        """None for a message whose effect is there already."""
        async with self._database.transaction() as connection:
            if not await inbox.record(connection, message):
                return None
            user = await store.lock_user(connection, tenant=tenant.key, user_id=message.user_id)
            personal = await self._personal.encrypted(
                connection, values, tenant=user.tenant, user_id=user.user_id
            )
            request = _request(message, {**message.keys, **personal})
            state, answers = user.state.accept(request, now=user.now).take_answers()
            effect = effect_of(user.state, state)
            user = scheduled(replace(user, state=state), tenant=tenant)
            await tell(connection, answers, user=user, at=self._clock.now())
            taken = await self._begin_or_save(connection, user, tenant=tenant)
        return replace(taken, revs=request.requester.keys, answers=answers, effect=effect)

    async def _begin_or_save(self, connection: Connection, user: User, *, tenant: Tenant) -> _Taken:
        if self._may_begin(user):
            lease = await self._leases.take(connection, user, tenant=tenant)
            if not isinstance(lease, Denied):
                return _Taken(lease=lease)
        await store.save_user(connection, user)
        return _Taken(seconds=user.due_in)

    def _may_begin(self, user: User) -> bool:
        """Whether somebody waits for what can be written now, here."""
        is_due = user.due_in is not None and user.due_in <= 0
        return (
            user.state.is_waited_for
            and user.state.attempt is None
            and is_due
            and self._worker.has_room(user.tenant, waiting=True)
        )

    def _go_on(self, message: UpdateMetadata, taken: _Taken) -> None:
        log.info("update.accepted", waiting=message.waiting, keys=taken.revs)
        metrics.UPDATES.labels(message.tenant, label(waiting=message.waiting), taken.effect).inc()
        if taken.answers:
            self._relay.wake()
            announce(taken.answers, tenant=message.tenant)
        if taken.lease:
            self._worker.start(taken.lease)
        self._alarm.expect(taken.seconds)


def _request(message: UpdateMetadata, desired: Desired) -> Request:
    return Request(
        transaction_id=message.transaction_id,
        requester=Requester(
            traceparent=message.traceparent,
            waiting=message.waiting,
            keys={key: wish.rev for key, wish in desired.items()},
        ),
        desired=desired,
    )
