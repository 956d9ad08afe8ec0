"""From one step to the next, and after the last one to the tenant."""

from dataclasses import replace
from datetime import datetime

from common import outbox
from common.clock import Clock
from common.db import Connection
from gateway import store
from gateway.login import Login
from gateway.results import update_of
from gateway.steps.port import StepBook
from gateway.transaction import (
    EARLIER_STEP,
    LAST_CALL,
    MetadataOutcome,
    StepStatus,
    Transaction,
    WaitingFor,
)


class Planner:
    """Takes a login on after each of its steps, in the transaction in which that step ended.

    The steps come in the order of the session token. When one has ended so that the tenant will not let the
    person in, nobody is asked for the others.
    """

    def __init__(self, *, steps: StepBook, clock: Clock) -> None:
        self._steps = steps
        self._clock = clock

    async def go_on(self, connection: Connection, login: Login, transaction: Transaction) -> Transaction:
        """To the next step that somebody must do; after the last one, have the results written."""
        while (step := transaction.current_step) is not None:
            if transaction.is_lost:
                transaction = transaction.end_early(at=self._clock.now(), reason=EARLIER_STEP)
                continue
            here = replace(login, transaction=transaction)
            known = await self._steps.of(step.name).enter(connection, here)
            if known is None:
                return transaction.ask(step.name) if step.status is StepStatus.DUE else transaction
            transaction = transaction.conclude(step.name, known)
        return await self._settle(connection, login, transaction)

    async def _settle(self, connection: Connection, login: Login, transaction: Transaction) -> Transaction:
        now = self._clock.now()
        rev = await store.next_rev(connection, tenant=transaction.tenant, subject=transaction.subject)
        settled = transaction.settle(rev=rev, until=_wait_until(login, now))
        if settled.waiting_for is not WaitingFor.METADATA:
            return settled
        if login.settings.metadata.policy == "action":
            return settled.finish_metadata(MetadataOutcome.CARRIED)
        await outbox.enqueue(connection, update_of(login, settled.written_steps, now=now, waiting=True))
        return settled


def _wait_until(login: Login, now: datetime) -> datetime:
    last_call = login.transaction.deadline - LAST_CALL
    rules = login.settings.metadata
    return last_call if rules.policy == "wait" else min(now + rules.deadline, last_call)
