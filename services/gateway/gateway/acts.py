"""What a person does on a page of ours."""

from collections.abc import Mapping
from typing import assert_never

import structlog

from common import audit
from common.audit import Audited
from common.clock import Clock
from common.db import Connection
from common.vault import Vault
from gateway.login import Login
from gateway.logins import Change, Logins
from gateway.networks import OTHER_NETWORK, Whereabouts, whereabouts
from gateway.owner import Visit, require_own
from gateway.planner import Planner
from gateway.steps.port import (
    Conclude,
    Decision,
    GatewayStep,
    Restart,
    Stay,
    StepChange,
    StepFile,
    StepPage,
    Submit,
)
from gateway.trail import entry
from gateway.transaction import STOPPED, Transaction

log = structlog.stdlib.get_logger()


class Acts:
    """One method per kind of button; each raises `TransitionError` where the login is not at it.

    Whose login it is, is asked again in the transaction of the change: since the browser was let in, another
    one may have claimed it.
    """

    def __init__(self, *, logins: Logins, planner: Planner, vault: Vault, clock: Clock) -> None:
        self._logins = logins
        self._vault = vault
        self._planner = planner
        self._clock = clock

    async def claim(
        self, visit: Visit, *, address: str, device: bytes | None = None, language: str | None = None
    ) -> None:
        """Bind the login to this browser, and begin with the first step that somebody must do."""
        network = Whereabouts.UNKNOWN

        async def change(connection: Connection, login: Login) -> Transaction:
            nonlocal network
            claimed = login.transaction.claim(visit.cookie.browser, device=device, language=language)
            network = await whereabouts(connection, login, address, vault=self._vault)
            reasons = (OTHER_NETWORK,) if network is Whereabouts.OTHER else ()
            await audit.append(connection, entry(login, Audited.LOGIN_CLAIMED, reasons=reasons))
            return await self._planner.go_on(connection, login, claimed)

        await self._change(visit, change)
        log.info("login.claimed", network=network)

    async def stop(self, visit: Visit) -> None:
        """The person wants no more steps: the tenant gets what there is, with that reason."""

        async def change(connection: Connection, login: Login) -> Transaction:
            stopped = login.transaction.end_early(at=self._clock.now(), reason=STOPPED)
            return await self._planner.go_on(connection, login, stopped)

        await self._change(visit, change)
        log.info("login.stopped")

    async def press(
        self, visit: Visit, step: GatewayStep, *, act: str, form: Mapping[str, str]
    ) -> StepPage | StepFile | None:
        """A button of a step: a page or a file to be shown, else None."""
        visit.login.transaction.require_at(step.name)
        reaction = await step.act(act, visit, form)
        if isinstance(reaction, StepPage | StepFile):
            return reaction
        return await self._decide(visit, step, reaction)

    async def _decide(self, visit: Visit, step: GatewayStep, react: StepChange) -> StepPage | None:
        decision: Decision = Stay()

        async def change(connection: Connection, login: Login) -> Transaction:
            nonlocal decision
            login.transaction.require_at(step.name)
            decision = await react(connection, login)
            return await self._decided(connection, login, step.name, decision)

        await self._change(visit, change)
        if isinstance(decision, Submit):
            log.info("step.submitted", step=step.name)
        if isinstance(decision, Restart):
            log.info("login.restarted", step=step.name)
        return decision if isinstance(decision, StepPage) else None

    async def _decided(
        self, connection: Connection, login: Login, step: str, decision: Decision
    ) -> Transaction:
        match decision:
            case Conclude():
                concluded = login.transaction.conclude(step, decision.conclusion)
                return await self._planner.go_on(connection, login, concluded)
            case Submit():
                return login.transaction.submit(step, verification_id=decision.verification_id)
            case Restart():
                return await self._planner.restart(connection, login, step, decision)
            case Stay() | StepPage():
                return login.transaction
            case _:
                assert_never(decision)

    async def _change(self, visit: Visit, change: Change) -> None:
        async def own(connection: Connection, login: Login) -> Transaction:
            require_own(login, visit.cookie)
            return await change(connection, login)

        await self._logins.change(visit.login.id, own, tenant=visit.login.transaction.tenant)
