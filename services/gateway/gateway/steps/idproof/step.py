"""Identity proofing in the browser: consent, the document's lines, their slips, the way to a verdict."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date

import structlog

from common import audit, outbox
from common.audit import Audited
from common.clock import Clock
from common.db import Connection
from common.messages import new_event_id
from common.mrz import MrzError
from common.sealing import Sealer
from common.tenant_idproof import CheckConsent
from common.vault import Vault
from gateway.attempts import AttemptLimit, Attempts
from gateway.login import Login
from gateway.owner import Visit
from gateway.personal import profile_of
from gateway.personal_changes import PersonalChanges
from gateway.results_store import kept_result
from gateway.steps.idproof import reviews, rules, store
from gateway.steps.idproof.comparing import Compared, compared
from gateway.steps.idproof.forms import MAX_TYPED, confirm_form, consent_form, document_form
from gateway.steps.idproof.texts import ending_of, problem_text
from gateway.steps.port import (
    Conclude,
    Decision,
    Ending,
    Stay,
    StepChange,
    StepPage,
    Submit,
    declined,
)
from gateway.store import last_rev
from gateway.texts import Text, text
from gateway.trail import entry
from gateway.transaction_step import Conclusion, Step

CONSENT_TEXT = 1  # raise it when the sentences of the consent page say something else

log = structlog.stdlib.get_logger()


class IdproofStep:
    """The person types the machine-readable lines of a document; proofing judges them."""

    name = rules.NAME
    acts = frozenset({"agree", "disagree", "confirm", "other", "submit", "decline"})
    takes_over = True

    def __init__(
        self, *, attempts: Attempts, changes: PersonalChanges, vault: Vault, sealer: Sealer, clock: Clock
    ) -> None:
        self._attempts = attempts
        self._changes = changes
        self._vault = vault
        self._sealer = sealer
        self._clock = clock

    @property
    def _today(self) -> date:
        return self._clock.now().astimezone(UTC).date()

    async def enter(self, connection: Connection, login: Login) -> Conclusion | None:
        """Who waits for a review in this browser is not asked again, nor who has no attempts left."""
        if (waiting := await reviews.waiting(connection, login, now=self._clock.now())) is not None:
            return waiting
        if await self._attempts.left(connection, login, limit=_limit(login)):
            return None
        return rules.out_of_attempts(self._clock.now(), login.settings)

    async def page(self, connection: Connection, visit: Visit) -> StepPage:
        if (consent := await _consent_lacking(connection, visit.login)) is not None:
            return consent_form(consent, today=self._today)
        left = await self._attempts.left(connection, visit.login, limit=_limit(visit.login))
        refused = visit.login.transaction.step(rules.NAME).conclusion
        if refused is None and await self._second_pass(connection, visit.login) is not None:
            return confirm_form(attempts_left=left)
        return document_form(attempts_left=left, refused=refused.reason if refused else None)

    async def act(self, name: str, _visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        match name:
            case "agree":
                return self._agree
            case "disagree":
                return self._disagree
            case "decline":
                return self._decline
            case "confirm":
                return self._confirm(form.get("number", ""), form.get("expiry", ""))
            case "other":
                return self._other
            case _:
                return self._submit(form.get("mrz", ""))

    def ending(self, step: Step) -> Ending:
        return ending_of(step)

    async def _decline(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=declined(self._clock.now()))

    async def _agree(self, connection: Connection, login: Login) -> Decision:
        if (consent := await _consent_lacking(connection, login)) is not None:
            await store.insert_consent(
                connection, login, revision=consent.revision, text_revision=CONSENT_TEXT
            )
            version = (f"version:{consent.revision}",)
            await audit.append(
                connection, entry(login, Audited.CONSENT_GIVEN, about=self.name, reasons=version)
            )
            log.info("idproof.consented")
        return Stay()

    async def _disagree(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=replace(declined(self._clock.now()), reason="consent_declined"))

    async def _second_pass(self, connection: Connection, login: Login) -> str | None:
        """The verification that this browser has passed and that need only be confirmed."""
        transaction = login.transaction
        if transaction.device is None or rules.rules_of(login.settings).reverify_within is None:
            return None
        step = transaction.step(rules.NAME)
        earned = await kept_result(connection, transaction, step, device=transaction.device)
        return rules.second_pass_of(earned, login.settings, now=self._clock.now())

    async def _other(self, connection: Connection, login: Login) -> Decision:
        if (consent := await _consent_lacking(connection, login)) is not None:
            return consent_form(consent, today=self._today)
        return document_form(attempts_left=await self._attempts.left(connection, login, limit=_limit(login)))

    def _confirm(self, number: str, expiry: str) -> StepChange:
        confirmed = rules.check_confirmed(number, expiry)

        async def change(connection: Connection, login: Login) -> Decision:
            previous = await self._second_pass(connection, login)
            if previous is None:
                return await self._other(connection, login)
            if confirmed is None:
                left = await self._attempts.left(connection, login, limit=_limit(login))
                return confirm_form(attempts_left=left, number=number, expiry=expiry, is_wrong=True)
            return await self._judge(connection, login, confirmed, previous=previous)

        return change

    def _submit(self, typed: str) -> StepChange:
        if not typed.strip() or len(typed) > MAX_TYPED:
            problem = text("page.too_long" if typed.strip() else "idproof.type_lines")
            return lambda connection, login: self._again(connection, login, problem, typed)
        try:
            lines = rules.check_typed(typed, today=self._today)
        except MrzError as exc:
            slip = exc
            return lambda connection, login: self._slipped(connection, login, slip, typed)
        return lambda connection, login: self._judge(connection, login, lines)

    async def _again(self, connection: Connection, login: Login, problem: Text, typed: str) -> Decision:
        left = await self._attempts.left(connection, login, limit=_limit(login))
        return document_form(attempts_left=left, problems=(problem,), typed=typed[:MAX_TYPED])

    async def _slipped(self, connection: Connection, login: Login, slip: MrzError, typed: str) -> Decision:
        left = await self._attempts.count_slip(connection, login, limit=_limit(login), typed=typed)
        codes = sorted({found.code for found in slip.problems})
        log.info("step.mistyped", step=rules.NAME, attempts_left=left, problems=codes)
        if left == 0:
            return Conclude(conclusion=rules.out_of_attempts(self._clock.now(), login.settings))
        problems = tuple(problem_text(problem) for problem in slip.problems)
        return document_form(attempts_left=left, problems=problems, typed=typed)

    async def _judge(
        self,
        connection: Connection,
        login: Login,
        typed: tuple[str, ...] | rules.Confirmed,
        *,
        previous: str | None = None,
    ) -> Decision:
        if (consent := await _consent_lacking(connection, login)) is not None:
            return consent_form(consent, today=self._today)
        if await self._attempts.count(connection, login, limit=_limit(login)) < 0:
            return Conclude(conclusion=rules.out_of_attempts(self._clock.now(), login.settings))
        verification_id = new_event_id()
        known = await self._compared(connection, login)
        command = rules.command(
            login,
            rules.SecondPass(confirmed=typed, profile=known.values, told=known.told)
            if isinstance(typed, rules.Confirmed)
            else rules.PersonalInput(mrz=typed, profile=known.values, told=known.told),
            verification_id=verification_id,
            sealer=self._sealer,
            now=self._clock.now(),
            rev=await last_rev(
                connection, tenant=login.transaction.tenant, subject=login.transaction.subject
            ),
            previous=previous,
        )
        await outbox.enqueue(connection, command, expires_at=login.transaction.deadline)
        return Submit(verification_id=verification_id)

    async def _compared(self, connection: Connection, login: Login) -> Compared:
        profile = await profile_of(connection, login, vault=self._vault)
        changes = await self._changes.kept(connection, login)
        return compared(profile, changes, rules.rules_of(login.settings))


def _limit(login: Login) -> AttemptLimit:
    return rules.limit_of(login.settings)


async def _consent_lacking(connection: Connection, login: Login) -> CheckConsent | None:
    """The consent that the tenant wants before the check, where this login has none."""
    wanted = rules.rules_of(login.settings).consent
    return None if wanted is None or await store.has_consented(connection, login) else wanted
