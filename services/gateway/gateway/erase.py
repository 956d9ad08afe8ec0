"""Erases a person: here in one transaction, in the other services by `ForgetUser` at its rev R.

Whatever was asked for the person before has a rev below R, and whatever comes after has one from R on: a
service that has forgotten them at R drops the first and takes the second, in whatever order they arrive.
The metadata of the tenant is cleared at once, and once more a minute after the last answer token has expired
that is out: its Action writes what such a token says.

Locks are taken in this order: the person's logins, their data key, their logins again (one that was begun
meanwhile had the key), their revs. So every change of a login is either seen or finds it cancelled.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from common import inbox, outbox
from common.clock import Clock
from common.consumer import Handler
from common.db import Connection, Database
from common.erasure import note_erased, shred
from common.log import bound
from common.messages import ForgetUser, Message, UserForgotten, new_event_id
from common.tenant_models import Steps, Tenant
from common.tracing import new_traceparent
from common.vault import Vault
from gateway import cancelling, erase_store, store
from gateway.erase_store import Erasure, HeldLogins
from gateway.errors import TransitionError
from gateway.transaction import OPEN

# How long after its token has expired an Action may still be writing.
SETTLE_AFTER = timedelta(seconds=60)

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What came of it: how many logins there were, how many of them open, whether anything was known."""

    erasure: Erasure
    logins: int
    cancelled: int
    was_known: bool


class Eraser:
    """Erases people on behalf of an operator; a running gateway sends what this leaves in the outbox."""

    def __init__(self, *, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def erase(self, tenant: Tenant, subject: str) -> Erased:
        """Erase everything of this person; where that is done, remind services that have not reported.

        Raises:
            DatabaseUnavailableError: it may or may not have happened; doing it again does no harm.
        """
        async with self._database.transaction(tenant=tenant.key) as connection:
            erased = await self._erase(connection, tenant, subject)
            if not erased.erasure.is_complete:
                await outbox.enqueue(connection, self._command(erased.erasure))
        with bound(tenant=tenant.key, transaction_id=erased.erasure.id):
            log.info(
                "user.erased",
                rev=erased.erasure.rev,
                logins=erased.logins,
                cancelled=erased.cancelled,
                was_known=erased.was_known,
            )
        return erased

    async def last(self, tenant: str, subject: str) -> Erasure | None:
        """How far the last erasure of this person is."""
        async with self._database.transaction(tenant=tenant) as connection:
            return await erase_store.last_of(connection, tenant=tenant, subject=subject)

    async def _erase(self, connection: Connection, tenant: Tenant, subject: str) -> Erased:
        who = {"tenant": tenant.key, "subject": subject}
        await erase_store.hold_logins(connection, **who, statuses=OPEN)
        shredded = await shred(connection, self._vault, tenant=tenant.key, user_id=subject)
        logins = await erase_store.hold_logins(connection, **who, statuses=OPEN)
        was_known = shredded.had_key or logins.count > 0
        earlier = await erase_store.last_of(connection, **who)
        if earlier and not was_known:
            return Erased(erasure=earlier, logins=0, cancelled=0, was_known=False)
        for transaction_id in logins.open_ids:
            await _cancel(connection, transaction_id)
        rev = await store.next_rev(connection, **who)
        await erase_store.delete_rows(connection, **who)
        erasure = _erasure(tenant, subject, rev=rev, logins=logins)
        await erase_store.insert(connection, erasure)
        await note_erased(connection, shredded, tenant=tenant.key, erasure=erasure.id, rev=rev)
        return Erased(
            erasure=erasure, logins=logins.count, cancelled=len(logins.open_ids), was_known=was_known
        )

    def _command(self, erasure: Erasure) -> ForgetUser:
        return ForgetUser(
            event_id=new_event_id(),
            tenant=erasure.tenant,
            transaction_id=erasure.id,
            occurred_at=self._clock.now(),
            traceparent=new_traceparent(),
            user_id=erasure.subject,
            rev=erasure.rev,
            keys=erasure.keys,
            settle_at=erasure.settle_at,
        )


class Reports:
    """Between the queue and the handler of all other messages: takes the services' reports out."""

    def __init__(self, *, database: Database, otherwise: Handler) -> None:
        self._database = database
        self._otherwise = otherwise

    async def handle(self, message: Message) -> None:
        """Note a report, once in effect; one about an erasure that is not kept any more is of no use."""
        if not isinstance(message, UserForgotten):
            await self._otherwise(message)
            return
        async with self._database.transaction(tenant=message.tenant) as connection:
            if not await inbox.record(connection, message):
                return
            noted = await erase_store.note(
                connection,
                tenant=message.tenant,
                identifier=message.transaction_id,
                service=message.service,
            )
        if noted:
            log.info("user.forgotten", service=message.service, rev=message.rev)


def keys_at_tenant(steps: Iterable[str], namespaces: Iterable[str]) -> tuple[str, ...]:
    """Every key of app_metadata that we or our Action may have written."""
    names = [f"{namespace}_{step}" for namespace in sorted(set(namespaces)) for step in steps]
    return tuple(key for name in names for key in (name, f"{name}_seen"))


def settle_at(answered_until: datetime | None, *, now: datetime) -> datetime | None:
    """When the keys are to be deleted once more; None if no answer of ours can bring them back."""
    if answered_until is None or answered_until + SETTLE_AFTER <= now:
        return None
    return answered_until + SETTLE_AFTER


def _erasure(tenant: Tenant, subject: str, *, rev: int, logins: HeldLogins) -> Erasure:
    return Erasure(
        tenant=tenant.key,
        id=f"erasure_{secrets.token_urlsafe(16)}",
        subject=subject,
        rev=rev,
        keys=keys_at_tenant(Steps.model_fields, logins.namespaces | {tenant.metadata.namespace}),
        erased_at=logins.now,
        settle_at=settle_at(logins.answered_until, now=logins.now),
    )


async def _cancel(connection: Connection, transaction_id: str) -> None:
    login = await store.load(connection, transaction_id)
    if login is None:
        raise TransitionError("the login is gone although it is locked")
    await cancelling.end(connection, login)
