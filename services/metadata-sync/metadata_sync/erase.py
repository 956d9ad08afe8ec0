"""Handles `ForgetUser`: deletes a person's key and wishes here, and has their keys deleted at the tenant.

The gateway hears of it when the tenant holds nothing any more and nothing under way can bring it back.
"""

from datetime import datetime

import structlog
from msgspec.structs import replace

from common import inbox, outbox, tracing
from common.clock import Clock
from common.consumer import Handler, UnknownTenantError
from common.db import Connection, Database
from common.erasure import note_erased
from common.log import bound
from common.messages import ForgetUser, Message, UserForgotten, new_event_id
from common.tenants_watcher import TenantsWatcher
from metadata_sync import store
from metadata_sync.alarm import Alarm
from metadata_sync.due import Timing
from metadata_sync.erasing import erase, remains
from metadata_sync.known import Erased
from metadata_sync.personal import Personal
from metadata_sync.store import User

log = structlog.stdlib.get_logger()


class Eraser:
    """Between the queue and the handler of all other messages."""

    def __init__(
        self,
        *,
        database: Database,
        tenants: TenantsWatcher,
        personal: Personal,
        alarm: Alarm,
        clock: Clock,
        otherwise: Handler,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._personal = personal
        self._alarm = alarm
        self._clock = clock
        self._otherwise = otherwise

    async def handle(self, message: Message) -> None:
        """Forget one person, once in effect.

        Raises:
            UnknownTenantError: the tenants file does not know the tenant.
        """
        if not isinstance(message, ForgetUser):
            await self._otherwise(message)
            return
        tenant = self._tenants.current.get(message.tenant)
        if tenant is None:
            raise UnknownTenantError(message.tenant)
        timing = Timing(quiet=tenant.metadata.quiet, max_wait=tenant.metadata.max_wait)
        async with self._database.transaction() as connection:
            if not await inbox.record(connection, message):
                return
            user = await self._forget(connection, message)
            if not user.state.attempt:
                user = replace(user, wake_at=user.state.due_at(timing))
            await store.save_user(connection, user)
        self._alarm.expect(user.due_in)
        log.info("user.erased", rev=message.rev, key_count=len(message.keys))

    async def _forget(self, connection: Connection, command: ForgetUser) -> User:
        users = await store.lock_users(connection, [(command.tenant, command.user_id)])
        user = users[command.tenant, command.user_id]
        erased = user.state.erased
        if erased and erased.rev >= command.rev:
            return _told_again(user, command)
        state = erase(user.state, command, now=user.now)
        shredded, desired = await self._personal.forget(connection, command, but=state.desired)
        await note_erased(
            connection, shredded, tenant=command.tenant, erasure=command.transaction_id, rev=command.rev
        )
        return replace(user, state=replace(state, desired=desired))


def _told_again(user: User, command: ForgetUser) -> User:
    """An erasure that was done before, or came too late: who asks is told once the last one is over."""
    last = user.state.erased or Erased(rev=command.rev, at=user.now)
    erasure = last.erasure or command.transaction_id
    asked = replace(last, erasure=erasure, traceparent=last.traceparent or command.traceparent)
    return replace(user, state=replace(user.state, erased=asked))


async def report(connection: Connection, user: User, *, at: datetime) -> User:
    """Tell the gateway when the tenant holds nothing of an erased person any more; the rev alone stays."""
    erased = user.state.erased
    if erased is None or erased.erasure is None or not user.state.is_forgotten:
        return user
    await outbox.enqueue(
        connection,
        UserForgotten(
            event_id=new_event_id(),
            tenant=user.tenant,
            transaction_id=erased.erasure,
            occurred_at=at,
            traceparent=erased.traceparent,
            user_id=user.user_id,
            rev=erased.rev,
            service="metadata-sync",
        ),
    )
    with bound(tenant=user.tenant, transaction_id=erased.erasure, **tracing.log_context(erased.traceparent)):
        log.info("user.forgotten", rev=erased.rev)
    return replace(user, state=remains(user.state))
