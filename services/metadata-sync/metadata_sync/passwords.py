"""Changes one password now: one attempt within ten seconds, charged like any call, before everybody else.

The password is in memory while the call runs, and nowhere else.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

import structlog

from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.tenant_connections import Directory
from common.tenant_fields import origin_of
from common.tenants import Tenant
from metadata_sync import metrics, store
from metadata_sync.account import account_of
from metadata_sync.budgets import charge_call, end_call
from metadata_sync.directories import OPERATORS_RETRY_AFTER, Directories
from metadata_sync.ends import End
from metadata_sync.errors import (
    CredentialsError,
    EndNotSeenError,
    ManagementError,
    PasswordUnavailableError,
    RefusedError,
)
from metadata_sync.limiter import Charge, Denied
from metadata_sync.management import Accepted, ManagementClient, Ticket

CALL_SECONDS = 10.0
# What is left of it then is for the call itself.
WAIT_AT_MOST_SECONDS = 5.0
LONGEST_RETRY_AFTER = 300
COST = Charge(cost=1, waiting=True)

MESSAGES = {
    "password_strength": "This password is too easy to guess. Use a longer one, with mixed characters.",
    "password_no_user_info": "This password contains your name, your e-mail address or the like.",
    "password_history": "You have used this password before. Choose a new one.",
    "password_common": "This password is on lists of common passwords. Choose another one.",
    "password_refused": "This password cannot be used. Choose another one.",
    "user_not_found": "Your account does not exist any more.",
    "conflict": "Your account was changed at the same time. Try again.",
    "payload_refused": "This password cannot be used. Choose another one.",
}

log = structlog.stdlib.get_logger()


class Passwords:
    """Changes passwords at the tenants, and in the directories of their connections."""

    def __init__(
        self, *, database: Database, client: ManagementClient, directories: Directories, clock: Clock
    ) -> None:
        self._database = database
        self._directories = directories
        self._client = client
        self._clock = clock

    async def change(self, tenant: Tenant, user_id: str, *, connection: str, password: str) -> str | None:
        """Change it; None if it is changed, or the code of MESSAGES for which the tenant refuses it.

        Raises:
            PasswordUnavailableError: not now; with `no_answer` it may have been changed.
            DatabaseUnavailableError: the budget cannot be asked; nothing was sent.
        """
        directory = tenant.connections.get(connection)
        if directory is not None:
            return await self._in_directory(directory, user_id, password=password)
        account = account_of(tenant)
        end = await self._called(
            tenant,
            lambda: self._client.change_password(account, user_id, connection=connection, password=password),
        )
        return _outcome(end)

    async def ticket(self, tenant: Tenant, user_id: str, *, result_url: str) -> str:
        """The address of the tenant's own page for a new password, which leads back to `result_url`.

        Raises:
            PasswordUnavailableError: not now, or not for this user.
            DatabaseUnavailableError: the budget cannot be asked; nothing was sent.
        """
        account = account_of(tenant)
        end = await self._called(
            tenant,
            lambda: self._client.create_password_ticket(account, user_id, result_url=result_url),
        )
        if isinstance(end, Ticket) and _is_the_tenants(end.url, tenant):
            return end.url
        reason = _outcome(end) or "ticket_for_elsewhere"
        raise PasswordUnavailableError(reason, retry_after=OPERATORS_RETRY_AFTER)

    async def _called(self, tenant: Tenant, call: Callable[[], Awaitable[Accepted]]) -> End:
        """How the call ended, which is charged before it and recorded after it."""
        deadline = self._clock.monotonic() + CALL_SECONDS
        number = await self._charged(tenant, until=deadline - CALL_SECONDS + WAIT_AT_MOST_SECONDS)
        end: End
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                end = await call()
        except ManagementError as exc:
            end = exc
        except TimeoutError:
            end = EndNotSeenError("no_answer", sent=1)
        metrics.count_end(tenant.key, end, kind="password", repeats=False)
        await self._record(tenant, end, number=number)
        return end

    async def _in_directory(self, directory: Directory, user_id: str, *, password: str) -> str | None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._directories.change(directory, user_id, password=password)
        except TimeoutError:
            raise PasswordUnavailableError("no_answer", retry_after=1) from None

    async def _charged(self, tenant: Tenant, *, until: float) -> int:
        """The number of the call, once the budget has room for it."""
        while True:
            async with self._database.transaction() as connection:
                now = await store.read_time(connection)
                charged = await charge_call(connection, COST, tenant=tenant, now=now)
            if not isinstance(charged, Denied):
                return charged.charged
            if self._clock.monotonic() + charged.seconds > until:
                raise PasswordUnavailableError("busy", retry_after=_whole(charged.seconds))
            await self._clock.sleep(charged.seconds)

    async def _record(self, tenant: Tenant, end: End, *, number: int) -> None:
        try:
            async with self._database.transaction() as connection:
                now = await store.read_time(connection)
                await end_call(connection, end, tenant=tenant, number=number, now=now)
        except DatabaseUnavailableError:
            # The budget knows less; who waits is told all the same.
            log.warning("database.unavailable", task="password")


def _is_the_tenants(url: str, tenant: Tenant) -> bool:
    """Whether a person may be sent there: to a host of the tenant, and to nobody else."""
    origins = {tenant.management.origin, *map(origin_of, tenant.hosts)}
    return any(url.startswith(f"{origin}/") for origin in origins)


def _outcome(end: End) -> str | None:
    match end:
        case RefusedError():
            return end.reason
        case EndNotSeenError():
            raise PasswordUnavailableError("no_answer", retry_after=1)
        case CredentialsError():
            raise PasswordUnavailableError(end.reason, retry_after=OPERATORS_RETRY_AFTER)
        case ManagementError():
            wait = end.headers.retry_after if end.headers else None
            raise PasswordUnavailableError(end.reason, retry_after=_whole(wait or 1))
        case _:
            return None


def _whole(seconds: float) -> int:
    return min(max(1, math.ceil(seconds)), LONGEST_RETRY_AFTER)
