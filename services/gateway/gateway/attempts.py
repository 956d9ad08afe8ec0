"""How often a person may try: counted per tenant, person and step, whichever login and browser it is in."""

import hmac

from common.db import Connection
from gateway import store
from gateway.login import Login
from gateway.steps import idproof

_PURPOSE = b"waystation gateway: digests of typed input, 1"


class Attempts:
    """Counts what a person tries within the step's `retry_after`.

    A slip that comes again unchanged, as when its answer is reloaded, is not another attempt. To know it, a
    digest of the last slip is kept under a key, since a bare hash of so few possible texts could be guessed.
    """

    def __init__(self, *, cookie_key: bytes) -> None:
        self._key = hmac.digest(cookie_key, _PURPOSE, "sha256")

    async def left(self, connection: Connection, login: Login) -> int:
        """How many attempts the person has now."""
        rules = idproof.rules_of(login.settings)
        used = await store.attempts(
            connection,
            tenant=login.transaction.tenant,
            subject=login.transaction.subject,
            step=idproof.NAME,
            window=rules.retry_after,
        )
        return max(0, rules.attempts - used)

    async def count_document(self, connection: Connection, login: Login) -> int:
        """Count a whole document, which always costs a verdict; below zero it is one too many."""
        return await self._count(connection, login, digest=None)

    async def count_slip(self, connection: Connection, login: Login, *, typed: str) -> int:
        """Count a slip, unless it is the same as the last one; returns how many attempts are left."""
        return max(0, await self._count(connection, login, digest=self._digest(login, typed)))

    async def _count(self, connection: Connection, login: Login, *, digest: bytes | None) -> int:
        rules = idproof.rules_of(login.settings)
        used = await store.count_attempt(
            connection,
            tenant=login.transaction.tenant,
            subject=login.transaction.subject,
            step=idproof.NAME,
            window=rules.retry_after,
            digest=digest,
        )
        return rules.attempts - used

    def _digest(self, login: Login, typed: str) -> bytes:
        whose = (login.transaction.tenant, login.transaction.subject, idproof.NAME)
        # The fields of a form hold no NUL, nor do the others.
        return hmac.digest(self._key, "\0".join((*whose, typed)).encode(), "sha256")
