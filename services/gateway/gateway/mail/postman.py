"""Carries mails to the SMTP server until it has taken them, whichever replica they were posted at.

A mail is claimed, sent outside of any transaction, and deleted. A postman who dies between the last two
leaves it to whoever finds the claim expired: sent twice, with the same Message-ID. SMTP can do no better.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import structlog
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)

from common.clock import Clock
from common.db import Database
from common.loops import repeat
from common.vault import VaultError
from gateway.mail import store
from gateway.mail.message import UnmailableError, compose
from gateway.mail.postbox import Postbox
from gateway.mail.settings import MailSettings
from gateway.mail.store import StoredMail

SWEEP_SECONDS = 1.0
SMTP_SECONDS = 15.0  # for each command
CLAIM_SECONDS = 120.0  # twice as long as all the commands of one mail may take
MAX_BACKOFF_SECONDS = 60.0
_PERMANENT = 500

log = structlog.stdlib.get_logger()


class Postman:
    """One loop per replica; `local_hostname` is what it calls itself at the server."""

    def __init__(
        self,
        settings: MailSettings,
        *,
        database: Database,
        all_tenants: Database,
        postbox: Postbox,
        clock: Clock,
        local_hostname: str,
    ) -> None:
        self._settings = settings
        self._database = database
        self._all_tenants = all_tenants
        self._postbox = postbox
        self._clock = clock
        self._local_hostname = local_hostname
        self._tls = ssl.create_default_context()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat(self.sweep, stop, every=SWEEP_SECONDS, task="postman")

    async def sweep(self) -> None:
        """Send what is due, all of it over one connection."""
        async with self._all_tenants.connection() as connection:
            for expired in await store.delete_expired(connection):
                log.warning("mail.expired", transaction_id=expired.transaction_id, tenant=expired.tenant)
            due = await store.claim_due(connection, seconds=CLAIM_SECONDS)
        if due:
            await self._carry(due)

    async def _carry(self, due: list[StoredMail]) -> None:
        left = list(due)
        # What is not begun by then is left to whoever finds its claim expired.
        begin_until = self._clock.monotonic() + CLAIM_SECONDS / 2
        try:
            async with self._server() as server:
                while left and self._clock.monotonic() < begin_until:
                    await self._send(server, left[0])
                    left.pop(0)
        except (SMTPException, OSError) as exc:
            for mail in left:
                await self._try_again(mail, exc)

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[SMTP]:
        settings = self._settings
        async with SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls if settings.security != "none" else None,
            local_hostname=self._local_hostname,
            timeout=SMTP_SECONDS,
        ) as server:
            yield server

    async def _send(self, server: SMTP, stored: StoredMail) -> None:
        """Send one; what concerns this mail alone ends here, what concerns the server is raised."""
        try:
            await server.send_message(await self._compose(stored))
        except (VaultError, UnmailableError, SMTPNotSupported, SMTPRecipientsRefused, SMTPDataError) as exc:
            if not _is_final(exc):
                return await self._try_again(stored, exc)
            log.warning("mail.refused", error_type=type(exc).__name__, **_whose(stored))
        except SMTPSenderRefused as exc:
            return await self._try_again(stored, exc)
        else:
            log.info("mail.sent", attempt=stored.attempts, **_whose(stored))
        async with self._all_tenants.connection() as connection:
            await store.delete(connection, stored.id)
        return None

    async def _compose(self, stored: StoredMail) -> EmailMessage:
        async with self._database.transaction(tenant=stored.tenant) as connection:
            mail = await self._postbox.open(connection, stored)
        return compose(mail, sender=self._settings.sender, message_id=stored.id, at=self._clock.now())

    async def _try_again(self, stored: StoredMail, exc: Exception) -> None:
        log.warning("mail.not_sent", attempt=stored.attempts, error_type=type(exc).__name__, **_whose(stored))
        seconds = min(2.0 ** min(stored.attempts, 10), MAX_BACKOFF_SECONDS)
        async with self._all_tenants.connection() as connection:
            await store.release(connection, stored, seconds=seconds)


def _is_final(exc: Exception) -> bool:
    """Whether the same mail can never go out: 4xx says later, 5xx says no (RFC 5321, 4.2.1)."""
    if isinstance(exc, SMTPRecipientsRefused):
        return all(refused.code >= _PERMANENT for refused in exc.recipients)
    return not isinstance(exc, SMTPDataError) or exc.code >= _PERMANENT


def _whose(stored: StoredMail) -> dict[str, str]:
    return {"transaction_id": stored.transaction_id, "tenant": stored.tenant}
