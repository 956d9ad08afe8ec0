"""Verifications that wait for a person: found, shown with their evidence, decided.

A decision is one transaction: the verification's next revision, its evidence, who decided, and the outbox row
by which the gateway hears of it. A running proofing publishes that row.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import structlog

from common import audit, outbox
from common.audit import Audited, Entry
from common.db import Connection, Database
from common.tracing import new_traceparent
from common.vault import Vault
from proofing import store
from proofing.errors import UnknownReviewError
from proofing.evidence import decided_evidence, place_of
from proofing.providers.base import Check, Reason
from proofing.verification import Verification

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Review:
    """A verification as a reviewer sees it; `evidence` is personal."""

    verification: Verification
    checks: tuple[Check, ...]
    evidence: dict[str, Any] = field(repr=False)


class Reviews:
    """What a reviewer can do."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def waiting(self, *, tenant: str | None, limit: int) -> list[Verification]:
        """What waits for a person, the oldest first."""
        async with self._database.connection() as connection:
            return await store.find_reviews(connection, tenant=tenant, limit=limit)

    async def show(self, verification_id: str, *, reviewer: str) -> Review:
        """Decrypt what there is to look at; that `reviewer` has looked is kept.

        Raises:
            UnknownReviewError: there is no such verification.
            VaultError: its evidence does not open with these keys.
        """
        async with self._database.transaction() as connection:
            verification = await _load(connection, verification_id)
            evidence = await self._evidence(connection, verification)
            checks = await store.load_checks(connection, verification)
            await store.note_review(connection, verification, act="shown", reviewer=reviewer)
            await self._audit(connection, Audited.REVIEW_SHOWN, verification)
        log.info(
            "review.shown",
            verification_id=verification_id,
            tenant=verification.tenant,
            transaction_id=verification.transaction_id,
        )
        return Review(
            verification=verification, checks=checks, evidence=json.loads(evidence) if evidence else {}
        )

    async def decide(self, verification_id: str, *, reason: Reason | None, reviewer: str) -> Verification:
        """Approve, or with a reason decline.

        Raises:
            UnknownReviewError: there is no such verification.
            TransitionError: it does not wait for a person, or no longer.
            VaultError: its evidence does not open with these keys.
        """
        async with self._database.transaction() as connection:
            was = await _load(connection, verification_id)
            decided = was.decide(reason=reason, at=await store.now(connection))
            await store.save_decision(connection, decided)
            await self._decide_evidence(connection, decided)
            await store.note_review(connection, decided, act=decided.status, reviewer=reviewer, reason=reason)
            await self._audit(connection, Audited.REVIEW_DECIDED, decided, reason)
            await outbox.enqueue(connection, decided.changed(traceparent=new_traceparent()))
        log.info(
            "review.decided",
            verification_id=verification_id,
            tenant=decided.tenant,
            transaction_id=decided.transaction_id,
            outcome=decided.status,
            reason=reason,
        )
        return decided

    async def _audit(
        self, connection: Connection, event: Audited, verification: Verification, reason: Reason | None = None
    ) -> None:
        tenant, user_id = verification.tenant, verification.user_id
        entry = Entry(
            event=event,
            tenant=tenant,
            transaction_id=verification.transaction_id,
            subject=await audit.pseudonym(connection, self._vault, tenant=tenant, user_id=user_id),
            about=verification.step,
            outcome=verification.status,
            reasons=(reason,) if reason else (),
        )
        await audit.append(connection, entry)

    async def _evidence(self, connection: Connection, verification: Verification) -> bytes | None:
        content = await store.load_evidence(connection, verification)
        if content is None:
            return None
        return await self._vault.decrypt(connection, content, place=place_of(verification))

    async def _decide_evidence(self, connection: Connection, decided: Verification) -> None:
        evidence = await self._evidence(connection, decided)
        if evidence is None:
            return
        level, at = decided.level, decided.concluded_at or await store.now(connection)
        content = decided_evidence(evidence, level=level, at=at)
        encrypted = await self._vault.encrypt(connection, content, place=place_of(decided))
        await store.save_evidence(connection, decided, content=encrypted)


async def _load(connection: Connection, verification_id: str) -> Verification:
    verification = await store.load_verification(connection, verification_id=verification_id)
    if verification is None:
        raise UnknownReviewError("no verification has this id")
    return verification
