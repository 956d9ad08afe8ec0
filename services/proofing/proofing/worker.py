"""Handles `VerifyIdentity`: once in effect, however often it is delivered and wherever the process dies.

Everything that a verification changes commits together: the inbox row, the verification with its checks, the
encrypted evidence, and the outbox row of `VerificationChanged`. Judging a document has no effect outside, so
a crash before the commit leaves nothing and a crash after it finds the inbox row.

A command that can never succeed is dead-lettered, and its login is told `error` first: nobody waits for ever.
"""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from common import inbox, outbox
from common.clock import Clock
from common.consumer import PoisonMessageError, UnknownTenantError
from common.db import Connection, Database
from common.messages import Message, Outcome, VerifyIdentity
from common.metrics import TENANTS
from common.relay import Relay
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.tracing import Span
from common.vault import Vault, VaultError
from proofing import erase_store, store
from proofing.errors import Failure, UnusableCommandError
from proofing.evidence import evidence_of, place_of, zone_of
from proofing.intake import open_submission
from proofing.metrics import JOB_DURATION, JOBS
from proofing.providers.base import Level, Provider, ProviderResult, Reason
from proofing.verification import Verification

# A second pass without a first one.
_UNKNOWN = ProviderResult(
    outcome=Outcome.DECLINED, level=Level.NONE, reasons=(Reason.PREVIOUS_UNKNOWN,), checks=()
)

log = structlog.stdlib.get_logger()


class Worker:
    """The handler of the proofing queue."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        vault: Vault,
        sealer: Sealer,
        tenants: TenantsWatcher,
        providers: Mapping[str, Provider],
        clock: Clock,
    ) -> None:
        self._database = database
        self._relay = relay
        self._vault = vault
        self._sealer = sealer
        self._tenants = tenants
        self._providers = providers
        self._clock = clock

    async def handle(self, message: Message) -> None:
        """Conclude one verification.

        Raises:
            PoisonMessageError: not a command of ours, or one that no provider can be asked about.
            UnknownTenantError: the tenants file does not have its tenant.
        """
        if not isinstance(message, VerifyIdentity):
            raise PoisonMessageError("not_for_this_service")
        if self._tenants.current.get(message.tenant) is None:
            raise UnknownTenantError(message.tenant)
        with JOB_DURATION.labels(self._known(message.provider)).time():
            await self._verify_or_fail(message)

    def _known(self, provider: str) -> str:
        """A label: what a message names may be anything."""
        return provider if provider in self._providers else "unknown"

    async def _verify_or_fail(self, command: VerifyIdentity) -> None:
        try:
            await self._verify(command)
        except UnusableCommandError as exc:
            log.warning("verification.unusable", verification_id=command.verification_id, reason=exc.failure)
            failed = Verification.request(command).fail(exc.failure, at=self._clock.now())
            await self._commit(command, failed, evidence=None)
            raise PoisonMessageError(exc.failure) from exc

    async def _verify(self, command: VerifyIdentity) -> None:
        requested = Verification.request(command)
        if command.deadline <= self._clock.now():
            await self._commit(command, requested.expire(at=self._clock.now()), evidence=None)
            return
        provider = self._providers.get(command.provider)
        if provider is None:
            raise UnusableCommandError(Failure.UNKNOWN_PROVIDER)
        submission = open_submission(command, sealer=self._sealer)
        if command.previous is not None:
            kept = await self._kept_zone(command, previous=command.previous)
            if kept is None:
                await self._commit(command, requested.conclude(_UNKNOWN, at=self._clock.now()), evidence=None)
                return
            submission = replace(submission, mrz=kept)
        with Span(f"verify by {command.provider}"):
            result = await provider.start(submission, policy=command.policy, reference=command.transaction_id)
        concluded = requested.conclude(result, at=self._clock.now())
        await self._commit(command, concluded, evidence=evidence_of(submission, result))

    async def _kept_zone(self, command: VerifyIdentity, *, previous: str) -> tuple[str, ...] | None:
        """The zone of an earlier verification that this person has passed; None if nothing is kept."""
        async with self._database.transaction(tenant=command.tenant) as connection:
            earlier = await store.find_approved(connection, command, verification_id=previous)
            content = await store.load_evidence(connection, earlier) if earlier else None
            if earlier is None or content is None:
                return None
            try:
                evidence = await self._vault.decrypt(connection, content, place=place_of(earlier))
            except VaultError:
                log.warning("evidence.does_not_open", verification_id=previous)
                return None
        return zone_of(evidence)

    async def _commit(
        self, command: VerifyIdentity, verification: Verification, *, evidence: bytes | None
    ) -> None:
        async with self._database.transaction(tenant=command.tenant) as connection:
            first = await inbox.record(connection, command)
            if first and await erase_store.is_erased(connection, verification):
                log.info("verification.dropped", verification_id=verification.verification_id)
                return
            if first and await store.insert_verification(connection, verification):
                await self._keep(connection, verification, evidence=evidence)
                await outbox.enqueue(connection, verification.changed(traceparent=command.traceparent))
            else:
                log.info("verification.repeated", verification_id=verification.verification_id)
                return
        self._relay.wake()
        provider = self._known(verification.provider)
        JOBS.labels(TENANTS.of(verification.tenant), provider, verification.status).inc()
        log.info(
            "verification.concluded",
            verification_id=verification.verification_id,
            provider=verification.provider,
            outcome=verification.status,
            assurance=verification.level,
            reasons=verification.reasons,
        )

    async def _keep(
        self, connection: Connection, verification: Verification, *, evidence: bytes | None
    ) -> None:
        if verification.checks:
            await store.insert_checks(connection, verification)
        tenant = self._tenants.current.get(verification.tenant)
        if tenant is None:
            raise UnknownTenantError(verification.tenant)
        if evidence is not None:
            content = await self._vault.encrypt(connection, evidence, place=place_of(verification))
            await store.insert_evidence(
                connection,
                verification,
                content=content,
                document_for=tenant.keeps_evidence,
                claims_for=tenant.keeps_claims,
            )
