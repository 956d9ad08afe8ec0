"""The way back: the signed answer, and how the browser carries it to the tenant's /continue."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import structlog

from common import audit
from common.audit import Audited
from common.clock import Clock
from common.db import Connection
from common.tenants_watcher import TenantsWatcher
from common.tokens import Answer, AnswerStep, sign_answer_token
from common.tokens_answer import ANSWER_LIFETIME
from common.vault import Vault
from gateway import store
from gateway.errors import NotFoundError, TransitionError
from gateway.login import Login
from gateway.logins import Logins
from gateway.owner import Visit, require_own
from gateway.personal import state_of
from gateway.trail import entry
from gateway.transaction import MetadataOutcome, Status, Transaction
from gateway.transaction_step import Step, StepStatus

_ANSWERED: Mapping[StepStatus, Literal["passed", "pending", "abandoned", "declined", "failed"]] = {
    StepStatus.PASSED: "passed",
    StepStatus.PENDING: "pending",
    StepStatus.ABANDONED: "abandoned",
    StepStatus.DECLINED: "declined",
    StepStatus.FAILED: "failed",
}

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """A request that the browser makes at the tenant: a form to post, or, for GET, a whole URL."""

    method: Literal["post", "get"]
    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)


class HandBack:
    """Signs the answer whenever the bound browser asks for it before the deadline.

    Each time it is the same jti, state and result with a fresh expiry; the tenant's single-use state stops a
    replay.
    """

    def __init__(self, *, logins: Logins, tenants: TenantsWatcher, vault: Vault, clock: Clock) -> None:
        self._logins = logins
        self._tenants = tenants
        self._vault = vault
        self._clock = clock

    async def take(self, visit: Visit) -> WayBack:
        """The way back of a login that is ready, for the browser that has claimed it.

        Raises:
            TransitionError: it is not.
            ForbiddenError: it is another browser's.
        """
        now = self._clock.now()

        login, state = visit.login, ""

        async def change(connection: Connection, was: Login) -> Transaction:
            nonlocal login, state
            require_own(was, visit.cookie)
            await store.note_token(connection, was.id, expires_at=now + ANSWER_LIFETIME)
            state = await state_of(connection, was, vault=self._vault)
            login = replace(was, transaction=_handed_back(was.transaction))
            await audit.append(
                connection, entry(was, Audited.ANSWER_SIGNED, outcome=was.transaction.metadata)
            )
            return login.transaction

        await self._logins.change(login.id, change, tenant=login.transaction.tenant)
        log.info(
            "login.handed_back",
            metadata=login.transaction.metadata,
            outcomes={step.name: step.status for step in login.transaction.steps},
        )
        return way_back(login, state=state, token=self._sign(login, state, now=now))

    def _sign(self, login: Login, state: str, *, now: datetime) -> str:
        tenant = self._tenants.current.get(login.transaction.tenant)
        if tenant is None:
            raise NotFoundError("unknown_tenant")
        return sign_answer_token(answer_of(login, state=state), tenant=tenant, now=now)


def _handed_back(transaction: Transaction) -> Transaction:
    return transaction if transaction.status is Status.HANDED_BACK else transaction.hand_back()


def way_back(login: Login, *, state: str, token: str) -> WayBack:
    """Where the state stands is the tenant's choice: in the query, in the body, or in both."""
    rules = login.settings.hand_back
    if rules.method == "get":
        query = urlencode({"state": state, rules.parameter: token})
        return WayBack(method="get", url=f"{login.continue_uri}?{query}", fields={})
    in_body = {"state": state} if rules.state_in in ("both", "body") else {}
    query = "?" + urlencode({"state": state}) if rules.state_in in ("both", "query") else ""
    return WayBack(
        method="post", url=f"{login.continue_uri}{query}", fields={rules.parameter: token} | in_body
    )


def answer_of(login: Login, *, state: str) -> Answer:
    """What the answer token says about a login whose steps are all concluded."""
    transaction = login.transaction
    return Answer(
        subject=transaction.subject,
        state=state,
        jti=transaction.jti,
        transaction_id=transaction.id,
        metadata=(transaction.metadata or MetadataOutcome.CARRIED).value,
        steps={step.name: _answer_step(step) for step in transaction.steps},
    )


def _answer_step(step: Step) -> AnswerStep:
    ended = step.conclusion
    if ended is None or step.status not in _ANSWERED:
        raise TransitionError("a step is not concluded")
    return AnswerStep(
        v=step.revision,
        status=_ANSWERED[step.status],
        level=ended.level,
        at=ended.at,
        until=ended.until,
        rev=step.rev or 0,
        reason=ended.reason,
        ref=ended.reference,
        details=dict(ended.details) or None,
    )
