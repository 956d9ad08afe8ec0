"""SQL of consents: one function, one statement."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import asyncpg

from common.db import Connection
from gateway.login import Login
from gateway.steps.terms.receipt import Receipt
from gateway.steps.terms.rules import Consent, Said, Word

MOST_WORDS = 500


async def unknown_digests(connection: Connection, *, tenant: str, digests: Iterable[str]) -> list[str]:
    """Those of these texts that are not kept yet."""
    rows = await connection.fetch(
        """
        SELECT unnest($2::text[]) AS digest
        EXCEPT SELECT digest FROM document_texts WHERE tenant = $1 AND digest = ANY($2)
        """,
        tenant,
        list(digests),
    )
    return [row["digest"] for row in rows]


async def keep_texts(connection: Connection, *, tenant: str, contents: Mapping[str, str]) -> None:
    """Keep contents by digest."""
    await connection.execute(
        """
        INSERT INTO document_texts (tenant, digest, content)
        SELECT $1, digest, content FROM unnest($2::text[], $3::text[]) AS shown (digest, content)
        ORDER BY digest ON CONFLICT DO NOTHING
        """,
        tenant,
        list(contents.keys()),
        list(contents.values()),
    )


async def texts(connection: Connection, *, tenant: str, digests: Iterable[str]) -> dict[str, str]:
    """Contents by digest, as far as they are known."""
    rows = await connection.fetch(
        "SELECT digest, content FROM document_texts WHERE tenant = $1 AND digest = ANY($2)",
        tenant,
        list(digests),
    )
    return {row["digest"]: row["content"] for row in rows}


async def insert_receipt(connection: Connection, login: Login, receipt: Receipt, *, at: datetime) -> None:
    await connection.execute(
        """
        INSERT INTO consent_receipts (tenant, id, subject, transaction_id, given_at, receipt, record)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        login.transaction.tenant,
        receipt.id,
        login.transaction.subject,
        login.id,
        at,
        json.dumps(receipt.kantara),
        json.dumps(receipt.record),
    )


async def insert_consents(
    connection: Connection, login: Login, consents: Iterable[Consent], *, receipt: str
) -> None:
    await connection.executemany(
        """
        INSERT INTO consents
            (tenant, receipt, document, version, language, digest, title, mandatory, action)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        [
            (
                login.transaction.tenant,
                receipt,
                one.document,
                one.version,
                one.language,
                one.digest,
                one.title,
                one.mandatory,
                one.word,
            )
            for one in consents
        ],
    )


async def history(connection: Connection, login: Login) -> list[Said]:
    """Everything that the person has said, the newest first."""
    rows = await connection.fetch(
        """
        SELECT consents.*, given_at FROM consent_receipts
        JOIN consents ON consents.tenant = consent_receipts.tenant AND consents.receipt = consent_receipts.id
        WHERE consent_receipts.tenant = $1 AND subject = $2
        ORDER BY number DESC, document LIMIT $3
        """,
        login.transaction.tenant,
        login.transaction.subject,
        MOST_WORDS,
    )
    return [_said(row) for row in rows]


async def receipt(
    connection: Connection, login: Login, *, identifier: str, form: Literal["receipt", "record"]
) -> dict[str, Any] | None:
    """One receipt of this person, in one of its forms."""
    row = await connection.fetchrow(
        "SELECT receipt, record FROM consent_receipts WHERE tenant = $1 AND subject = $2 AND id = $3",
        login.transaction.tenant,
        login.transaction.subject,
        identifier,
    )
    return None if row is None else json.loads(row[form])


def _said(row: asyncpg.Record) -> Said:
    consent = Consent(
        document=row["document"],
        version=row["version"],
        language=row["language"],
        digest=row["digest"],
        title=row["title"],
        mandatory=row["mandatory"],
        word=Word(row["action"]),
    )
    return Said(consent=consent, at=row["given_at"], receipt=row["receipt"])
