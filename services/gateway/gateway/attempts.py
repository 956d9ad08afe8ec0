"""How often a person may try: counted per tenant, person and step, whichever login and browser it is in."""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from common.db import Connection
from gateway import attempts_store
from gateway.login import Login

_PURPOSE = b"waystation gateway: digests of typed input, 1"


@dataclass(frozen=True, kw_only=True)
class AttemptLimit:
    """How many attempts a person has at a step within each `window`."""

    step: str
    attempts: int
    window: timedelta


class Attempts:
    """Counts what a person tries within a window.

    A slip that comes again unchanged, as when its answer is reloaded, is not another attempt. To know it, a
    digest of the last slip is kept under a key, since a bare hash of so few possible texts could be guessed.
    """

    def __init__(self, *, cookie_key: bytes) -> None:
        self._key = hmac.digest(cookie_key, _PURPOSE, "sha256")

    async def left(self, connection: Connection, login: Login, *, limit: AttemptLimit) -> int:
        """How many attempts the person has now."""
        return await attempts_left(connection, login, limit=limit)

    async def count(self, connection: Connection, login: Login, *, limit: AttemptLimit) -> int:
        """Count one attempt; returns how many are left: below zero it was one too many."""
        return await self._count(connection, login, limit, digest=None)

    async def count_slip(
        self, connection: Connection, login: Login, *, limit: AttemptLimit, typed: str
    ) -> int:
        """Count a slip, unless it is the same as the last one; returns how many attempts are left."""
        digest = self._digest(login, typed, step=limit.step)
        return max(0, await self._count(connection, login, limit, digest=digest))

    async def _count(
        self, connection: Connection, login: Login, limit: AttemptLimit, *, digest: bytes | None
    ) -> int:
        used = await attempts_store.count_attempt(
            connection,
            tenant=login.transaction.tenant,
            subject=login.transaction.subject,
            step=limit.step,
            window=limit.window,
            digest=digest,
        )
        return limit.attempts - used

    def _digest(self, login: Login, typed: str, *, step: str) -> bytes:
        whose = (login.transaction.tenant, login.transaction.subject, step)
        # The fields of a form hold no NUL, nor do the others.
        return hmac.digest(self._key, "\0".join((*whose, typed)).encode(), "sha256")


async def attempts_left(connection: Connection, login: Login, *, limit: AttemptLimit) -> int:
    """How many attempts the person of that login has now."""
    used = await attempts_store.attempts(
        connection,
        tenant=login.transaction.tenant,
        subject=login.transaction.subject,
        step=limit.step,
        window=limit.window,
    )
    return max(0, limit.attempts - used)
