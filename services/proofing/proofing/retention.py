"""What proofing keeps how long: the rules of its retention job.

A document goes when the first of two ends has come: what held when it was typed, and what the tenants file
says now. What was concluded from it may stay longer; without both, nothing of the person is left in the row.
"""

from collections.abc import Mapping

import structlog

from common.db import Connection
from common.retention import Rule
from common.tenants import Tenant
from common.vault import KeyFileMissingError, Vault, VaultError
from proofing import retention_store, store
from proofing.evidence import claims_alone, place_of
from proofing.verification import Verification

log = structlog.stdlib.get_logger()


def rules(vault: Vault) -> Mapping[str, Rule]:
    """The rules by what they delete."""

    async def documents(connection: Connection, tenant: Tenant) -> int:
        due = await retention_store.due_documents(connection, tenant=tenant.key, since=tenant.keeps_evidence)
        for verification in await retention_store.verifications(connection, tenant=tenant.key, ids=due):
            try:
                await _reduce(connection, verification, vault=vault)
            except KeyFileMissingError:
                # With its file the claims open again: nothing is given up for a mistake in the settings.
                log.warning("evidence.does_not_open", verification_id=verification.verification_id)
                return 0
        return len(due)

    return {
        "evidence": _evidence,
        "documents": documents,
        "verifications": _verifications,
        "data_keys": _keys,
        "erasures": _erasures,
    }


async def _reduce(connection: Connection, verification: Verification, *, vault: Vault) -> None:
    """Keep the claims alone, encrypted anew; what does not open, or claims nothing, goes as a whole."""
    place, claims = place_of(verification), None
    content = await store.load_evidence(connection, verification)
    try:
        claims = claims_alone(await vault.decrypt(connection, content or b"", place=place))
    except KeyFileMissingError:
        raise
    except VaultError:
        log.warning("evidence.does_not_open", verification_id=verification.verification_id)
    if claims is None:
        await retention_store.delete_evidence(connection, verification)
        return
    reduced = await vault.encrypt(connection, claims, place=place)
    await retention_store.save_reduced(connection, verification, content=reduced)


async def _evidence(connection: Connection, tenant: Tenant) -> int:
    return await retention_store.delete_old_evidence(connection, tenant=tenant.key, since=tenant.keeps_claims)


async def _verifications(connection: Connection, tenant: Tenant) -> int:
    return await retention_store.delete_verifications(
        connection, tenant=tenant.key, since=tenant.retention.verifications
    )


async def _keys(connection: Connection, tenant: Tenant) -> int:
    return await retention_store.delete_keys(connection, tenant=tenant.key, since=tenant.keeps_claims)


async def _erasures(connection: Connection, tenant: Tenant) -> int:
    return await retention_store.delete_erasures(
        connection, tenant=tenant.key, since=tenant.retention.erasures
    )
