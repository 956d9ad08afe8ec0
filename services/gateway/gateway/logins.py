"""Reads a login, changes it, and tells who must be told: each change is one transaction of the database.

A change is a function of the login as it is found; when somebody else was first, it is tried again on what
they left.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from common import inbox, outbox
from common.clock import Clock
from common.db import Connection, Database
from common.messages import Message
from common.outbox import Relay
from gateway import store
from gateway.errors import ConflictError, NotFoundError
from gateway.live import Bell
from gateway.login import Login
from gateway.results import update_of
from gateway.transaction import LAST_CALL, MetadataOutcome, Transaction, WaitingFor

TRIES = 5

Change = Callable[[Connection, Login], Awaitable[Transaction]]


class Logins:
    """The open logins, whichever replica works on them."""

    def __init__(self, *, database: Database, relay: Relay, bell: Bell, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._bell = bell
        self._clock = clock

    async def get(self, transaction_id: str) -> Login:
        """The login as it is now.

        Raises:
            NotFoundError: there is none of this id.
        """
        async with self._database.connection() as connection:
            return await _load(connection, transaction_id)

    async def change(self, transaction_id: str, change: Change, *, once: Message | None = None) -> None:
        """Apply a change by compare-and-set; with `once`, only if that message has had no effect yet.

        Raises:
            NotFoundError: there is no such login.
            TransitionError: the login, as it is by now, does not allow the change.
            ConflictError: it changed under our hands again and again.
        """
        for _ in range(TRIES):
            try:
                await self._try(transaction_id, change, once)
            except ConflictError:
                continue
            self._relay.wake()
            self._bell.ring(transaction_id)
            return
        raise ConflictError("the login keeps changing")

    async def _try(self, transaction_id: str, change: Change, once: Message | None) -> None:
        async with self._database.transaction() as connection:
            if once is not None and not await inbox.record(connection, once):
                return
            login = await _load(connection, transaction_id)
            changed = await change(connection, login)
            if changed is not login.transaction:
                await store.save(connection, changed, was=login.transaction.version)

    async def go_on(self, connection: Connection, login: Login, transaction: Transaction) -> Transaction:
        """A step has ended: to the next one, or, after the last one, have the results written."""
        if transaction.current_step is not None:
            return transaction
        now = self._clock.now()
        rev = await store.next_rev(connection, tenant=transaction.tenant, subject=transaction.subject)
        settled = transaction.settle(rev=rev, until=_wait_until(login, now))
        if settled.waiting_for is not WaitingFor.METADATA:
            return settled
        if login.settings.metadata.policy == "action":
            return settled.finish_metadata(MetadataOutcome.CARRIED)
        await outbox.enqueue(connection, update_of(login, settled.written_steps, now=now, waiting=True))
        return settled


def name_in_log(login: Login) -> None:
    """Everything that this request logs from now on says which login it is about."""
    structlog.contextvars.bind_contextvars(
        transaction_id=login.id, tenant=login.transaction.tenant, trace_id=login.traceparent[3:35]
    )


async def _load(connection: Connection, transaction_id: str) -> Login:
    login = await store.load(connection, transaction_id)
    if login is None:
        raise NotFoundError("unknown_transaction")
    return login


def _wait_until(login: Login, now: datetime) -> datetime:
    last_call = login.transaction.deadline - LAST_CALL
    rules = login.settings.metadata
    return last_call if rules.policy == "wait" else min(now + rules.deadline, last_call)
