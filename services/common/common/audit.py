"""The audit trail: what happened to whom, without personal data, written in the transaction of what it tells.

A service can add entries and do nothing else with them. Every few seconds what is new becomes the next batch
of a chain of digests (audit_chain.py), so that whoever changes or removes an entry later breaks it. An entry
names a person by a pseudonym under their own data key: once they are erased, nobody can tell whose it was.

```python
# before the person's key is deleted
subject = await audit.pseudonym(connection, vault, tenant="acme", user_id="auth0|…")
await audit.append(connection, Entry(event=Audited.PERSON_ERASED, tenant="acme", subject=subject))
```
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from common.db import Connection
from common.vault import DataKey, Vault

_PURPOSE = b"waystation audit: pseudonyms, 1"
_PSEUDONYM_BYTES = 16


class Audited(StrEnum):
    """What is worth an entry; docs/operations.md says what each of them means."""

    LOGIN_OPENED = "login.opened"
    LOGIN_CLAIMED = "login.claimed"
    LOGIN_REFUSED = "login.refused"
    LOGIN_EXPIRED = "login.expired"
    LOGIN_DISPLACED = "login.displaced"
    LOGIN_CANCELLED = "login.cancelled"
    STEP_CONCLUDED = "step.concluded"
    CONSENT_GIVEN = "consent.given"
    CONSENT_DECLINED = "consent.declined"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event
    ANSWER_SIGNED = "answer.signed"
    REVIEW_SHOWN = "review.shown"
    REVIEW_DECIDED = "review.decided"
    WRITE_DROPPED = "write.dropped"
    LETTER_REDRIVEN = "letter.redriven"
    LETTER_DROPPED = "letter.dropped"
    PERSON_ERASED = "person.erased"
    KEYS_ROTATED = "keys.rotated"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry. Texts are codes, ids and versions, never what a person typed or is called.

    `tenant` is None for what concerns all of them. `about` is what of a login it is about, such as a step or
    a document; `reasons` are codes without spaces.
    """

    event: Audited
    tenant: str | None
    transaction_id: str | None = None
    subject: bytes | None = field(default=None, repr=False)
    about: str | None = None
    outcome: str | None = None
    reasons: tuple[str, ...] = ()


async def append(connection: Connection, *entries: Entry) -> None:
    """Add entries in the caller's transaction, by one statement; one without a tenant only across tenants."""
    if entries:
        await connection.execute(
            """
            INSERT INTO audit_events (tenant, event, transaction_id, subject, about, outcome, reasons)
            SELECT tenant, event, transaction_id, subject, about, outcome,
                string_to_array(reasons, ' ')
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[])
                AS added (tenant, event, transaction_id, subject, about, outcome, reasons)
            """,
            *_columns(entries),
        )


def _columns(entries: Sequence[Entry]) -> tuple[Sequence[object], ...]:
    return (
        [entry.tenant for entry in entries],
        [entry.event for entry in entries],
        [entry.transaction_id for entry in entries],
        [entry.subject for entry in entries],
        [entry.about for entry in entries],
        [entry.outcome for entry in entries],
        [" ".join(entry.reasons) for entry in entries],
    )


async def find(connection: Connection, *, what: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """The newest entries of this tenant or transaction, in the order in which they were made."""
    rows = await connection.fetch(
        """
        SELECT number, at, tenant, event, transaction_id, subject, about, outcome, reasons
        FROM audit_events WHERE tenant = $1 OR transaction_id = $1 ORDER BY id DESC LIMIT $2
        """,
        what,
        limit,
    )
    return [dict(row) for row in reversed(rows)]


async def pseudonym(connection: Connection, vault: Vault, *, tenant: str, user_id: str) -> bytes:
    """What the trail calls this person; makes the data key in the same transaction if there is none."""
    person = (tenant, user_id)
    keys = await vault.keys_of(connection, {person})
    return pseudonym_by(keys[person])


def pseudonym_by(key: DataKey) -> bytes:
    """What the trail calls the person whose key this is; without the key nobody can tell."""
    return hmac.digest(key.secret, _PURPOSE, "sha256")[:_PSEUDONYM_BYTES]
