"""SQL of identity proofing: one function, one statement."""

from dataclasses import dataclass
from datetime import datetime

from common.db import Connection
from gateway.login import Login
from gateway.steps.idproof.rules import NAME


@dataclass(frozen=True, kw_only=True)
class OpenReview:
    """A verification that waits for a person, whose login was in this browser."""

    verification_id: str
    promised_until: datetime


async def has_consented(connection: Connection, login: Login) -> bool:
    found = await connection.fetchval(
        "SELECT true FROM idproof_consents WHERE tenant = $1 AND transaction_id = $2",
        login.transaction.tenant,
        login.id,
    )
    return found is not None


async def insert_consent(connection: Connection, login: Login, *, revision: int, text_revision: int) -> None:
    """`revision` is of the tenant's wording, `text_revision` of ours."""
    await connection.execute(
        """
        INSERT INTO idproof_consents (tenant, transaction_id, text_revision, revision)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """,
        login.transaction.tenant,
        login.id,
        text_revision,
        revision,
    )


async def insert_review(
    connection: Connection, login: Login, *, verification_id: str, promised_until: datetime
) -> None:
    await connection.execute(
        """
        INSERT INTO idproof_reviews
            (tenant, verification_id, subject, device, revision, promised_until, jti)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
        """,
        login.transaction.tenant,
        verification_id,
        login.transaction.subject,
        login.transaction.device,
        login.transaction.step(NAME).revision,
        promised_until,
        login.transaction.jti,
    )


async def find_review(connection: Connection, login: Login, *, now: datetime) -> OpenReview | None:
    """What this person waits for in this browser, at the required revision or a later one."""
    row = await connection.fetchrow(
        """
        SELECT verification_id, promised_until FROM idproof_reviews
        WHERE tenant = $1 AND subject = $2 AND device = $3 AND revision >= $4 AND promised_until > $5
        ORDER BY promised_until DESC LIMIT 1
        """,
        login.transaction.tenant,
        login.transaction.subject,
        login.transaction.device,
        login.transaction.step(NAME).revision,
        now,
    )
    return None if row is None else OpenReview(**row)


async def hand_on_review(connection: Connection, login: Login, *, verification_id: str) -> None:
    """From now on this login is the one that answers for the review."""
    await connection.execute(
        "UPDATE idproof_reviews SET jti = $3 WHERE tenant = $1 AND verification_id = $2",
        login.transaction.tenant,
        verification_id,
        login.transaction.jti,
    )


async def delete_review(connection: Connection, login: Login, *, verification_id: str) -> str | None:
    """The jti of the login that answered for it last."""
    jti: str | None = await connection.fetchval(
        "DELETE FROM idproof_reviews WHERE tenant = $1 AND verification_id = $2 RETURNING jti",
        login.transaction.tenant,
        verification_id,
    )
    return jti
