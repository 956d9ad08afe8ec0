"""What a person does on a page of ours."""

from datetime import UTC

import structlog

from common import outbox
from common.clock import Clock
from common.db import Connection, Database
from common.messages import new_event_id
from common.mrz import MrzError
from common.sealing import Sealer
from common.vault import Vault
from gateway import store
from gateway.browser import BrowserCookie
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.logins import Logins
from gateway.personal import profile_of
from gateway.steps import idproof
from gateway.transaction import Status, Transaction

log = structlog.stdlib.get_logger()


class Acts:
    """One method per button; each raises `TransitionError` where the login is not at it."""

    def __init__(
        self, *, database: Database, logins: Logins, vault: Vault, sealer: Sealer, clock: Clock
    ) -> None:
        self._database = database
        self._logins = logins
        self._vault = vault
        self._sealer = sealer
        self._clock = clock

    async def claim(self, login: Login, cookie: BrowserCookie) -> None:
        """Bind the login to this browser."""

        async def change(_connection: Connection, login: Login) -> Transaction:
            return login.transaction.claim(cookie.browser)

        await self._logins.change(login.id, change)
        log.info("login.claimed")

    async def decline(self, login: Login) -> None:
        """The person does not want the step that the login is at."""

        async def change(connection: Connection, login: Login) -> Transaction:
            conclusion = idproof.declined(self._clock.now())
            return await self._logins.conclude(connection, login, idproof.NAME, conclusion=conclusion)

        await self._logins.change(login.id, change)
        log.info("step.declined", step=idproof.NAME)

    async def submit_identity(self, login: Login, text: str) -> None:
        """Have the typed document judged.

        Raises:
            MrzError: a slip of the keyboard.
        """
        lines = idproof.check_typed(text, today=self._clock.now().astimezone(UTC).date())
        verification_id = new_event_id()

        async def change(connection: Connection, login: Login) -> Transaction:
            submitted = login.transaction.submit(idproof.NAME, verification_id=verification_id)
            profile = await profile_of(connection, login, vault=self._vault)
            command = idproof.command(
                login,
                idproof.PersonalInput(mrz=lines, profile=profile),
                verification_id=verification_id,
                sealer=self._sealer,
                now=self._clock.now(),
            )
            await outbox.enqueue(connection, command, expires_at=login.transaction.deadline)
            return submitted

        await self._logins.change(login.id, change)
        log.info("step.submitted", step=idproof.NAME)

    async def count_slip(self, login: Login, problem: MrzError) -> int:
        """Count a slip; returns how many attempts are left, and at none of them the step has failed."""
        transaction = login.transaction
        step = transaction.current_step
        if transaction.status is not Status.WORKING or step is None or step.name != idproof.NAME:
            raise TransitionError("not at this step")
        rules = idproof.rules_of(login.settings)
        async with self._database.connection() as connection:
            attempts = await store.count_attempt(
                connection,
                tenant=transaction.tenant,
                subject=transaction.subject,
                step=step.name,
                window=rules.retry_after,
            )
        codes = sorted({found.code for found in problem.problems})
        log.info("step.mistyped", step=step.name, attempt=attempts, problems=codes)
        left = max(0, rules.attempts - attempts)
        if left == 0:
            await self._fail(login)
        return left

    async def _fail(self, login: Login) -> None:
        async def change(connection: Connection, login: Login) -> Transaction:
            conclusion = idproof.out_of_attempts(self._clock.now(), login.settings)
            return await self._logins.conclude(connection, login, idproof.NAME, conclusion=conclusion)

        await self._logins.change(login.id, change)
        log.warning("step.out_of_attempts", step=idproof.NAME)
