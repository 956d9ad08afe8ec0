"""A new password: typed here and given to the tenant by metadata-sync, or set on the tenant's own page.

What is typed is in memory while the call runs and nowhere else. Afterwards the tenant knows nothing of this
login any more, so that the step ends it and a new one begins.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

import structlog

from common.clock import Clock
from common.db import Connection, Database
from common.profile import LoginConnection
from common.vault import Vault
from gateway.attempts import AttemptLimit, Attempts
from gateway.errors import (
    PasswordCallError,
    PasswordUnavailableError,
    PasswordUnknownError,
    TransitionError,
    TryAgainError,
)
from gateway.login import Login
from gateway.owner import Visit
from gateway.password_call import DEADLINES, PasswordAnswer, PasswordCalls
from gateway.personal import authorize_of, profile_of
from gateway.steps.password import store
from gateway.steps.password.again import authorize_again
from gateway.steps.password.letter import Notices
from gateway.steps.password.rules import (
    AGAIN,
    NAME,
    NEW,
    account_of,
    changed,
    failed,
    is_by_ticket,
    refusal,
    rules_of,
    said_to_be_changed,
    slip,
    tells_by_itself,
    without_password,
)
from gateway.steps.port import Conclude, Decision, Ending, Restart, StepChange, StepPage, declined
from gateway.texts import Text, attempts_text, text, try_again_text
from gateway.transaction_step import Conclusion, Step, StepStatus

# Whoever presses twice waits for the first call to end; a process that died in it is waited for no longer.
CALL_LASTS = timedelta(seconds=DEADLINES.total or 0) + timedelta(seconds=2)
LOOK_SECONDS = 0.25

log = structlog.stdlib.get_logger()


class PasswordStep:
    """Asks for a new password, and has the login begun anew once it is in use."""

    name = NAME
    acts = frozenset({"change", "ticket", "done", "decline"})
    takes_over = False  # a demand is answered by the tenant's record, never by another login

    def __init__(
        self,
        *,
        calls: PasswordCalls | None,
        attempts: Attempts,
        notices: Notices,
        database: Database,
        vault: Vault,
        clock: Clock,
        public_base_url: str,
    ) -> None:
        self._calls = calls
        self._attempts = attempts
        self._notices = notices
        self._database = database
        self._vault = vault
        self._clock = clock
        self._public_base_url = public_base_url

    async def enter(self, connection: Connection, login: Login) -> Conclusion | None:
        """Nobody is asked who has no password to change, or no attempts left."""
        if await self._connection_of(connection, login) is None:
            return without_password(self._clock.now())
        if not await self._attempts.left(connection, login, limit=_limit(login)):
            return failed(self._clock.now(), rules_of(login.settings))
        return None

    async def page(self, connection: Connection, visit: Visit) -> StepPage:
        account = await self._connection_of(connection, visit.login)
        if account is not None and is_by_ticket(visit.login.settings, account.strategy):
            return ticket_page()
        return password_form()

    async def restarted(self, connection: Connection, visit: Visit) -> StepPage:
        """Where the person logs in anew: as the application asked for it, else as it begins any login."""
        request = await authorize_of(connection, visit.login, vault=self._vault)
        again = authorize_again(visit.login, request) or visit.login.login_url
        return restarted_page(again, is_sure=visit.login.transaction.is_passed)

    async def act(self, name: str, visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        match name:
            case "change":
                return await self._change(visit, form)
            case "ticket":
                return await self._ticket(visit)
            case "done":
                return self._done
            case _:
                return self._decline

    def ending(self, step: Step) -> Ending:
        return ending_of(step)

    async def _change(self, visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        wrong = slip(form)
        if wrong:
            return password_form(*wrong)
        async with self._one_at_a_time(visit.login) as account:
            if is_by_ticket(visit.login.settings, account.strategy):
                raise TransitionError("this password is set on the tenant's own page")
            try:
                answer = await self._call(visit.login, account, form[NEW])
            except PasswordCallError as exc:
                _log_failure(exc)
                notice = "unknown" if isinstance(exc, PasswordUnknownError) else "not_now"
                return password_form(notice=notice, status=HTTPStatus.SERVICE_UNAVAILABLE)
        if answer.is_changed:
            return lambda connection, login: self._changed(connection, login, account)
        return lambda connection, login: self._refused(connection, login, answer.code)

    async def _call(self, login: Login, account: LoginConnection, password: str) -> PasswordAnswer:
        return await self._calls_of().change(
            tenant=login.transaction.tenant,
            transaction_id=login.id,
            user_id=login.transaction.subject,
            connection=account.name,
            password=password,
        )

    async def _ticket(self, visit: Visit) -> StepPage | StepChange:
        """The way to the tenant's own page, which leads back here."""
        login = visit.login
        async with self._database.transaction(tenant=login.transaction.tenant) as connection:
            account = await self._connection_of(connection, login)
            if account is None or not is_by_ticket(login.settings, account.strategy):
                raise TransitionError("this password is set here")
            left = await self._attempts.count(connection, login, limit=_tickets(login))
        if left < 0:
            return self._fail
        try:
            url = await self._calls_of().ticket(
                tenant=login.transaction.tenant,
                transaction_id=login.id,
                user_id=login.transaction.subject,
                result_url=f"{self._public_base_url}/t/{login.id}",
            )
        except PasswordCallError as exc:
            _log_failure(exc)
            return ticket_page(is_away=True)
        return ticket_page(url=url)

    def _calls_of(self) -> PasswordCalls:
        if self._calls is None:
            raise TryAgainError("no_password_call")
        return self._calls

    @asynccontextmanager
    async def _one_at_a_time(self, login: Login) -> AsyncIterator[LoginConnection]:
        """The connection whose password is changed, while no other call about this login runs.

        Raises:
            TransitionError: another one has ended the step meanwhile.
        """
        while True:
            async with self._database.transaction(tenant=login.transaction.tenant) as connection:
                begun = await store.begin_call(connection, login, lasts=CALL_LASTS)
                account = await self._connection_of(connection, login)
            if begun is None or account is None:
                raise TransitionError("the login is not at this step any more")
            if begun:
                break
            await self._clock.sleep(LOOK_SECONDS)
        try:
            yield account
        finally:
            async with self._database.transaction(tenant=login.transaction.tenant) as connection:
                await store.end_call(connection, login)

    async def _changed(self, connection: Connection, login: Login, account: LoginConnection) -> Decision:
        now = self._clock.now()
        email = (await profile_of(connection, login, vault=self._vault)).get("email")
        if rules_of(login.settings).notice and email is not None:
            await self._notices.post(connection, login, to=email, now=now)
        return Restart(conclusion=changed(now), at_once=not tells_by_itself(account.strategy))

    async def _refused(self, connection: Connection, login: Login, code: str) -> Decision:
        left = await self._attempts.count(connection, login, limit=_limit(login))
        log.info("step.mistyped", step=NAME, attempts_left=max(0, left), problems=[code])
        if left <= 0:
            return await self._fail(connection, login)
        return password_form(NEW, refusal(code), left=attempts_text(left))

    async def _fail(self, _connection: Connection, login: Login) -> Decision:
        return Conclude(conclusion=failed(self._clock.now(), rules_of(login.settings)))

    async def _done(self, _connection: Connection, _login: Login) -> Decision:
        return Restart(conclusion=said_to_be_changed(self._clock.now()))

    async def _decline(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=declined(self._clock.now()))

    async def _connection_of(self, connection: Connection, login: Login) -> LoginConnection | None:
        found = (await profile_of(connection, login, vault=self._vault)).get("connection")
        return account_of(login, found)


