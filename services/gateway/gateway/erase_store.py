"""What there is of a person in the gateway: locked, deleted, and that it was. One function, one statement."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from common.db import Connection
from common.tokens_answer import ANSWER_LIFETIME


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One erasure: of what came before `rev`; `settle_at` is when `keys` are deleted once more, if at all.

    `proofing_at` and `metadata_sync_at`: when the service has reported that nothing is left there.
    """

    tenant: str
    id: str
    subject: str
    rev: int
    keys: tuple[str, ...]
    erased_at: datetime
    settle_at: datetime | None = None
    proofing_at: datetime | None = None
    metadata_sync_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return self.proofing_at is not None and self.metadata_sync_at is not None


@dataclass(frozen=True, kw_only=True)
class HeldLogins:
    """All logins of one person, locked: the open ones, and what they and the others tell of the tenant.

    `answered_until`: when the last answer token expires, if one ever went out; `now` is the database's time.
    """

    count: int
    open_ids: tuple[str, ...]
    namespaces: frozenset[str]
    answered_until: datetime | None
    now: datetime


async def hold_logins(
    connection: Connection, *, tenant: str, subject: str, statuses: Collection[str]
) -> HeldLogins:
    """Lock them until the transaction ends; those with one of these statuses are open."""
    row = await connection.fetchrow(
        """
        WITH held AS (
            SELECT id, status, settings, answered_until FROM transactions
            WHERE tenant = $1 AND subject = $2 ORDER BY id FOR UPDATE
        )
        SELECT count(*) AS count, ws_now() AS now,
            max(coalesce(answered_until, CASE WHEN status = 'handed_back' THEN ws_now() + $4 END))
                AS answered_until,
            coalesce(array_agg(id) FILTER (WHERE status = ANY ($3)), '{}') AS open_ids,
            coalesce(array_agg(DISTINCT settings -> 'metadata' ->> 'namespace'), '{}') AS namespaces
        FROM held
        """,
        tenant,
        subject,
        list(statuses),
        ANSWER_LIFETIME,
    )
    if row is None:
        raise AssertionError("an aggregate has a row")
    return HeldLogins(
        count=row["count"],
        open_ids=tuple(row["open_ids"]),
        namespaces=frozenset(name for name in row["namespaces"] if name),
        answered_until=row["answered_until"],
        now=row["now"],
    )


async def delete_rows(connection: Connection, *, tenant: str, subject: str) -> None:
    """Everything but the rows of logins, which name nobody any more, and those of erasures."""
    await connection.execute(
        """
        WITH logins AS (
            UPDATE transactions SET subject = '', state = NULL, profile = NULL, changes = NULL,
                authorize = NULL, network = NULL, device = NULL, language = NULL, ui_locales = '{}'
            WHERE tenant = $1 AND subject = $2 RETURNING id
        ), codes AS (
            DELETE FROM stepup_codes USING logins WHERE tenant = $1 AND transaction_id = logins.id
        ), consents_to_checks AS (
            DELETE FROM idproof_consents USING logins WHERE tenant = $1 AND transaction_id = logins.id
        ), reviews AS (
            DELETE FROM idproof_reviews WHERE tenant = $1 AND subject = $2
        ), posted AS (
            DELETE FROM mails WHERE tenant = $1 AND subject = $2
        ), results AS (
            DELETE FROM step_results WHERE tenant = $1 AND subject = $2
        ), answers AS (
            DELETE FROM last_answers WHERE tenant = $1 AND subject = $2
        ), attempts AS (
            DELETE FROM step_attempts WHERE tenant = $1 AND subject = $2
        ), receipts AS (
            DELETE FROM consent_receipts WHERE tenant = $1 AND subject = $2
        )
        DELETE FROM user_revisions WHERE tenant = $1 AND subject = $2
        """,
        tenant,
        subject,
    )


async def insert(connection: Connection, erasure: Erasure) -> None:
    await connection.execute(
        """
        INSERT INTO erasures (tenant, id, subject, rev, keys, erased_at, settle_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        erasure.tenant,
        erasure.id,
        erasure.subject,
        erasure.rev,
        erasure.keys,
        erasure.erased_at,
        erasure.settle_at,
    )


async def last_of(connection: Connection, *, tenant: str, subject: str) -> Erasure | None:
    """The person's last erasure."""
    row = await connection.fetchrow(
        """
        SELECT tenant, id, subject, rev, keys, erased_at, settle_at, proofing_at, metadata_sync_at
        FROM erasures WHERE tenant = $1 AND subject = $2 ORDER BY rev DESC LIMIT 1
        """,
        tenant,
        subject,
    )
    return None if row is None else Erasure(**dict(row) | {"keys": tuple(row["keys"])})


async def note(connection: Connection, *, tenant: str, identifier: str, service: str) -> bool:
    """That a service has nothing left; False if there is no such erasure."""
    noted = await connection.fetchval(
        """
        UPDATE erasures SET
            proofing_at = coalesce(proofing_at, CASE WHEN $3 = 'proofing' THEN ws_now() END),
            metadata_sync_at = coalesce(metadata_sync_at, CASE WHEN $3 = 'metadata-sync' THEN ws_now() END)
        WHERE tenant = $1 AND id = $2 RETURNING true
        """,
        tenant,
        identifier,
        service,
    )
    return noted is not None
