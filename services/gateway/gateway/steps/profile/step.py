"""The profile in the browser: a form of what is missing and what has to be confirmed."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus

import structlog

from common.clock import Clock
from common.db import Connection
from common.messages import Kind
from common.tenant_profile import ProfileStep as Rules
from common.tenants import TenantSnapshot
from common.vault import Vault
from gateway import store
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.owner import Visit
from gateway.personal import profile_of
from gateway.personal_changes import PersonalChanges
from gateway.steps.port import Conclude, Decision, Ending, StepChange, StepPage, declined
from gateway.steps.profile.asking import Asked, Reading, asked, read_answers
from gateway.steps.profile.form import answers_of, inputs_of
from gateway.steps.profile.known import Known
from gateway.steps.profile.store import answered_in
from gateway.texts import text
from gateway.transaction_step import Conclusion, Step, StepStatus

NAME = "profile"

log = structlog.stdlib.get_logger()


class ProfileStep:
    """Asks what the tenant does not know, and keeps what differs for the update after the last step."""

    name = NAME
    acts = frozenset({"submit", "decline"})
    takes_over = False  # not the result alone: `enter` brings along what was typed

    def __init__(self, *, changes: PersonalChanges, vault: Vault, clock: Clock) -> None:
        self._changes = changes
        self._vault = vault
        self._clock = clock

    async def enter(self, connection: Connection, login: Login) -> Conclusion | None:
        """Nobody is asked whose profile is complete, or who has just answered in this browser."""
        earlier = await self._answered_earlier(connection, login)
        if earlier is not None:
            return earlier
        fields, _ = await self._fields(connection, login, today=await _today(connection))
        return None if fields else self._passed(login)

    async def _answered_earlier(self, connection: Connection, login: Login) -> Conclusion | None:
        """How the step ended in another open login of this browser, with what was typed there."""
        step = login.transaction.step(NAME)
        if step.requested or login.transaction.device is None:
            return None
        found = await answered_in(connection, login, step=NAME)
        earlier = await store.load(connection, found) if found else None
        done = earlier.transaction.step(NAME) if earlier else None
        if earlier is None or done is None or done.conclusion is None or done.revision < step.revision:
            return None
        await self._changes.copy(connection, earlier, to=login)
        log.info("step.taken_over", step=NAME)
        return done.conclusion

    async def page(self, connection: Connection, visit: Visit) -> StepPage:
        fields, known = await self._fields(connection, visit.login, today=await _today(connection))
        return _form(fields, known, answers={one.name: one.prefilled for one in fields})

    async def act(self, name: str, _visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        if name == "decline":
            return self._decline
        return lambda connection, login: self._submit(connection, login, form)

    def ending(self, step: Step) -> Ending:
        if step.status is StepStatus.DECLINED:
            return Ending(title=text("profile.ending.declined"))
        return Ending(title=text("profile.ending.abandoned"))

    async def _submit(self, connection: Connection, login: Login, form: Mapping[str, str]) -> Decision:
        today = await _today(connection)
        fields, known = await self._fields(connection, login, today=today)
        answers = answers_of(form, fields)
        reading = read_answers(fields, answers, today=today)
        if reading.problems:
            codes = sorted({problem.code for problem in reading.problems.values()})
            log.info("step.mistyped", step=NAME, attempts_left=None, problems=codes)
            return _form(fields, known, answers=answers, reading=reading)
        if reading.changes:
            await self._changes.keep(connection, login, _by_kind(reading, rules_of(login.settings)))
        log.info("profile.answered", asked=len(fields), changed=len(reading.changes))
        return Conclude(conclusion=self._passed(login))

    async def _decline(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=declined(self._clock.now()))

    async def _fields(
        self, connection: Connection, login: Login, *, today: date
    ) -> tuple[tuple[Asked, ...], Known]:
        known = Known.of(await profile_of(connection, login, vault=self._vault))
        schema = rules_of(login.settings).json_schema
        return asked(schema, known, today=today), known

    def _passed(self, login: Login) -> Conclusion:
        now = self._clock.now()
        return Conclusion(status=StepStatus.PASSED, at=now, until=now + rules_of(login.settings).valid_for)


async def _today(connection: Connection) -> date:
    return (await store.now(connection)).date()


def _by_kind(reading: Reading, rules: Rules) -> dict[Kind, dict[str, str | int | float | bool | None]]:
    properties = rules.json_schema.properties
    return {
        kind: named
        for kind in (Kind.ROOT, Kind.USER_METADATA)
        if (named := {name: value for name, value in reading.changes.items() if properties[name].to == kind})
    }


def _form(
    fields: tuple[Asked, ...], known: Known, *, answers: Mapping[str, str], reading: Reading | None = None
) -> StepPage:
    problems = reading.problems if reading else {}
    inputs = inputs_of(fields, answers=answers, problems=problems)
    return StepPage(
        template="profile/form",
        values={
            "foreign": [one for one in inputs if one.is_foreign],
            "own": [one for one in inputs if not one.is_foreign],
            "provider": known.provider,
            "problems": [(one.id, one.problem) for one in inputs if one.problem],
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
    )


def rules_of(settings: TenantSnapshot) -> Rules:
    rules = settings.steps.profile
    if rules is None:
        raise TransitionError("the tenant has no such step")
    return rules