def _log_failure(exc: PasswordCallError) -> None:
    match exc:
        case PasswordUnknownError():
            log.warning("password.not_known")
        case PasswordUnavailableError():
            log.warning("password.not_now", retry_after=exc.retry_after)
        case _:
            log.error("password.call_refused")


def restarted_page(again: str | None, *, is_sure: bool) -> StepPage:
    """The way to the new login; `is_sure` where we know that the new password is in use."""
    return StepPage(template="password/restarted", values={"again": again, "is_sure": is_sure})


def ticket_page(url: str | None = None, *, is_away: bool = False) -> StepPage:
    """The way to the tenant's own page; with `url` it is open for this person."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.OK
    return StepPage(template="password/ticket", values={"url": url, "is_away": is_away}, status=status)


def password_form(
    field: str | None = None,
    problem: Text | None = None,
    *,
    left: Text | None = None,
    notice: str | None = None,
    status: HTTPStatus | None = None,
) -> StepPage:
    """The form, with what is wrong beside its field; nothing that was typed comes back."""
    return StepPage(
        template="password/change",
        values={
            "problems": [(field, problem)] if field and problem else [],
            "errors": {NEW: None, AGAIN: None} | ({field: problem} if field else {}),
            "left": left,
            "notice": notice,
        },
        status=status or (HTTPStatus.UNPROCESSABLE_ENTITY if field else HTTPStatus.OK),
    )


def _limit(login: Login) -> AttemptLimit:
    rules = rules_of(login.settings)
    return AttemptLimit(step=NAME, attempts=rules.attempts, window=rules.retry_after)


def _tickets(login: Login) -> AttemptLimit:
    rules = rules_of(login.settings)
    return AttemptLimit(step=f"{NAME}:tickets", attempts=rules.attempts, window=rules.retry_after)


_TITLES = {
    StepStatus.DECLINED: "password.ending.declined",
    StepStatus.FAILED: "password.ending.failed",
}
_REASONS = frozenset({"declined_by_person", "too_many_attempts", "no_password"})


def ending_of(step: Step) -> Ending:
    """What to tell somebody whose password stays what it was."""
    ended = step.conclusion
    texts = [text(f"password.reason.{ended.reason}")] if ended and ended.reason in _REASONS else []
    if ended and ended.until and step.status is StepStatus.FAILED:
        texts.append(try_again_text(ended.until))
    return Ending(title=text(_TITLES.get(step.status, "password.ending.abandoned")), texts=tuple(texts))
