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
from gateway.attempts import Attempts
from gateway.errors import OutOfAttemptsError, TransitionError
from gateway.login import Login
from gateway.logins import Change, Logins
from gateway.owner import Visit, require_own
from gateway.personal import profile_of
from gateway.steps import idproof
from gateway.transaction import Status, Transaction

log = structlog.stdlib.get_logger()


class Acts:
    """One method per button; each raises `TransitionError` where the login is not at it.

    Whose login it is, is asked again in the transaction of the change: since the browser was let in, another
    one may have claimed it.
    """

    def __init__(
        self,
        *,
        database: Database,
        logins: Logins,
        attempts: Attempts,
        vault: Vault,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._logins = logins
        self._attempts = attempts
        self._vault = vault
        self._sealer = sealer
        self._clock = clock

    async def claim(self, visit: Visit) -> None:
        """Bind the login to this browser; who has no attempts left is not asked: the step has failed."""

        async def change(connection: Connection, login: Login) -> Transaction:
            claimed = login.transaction.claim(visit.cookie.browser)
            if await self._attempts.left(connection, login):
                return claimed
            return await self._without_attempts(connection, login, claimed)

        claimed = await self._change(visit, change)
        log.info("login.claimed")
        if claimed.step(idproof.NAME).is_concluded:
            log.warning("step.out_of_attempts", step=idproof.NAME)

    async def decline(self, visit: Visit) -> None:
        """The person does not want the step that the login is at."""

        async def change(connection: Connection, login: Login) -> Transaction:
            declined = login.transaction.conclude(idproof.NAME, idproof.declined(self._clock.now()))
            return await self._logins.go_on(connection, login, declined)

        await self._change(visit, change)
        log.info("step.declined", step=idproof.NAME)

    async def submit_identity(self, visit: Visit, text: str) -> None:
        """Have the typed document judged; with no attempts left, the step has failed instead.

        Raises:
            MrzError: a slip of the keyboard.
        """
        lines = idproof.check_typed(text, today=self._clock.now().astimezone(UTC).date())
        verification_id = new_event_id()

        async def change(connection: Connection, login: Login) -> Transaction:
            submitted = login.transaction.submit(idproof.NAME, verification_id=verification_id)
            if await self._attempts.count_document(connection, login) < 0:
                raise OutOfAttemptsError("before this document was judged")
            profile = await profile_of(connection, login, vault=self._vault)
            command = idproof.command(
                login,
                idproof.PersonalInput(mrz=lines, profile=idproof.compared(profile)),
                verification_id=verification_id,
                sealer=self._sealer,
                now=self._clock.now(),
            )
            await outbox.enqueue(connection, command, expires_at=login.transaction.deadline)
            return submitted

        try:
            await self._change(visit, change)
        except OutOfAttemptsError:
            return await self._fail(visit)
        log.info("step.submitted", step=idproof.NAME)
        return None

    async def count_slip(self, visit: Visit, problem: MrzError, *, typed: str) -> int:
        """Count a slip of this text; returns how many attempts are left, and at none the step has failed."""
        transaction = visit.login.transaction
        step = transaction.current_step
        if transaction.status is not Status.WORKING or step is None or step.name != idproof.NAME:
            raise TransitionError("not at this step")
        async with self._database.connection() as connection:
            left = await self._attempts.count_slip(connection, visit.login, typed=typed)
        codes = sorted({found.code for found in problem.problems})
        log.info("step.mistyped", step=step.name, attempts_left=left, problems=codes)
        if left == 0:
            await self._fail(visit)
        return left

    async def _fail(self, visit: Visit) -> None:
        async def change(connection: Connection, login: Login) -> Transaction:
            return await self._without_attempts(connection, login, login.transaction)

        await self._change(visit, change)
        log.warning("step.out_of_attempts", step=idproof.NAME)

    async def _without_attempts(
        self, connection: Connection, login: Login, transaction: Transaction
    ) -> Transaction:
        conclusion = idproof.out_of_attempts(self._clock.now(), login.settings)
        failed = transaction.conclude(idproof.NAME, conclusion)
        return await self._logins.go_on(connection, login, failed)

    async def _change(self, visit: Visit, change: Change) -> Transaction:
        changed = visit.login.transaction

        async def own(connection: Connection, login: Login) -> Transaction:
            nonlocal changed
            require_own(login, visit.cookie)
            changed = await change(connection, login)
            return changed

        await self._logins.change(visit.login.id, own)
        return changed
