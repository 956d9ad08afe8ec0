"""From one step to the next, and after the last one to the tenant."""

from dataclasses import replace
from datetime import datetime

import structlog

from common import outbox
from common.clock import Clock
from common.db import Connection
from common.messages import new_event_id
from gateway import results_store, store
from gateway.login import Login
from gateway.personal_changes import PersonalChanges
from gateway.results import update_of
from gateway.steps.port import Restart, StepBook
from gateway.transaction import EARLIER_STEP, LAST_CALL, MetadataOutcome, Transaction, WaitingFor
from gateway.transaction_step import Conclusion, Step, StepStatus

log = structlog.stdlib.get_logger()


class Planner:
    """Takes a login on after each of its steps, in the transaction in which that step ended.

    The steps come in the order of the session token. When one has ended so that the tenant will not let the
    person in, nobody is asked for the others.
    """

    def __init__(self, *, steps: StepBook, changes: PersonalChanges, clock: Clock) -> None:
        self._steps = steps
        self._changes = changes
        self._clock = clock

    async def go_on(self, connection: Connection, login: Login, transaction: Transaction) -> Transaction:
        """To the next step that somebody must do; after the last one, have the results written."""
        await self._keep(connection, was=login.transaction, now=transaction)
        while (step := transaction.current_step) is not None:
            if transaction.is_lost:
                transaction = transaction.end_early(at=self._clock.now(), reason=EARLIER_STEP)
                break
            here = replace(login, transaction=transaction)
            known = await self._known(connection, here, step)
            if known is None:
                return transaction.ask(step.name)
            transaction = transaction.conclude(step.name, known)
        return await self._settle(connection, login, transaction)

    async def _known(self, connection: Connection, login: Login, step: Step) -> Conclusion | None:
        """How the step ends without asking anybody: by what this browser has earned, or by its own rules."""
        kind, device = self._steps.of(step.name), login.transaction.device
        if kind.takes_over and not step.requested and device is not None:
            earned = await results_store.kept_result(connection, login.transaction, step, device=device)
            if earned is not None and (earned.until is None or earned.until > self._clock.now()):
                log.info("step.taken_over", step=step.name)
                return earned
        return await kind.enter(connection, login)

    async def _keep(self, connection: Connection, *, was: Transaction, now: Transaction) -> None:
        """Keep what has just passed for the next login in this browser; forget what was taken back."""
        for before, step in zip(was.steps, now.steps, strict=True):
            if step.conclusion is None or before.is_concluded:
                continue
            if step.conclusion.takes_back is not None:
                await results_store.drop_results(connection, now, step=step.name)
            await self.keep(connection, now, step)

    async def keep(self, connection: Connection, transaction: Transaction, step: Step) -> None:
        """Keep one step that has passed, where its kind may be taken over."""
        passed = step.status is StepStatus.PASSED and self._steps.of(step.name).takes_over
        if passed and transaction.device is not None and step.conclusion is not None:
            earned = replace(step.conclusion, takes_back=None)
            await results_store.keep_result(
                connection, transaction, step, conclusion=earned, device=transaction.device
            )

    async def restart(
        self, connection: Connection, login: Login, step: str, decision: Restart
    ) -> Transaction:
        """End the login here: the Action never sees an answer of it, so what it needs to know is written."""
        was = login.transaction
        rev = await store.next_rev(connection, tenant=was.tenant, subject=was.subject)
        restarted = was.restart(step, decision.conclusion, rev=rev)
        ended = restarted.step(step)
        if ended.status is StepStatus.PASSED:
            now, waiting = self._clock.now(), decision.at_once
            await outbox.enqueue(connection, update_of(login, (ended,), now=now, waiting=waiting))
        return restarted

    async def _settle(self, connection: Connection, login: Login, transaction: Transaction) -> Transaction:
        now = self._clock.now()
        rev = await store.next_rev(connection, tenant=transaction.tenant, subject=transaction.subject)
        settled = transaction.settle(rev=rev, until=_wait_until(login, now))
        for step in settled.steps:
            if step.status is StepStatus.PASSED:
                await results_store.note_answer(connection, settled, step=step.name)
        if settled.waiting_for is not WaitingFor.METADATA:
            return settled
        event_id = new_event_id()
        sealed = await self._changes.take(connection, login, rev=rev, event_id=event_id)
        # Under policy `action` the results are not ours to write, but what the person changed is.
        by_action = login.settings.metadata.policy == "action"
        if sealed or not by_action:
            steps = () if by_action else settled.written_steps
            here = replace(login, transaction=settled)
            update = update_of(here, steps, now=now, waiting=not by_action, event_id=event_id, sealed=sealed)
            await outbox.enqueue(connection, update)
        return settled.finish_metadata(MetadataOutcome.CARRIED) if by_action else settled


def _wait_until(login: Login, now: datetime) -> datetime:
    last_call = login.transaction.deadline - LAST_CALL
    rules = login.settings.metadata
    return last_call if rules.policy == "wait" else min(now + rules.deadline, last_call)
