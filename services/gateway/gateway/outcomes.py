"""What the other services make of a login: the handler of the gateway's queue."""

from dataclasses import replace

import structlog

from common import outbox
from common.clock import Clock
from common.consumer import PoisonMessageError
from common.db import Connection
from common.messages import (
    ForgetUser,
    Message,
    MetadataApplied,
    MetadataRejected,
    Outcome,
    UpdateMetadata,
    UserForgotten,
    VerificationChanged,
    VerifyIdentity,
)
from gateway import store
from gateway.attempts import attempts_left
from gateway.errors import NotFoundError, TransitionError
from gateway.login import Login
from gateway.logins import Change, Logins
from gateway.planner import Planner
from gateway.results import revs_by_step, update_of
from gateway.steps.idproof import reviews
from gateway.steps.idproof import rules as idproof
from gateway.transaction import OPEN, MetadataOutcome, Transaction, WaitingFor
from gateway.transaction_step import Conclusion, Step

log = structlog.stdlib.get_logger()


class Outcomes:
    """Applies events to logins, each once in effect."""

    def __init__(self, *, logins: Logins, planner: Planner, clock: Clock) -> None:
        self._logins = logins
        self._planner = planner
        self._clock = clock

    async def handle(self, message: Message) -> None:
        """Apply one event.

        Raises:
            PoisonMessageError: it names a login or verification that we do not have, or is not for us.
        """
        apply = self._change_for(message)

        async def change(connection: Connection, login: Login) -> Transaction:
            if not login.transaction.subject:
                return login.transaction  # erased: nothing is to come of it any more
            _require_same_person(login, message)
            return await apply(connection, login)

        try:
            await self._logins.change(message.transaction_id, change, tenant=message.tenant, once=message)
        except NotFoundError:
            raise PoisonMessageError("unknown_transaction") from None
        except TransitionError:
            raise PoisonMessageError("does_not_fit_the_transaction") from None

    def _change_for(self, message: Message) -> Change:
        match message:
            case VerificationChanged():
                return lambda connection, login: self._verified(connection, login, message)
            case MetadataApplied():
                return lambda _, login: self._applied(login, message)
            case MetadataRejected():
                return lambda _, login: self._rejected(login, message)
            case VerifyIdentity() | UpdateMetadata() | ForgetUser() | UserForgotten():
                raise PoisonMessageError("not_for_this_service")

    async def _verified(
        self, connection: Connection, login: Login, event: VerificationChanged
    ) -> Transaction:
        transaction = login.transaction
        step = transaction.step_of_verification(event.verification_id)
        if event.revision <= step.verification_revision:
            return transaction
        log.info("verification.noted", step=step.name, outcome=event.outcome, reason=event.reason)
        noted = transaction.note_verification(step.name, revision=event.revision)
        conclusion = idproof.conclusion_of(event, login.settings)
        waiting_jti = await reviews.note(connection, login, event)
        if not step.is_concluded and transaction.status in OPEN:
            return await self._decided(connection, login, noted, event, conclusion)
        late = step.end(replace(conclusion, takes_back=waiting_jti))
        await self._tell_late(connection, login, late)
        await self._planner.keep(connection, transaction, late)
        return noted

    async def _decided(
        self,
        connection: Connection,
        login: Login,
        noted: Transaction,
        event: VerificationChanged,
        conclusion: Conclusion,
    ) -> Transaction:
        """The login waited for this verdict: it goes on, unless it may be asked or waited for once more."""
        step = noted.step_of_verification(event.verification_id)
        if idproof.may_be_a_slip(event, login.settings):
            left = await attempts_left(connection, login, limit=idproof.limit_of(login.settings))
            if left:
                log.info("step.refused", step=step.name, reason=event.reason, attempts_left=left)
                return noted.try_again(step.name, conclusion)
        wait = idproof.rules_of(login.settings).review_wait
        if event.outcome is Outcome.REVIEW and wait:
            return noted.hold(step.name, conclusion, until=self._clock.now() + wait)
        return await self._planner.go_on(connection, login, noted.decide(step.name, conclusion))

    async def _tell_late(self, connection: Connection, login: Login, step: Step) -> None:
        """The login went on without this verdict, or was ended: it reaches the user's metadata by itself."""
        transaction = login.transaction
        rev = await store.next_rev(connection, tenant=transaction.tenant, subject=transaction.subject)
        late = update_of(login, (replace(step, rev=rev),), now=self._clock.now(), waiting=False)
        await outbox.enqueue(connection, late)

    async def _applied(self, login: Login, event: MetadataApplied) -> Transaction:
        transaction = login.transaction
        if transaction.waiting_for is not WaitingFor.METADATA:
            return transaction
        if not transaction.is_applied_by(revs_by_step(login, event.keys), others=_personal_revs(event)):
            return transaction
        log.info("metadata.applied")
        return transaction.finish_metadata(MetadataOutcome.APPLIED)

    async def _rejected(self, login: Login, event: MetadataRejected) -> Transaction:
        transaction = login.transaction
        revs = revs_by_step(login, event.keys)
        refused = _personal_revs(event)
        ours = any(
            revs.get(step.name) == step.rev or step.rev in refused for step in transaction.written_steps
        )
        if transaction.waiting_for is not WaitingFor.METADATA or not ours:
            return transaction
        log.warning("metadata.rejected", reason=event.reason)
        return transaction.finish_metadata(MetadataOutcome.FAILED)


def _personal_revs(event: MetadataApplied | MetadataRejected) -> set[int]:
    """Those of what the person changed about themselves: sent with the results, as the same rev."""
    return {rev for keys in event.personal.values() for rev in keys.values()}


def _require_same_person(login: Login, message: Message) -> None:
    """An event about another tenant or user has nothing to say to this login, whatever id it names.

    Raises:
        TransitionError: it is about another one.
    """
    transaction = login.transaction
    user_id = transaction.subject if isinstance(message, VerificationChanged) else message.user_id
    if (message.tenant, user_id) != (transaction.tenant, transaction.subject):
        raise TransitionError("about another person")
