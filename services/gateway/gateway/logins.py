"""Reads a login, changes it, and tells who must be told: each change is one transaction of the database.

A change is a function of the login as it is found; when somebody else was first, it is tried again on what
they left.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common import audit, inbox, tracing
from common.db import Connection, Database
from common.messages import Message
from common.relay import Relay
from gateway import store
from gateway.endings import tell_endings
from gateway.errors import ConflictError, NotFoundError
from gateway.live import Bell
from gateway.login import Login
from gateway.trail import entries_of
from gateway.transaction import Transaction

TRIES = 5

Change = Callable[[Connection, Login], Awaitable[Transaction]]


@dataclass(frozen=True, kw_only=True)
class _Changed:
    """What a committed change has made of a login that arrived `age` ago."""

    login: Login
    now: Transaction
    age: timedelta


class Logins:
    """The open logins, whichever replica works on them."""

    def __init__(self, *, database: Database, relay: Relay, bell: Bell) -> None:
        self._database = database
        self._relay = relay
        self._bell = bell

    async def get(self, transaction_id: str) -> Login:
        """The login as it is now.

        Raises:
            NotFoundError: there is none of this id.
        """
        async with self._database.connection() as connection:
            return await _found(store.enter(connection, transaction_id))

    async def change(
        self, transaction_id: str, change: Change, *, tenant: str, once: Message | None = None
    ) -> None:
        """Apply a change by compare-and-set; with `once`, only if that message has had no effect yet.

        Raises:
            NotFoundError: this tenant has no such login.
            TransitionError: the login, as it is by now, does not allow the change.
            ConflictError: it changed under our hands again and again.
        """
        for _ in range(TRIES):
            try:
                changed = await self._try(transaction_id, change, tenant=tenant, once=once)
            except ConflictError:
                continue
            if changed is not None:
                tell_endings(changed.login, changed.now, age=changed.age)
            self._relay.wake()
            self._bell.ring(transaction_id)
            return
        raise ConflictError("the login keeps changing")

    async def _try(
        self, transaction_id: str, change: Change, *, tenant: str, once: Message | None
    ) -> _Changed | None:
        """None where nothing is to change."""
        async with self._database.transaction(tenant=tenant) as connection:
            is_new = once is None or await inbox.record(connection, once)
            login = await _found(store.load_to_change(connection, transaction_id))
            now = await change(connection, login) if is_new else login.transaction
            if now is login.transaction:
                return None
            age = await store.save(connection, now, was=login.transaction.version)
            await audit.append(connection, *entries_of(login, now))
        return _Changed(login=login, now=now, age=age)


def name_in_log(login: Login) -> None:
    """Everything that this request does and logs from now on is about this login, and part of its trace."""
    span = tracing.current()
    if span:
        span.join(login.traceparent)
    ids = span.log_context if span else tracing.log_context(login.traceparent)
    structlog.contextvars.bind_contextvars(transaction_id=login.id, tenant=login.transaction.tenant, **ids)


async def _found(loading: Awaitable[Login | None]) -> Login:
    login = await loading
    if login is None:
        raise NotFoundError("unknown_transaction")
    return login
