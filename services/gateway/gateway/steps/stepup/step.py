"""Verification by a code that goes to the person's e-mail address.

The code is typed on a page of the login that asked for it, in the browser that claimed it: a link in the mail
shows that page and does nothing else, so that whatever opens links for people can neither use nor spend it.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

import structlog

from common.clock import Clock
from common.db import Connection
from common.tenant_stepup import StepupStep as Rules
from common.vault import Vault
from gateway import store as gateway_store
from gateway.attempts import AttemptLimit, Attempts
from gateway.login import Login
from gateway.mail.message import UnmailableError
from gateway.mail.postbox import Postbox
from gateway.owner import Visit
from gateway.personal import masked, profile_of
from gateway.steps.port import Conclude, Decision, Ending, Stay, StepChange, StepPage, declined
from gateway.steps.stepup import store
from gateway.steps.stepup.letter import CodeLetter
from gateway.steps.stepup.rules import NAME, Codes, failed, passed, rules_of, typed_code, without_address
from gateway.steps.stepup.store import SentCode
from gateway.texts import Text, attempts_text, text, try_again_text
from gateway.transaction_step import Conclusion, Step, StepStatus

log = structlog.stdlib.get_logger()


class StepupStep:
    """Sends a code when it becomes current, and compares what is typed."""

    name = NAME
    acts = frozenset({"verify", "resend", "decline"})
    takes_over = False  # it answers for one login

    def __init__(
        self,
        *,
        attempts: Attempts,
        codes: Codes,
        letter: CodeLetter,
        postbox: Postbox,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._attempts = attempts
        self._codes = codes
        self._letter = letter
        self._postbox = postbox
        self._vault = vault
        self._clock = clock

    async def enter(self, connection: Connection, login: Login) -> Conclusion | None:
        """Send the first code; nobody is asked who has no attempts, no mails or no address."""
        if not await self._attempts.left(connection, login, limit=_guesses(login)):
            return failed(self._clock.now(), rules_of(login.settings), reason="too_many_attempts")
        return await self._send(connection, login)

    async def page(self, connection: Connection, visit: Visit) -> StepPage:
        return await self._page(connection, visit.login)

    async def act(self, name: str, _visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        if name == "verify":
            return lambda connection, login: self._verify(connection, login, form.get("code", ""))
        return self._resend if name == "resend" else self._decline

    def ending(self, step: Step) -> Ending:
        return ending_of(step)

    async def _verify(self, connection: Connection, login: Login, typed: str) -> Decision:
        rules = rules_of(login.settings)
        code = typed_code(typed, digits=rules.digits)
        if code is None:
            return await self._page(connection, login, text("stepup.problem.no_code", digits=rules.digits))
        await store.one_at_a_time(connection, login)
        sent = await store.find(connection, login)
        if sent is None or await gateway_store.now(connection) >= sent.expires_at:
            return await self._page(connection, login, text("stepup.problem.expired"))
        if not await self._attempts.left(connection, login, limit=_guesses(login)):
            return self._out_of_attempts(rules)
        if not self._codes.is_right(login, code, kept=sent.digest):
            return await self._wrong(connection, login, code)
        await store.forget(connection, login)
        return Conclude(conclusion=passed(self._clock.now(), rules))

    async def _wrong(self, connection: Connection, login: Login, code: str) -> Decision:
        left = await self._attempts.count_slip(connection, login, limit=_guesses(login), typed=code)
        log.info("step.mistyped", step=NAME, attempts_left=left, problems=["wrong_code"])
        if left == 0:
            return self._out_of_attempts(rules_of(login.settings))
        return await self._page(connection, login, text("stepup.problem.wrong"))

    def _out_of_attempts(self, rules: Rules) -> Decision:
        return Conclude(conclusion=failed(self._clock.now(), rules, reason="too_many_attempts"))

    async def _resend(self, connection: Connection, login: Login) -> Decision:
        sent = await store.find(connection, login)
        if sent is not None and await gateway_store.now(connection) < _next(sent, login):
            return await self._page(connection, login, text("stepup.problem.too_soon"))
        conclusion = await self._send(connection, login)
        return Stay() if conclusion is None else Conclude(conclusion=conclusion)

    async def _decline(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=declined(self._clock.now()))

    async def _send(self, connection: Connection, login: Login) -> Conclusion | None:
        """Make a code and post it; a conclusion where that cannot be."""
        rules = rules_of(login.settings)
        address = await self._address(connection, login)
        if address is None:
            return without_address(self._clock.now())
        if await self._attempts.count(connection, login, limit=_mails(login)) < 0:
            return failed(self._clock.now(), rules, reason="too_many_mails")
        code = self._codes.new(rules.digits)
        digest = self._codes.digest(login, code)
        expires_at = await store.keep(connection, login, digest, valid_for=rules.code_valid_for)
        mail = self._letter.write(
            login, code, to=address, now=self._clock.now(), valid_for=rules.code_valid_for
        )
        try:
            await self._postbox.post(connection, login, mail, expires_at=expires_at)
        except UnmailableError:
            return without_address(self._clock.now())
        log.info("stepup.code_posted")
        return None

    async def _address(self, connection: Connection, login: Login) -> str | None:
        return (await profile_of(connection, login, vault=self._vault)).get("email")

    async def _page(self, connection: Connection, login: Login, problem: Text | None = None) -> StepPage:
        sent = await store.find(connection, login)
        left = await self._attempts.left(connection, login, limit=_guesses(login))
        return StepPage(
            template="stepup/code",
            values={
                "address": masked(await self._address(connection, login)),
                "digits": rules_of(login.settings).digits,
                "attempts": attempts_text(left),
                "expires_at": sent.expires_at if sent else None,
                "next_at": _next(sent, login) if sent else None,
                "problem": problem,
            },
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        )


def _next(sent: SentCode, login: Login) -> datetime:
    """When there may be another code."""
    return sent.sent_at + rules_of(login.settings).resend_after


def _guesses(login: Login) -> AttemptLimit:
    rules = rules_of(login.settings)
    return AttemptLimit(step=NAME, attempts=rules.attempts, window=rules.retry_after)


def _mails(login: Login) -> AttemptLimit:
    rules = rules_of(login.settings)
    return AttemptLimit(step=f"{NAME}:mails", attempts=rules.mails, window=rules.retry_after)


_TITLES = {
    StepStatus.DECLINED: "stepup.ending.declined",
    StepStatus.FAILED: "stepup.ending.failed",
}


def ending_of(step: Step) -> Ending:
    """What to tell somebody who was not verified, and when they may try again."""
    ended = step.conclusion
    texts = [text(f"stepup.reason.{ended.reason}")] if ended and ended.reason in _REASONS else []
    if ended and ended.until and step.status is StepStatus.FAILED:
        texts.append(try_again_text(ended.until))
    return Ending(title=text(_TITLES.get(step.status, "stepup.ending.abandoned")), texts=tuple(texts))


_REASONS = frozenset({"declined_by_person", "too_many_attempts", "too_many_mails", "no_email_address"})
