"""What operators see of a dead letter, as a table and as JSON."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from common.dead_letters import DeadLetter

SHOWN_BYTES = 2_000
COLUMNS = ("queue", "id", "type", "tenant", "transaction", "reason", "age")


def as_json(letter: DeadLetter, now: datetime) -> dict[str, Any]:
    return {
        "queue": letter.queue,
        "id": letter.id,
        "reason": letter.reason,
        "type": letter.type,
        "version": letter.version,
        "tenant": letter.tenant,
        "transaction_id": letter.transaction_id,
        "occurred_at": letter.occurred_at.isoformat() if letter.occurred_at else None,
        "parked_at": letter.parked_at.isoformat() if letter.parked_at else None,
        "age": round((now - letter.since).total_seconds()) if letter.since else None,
        "bytes": letter.size,
    }


def row(listed: Mapping[str, Any]) -> tuple[str, ...]:
    age = "-" if listed["age"] is None else str(timedelta(seconds=listed["age"]))
    kind = f"{listed['type']}.v{listed['version']}" if listed["type"] else "-"
    tenant, transaction = listed["tenant"] or "-", listed["transaction_id"] or "-"
    return (listed["queue"], listed["id"], kind, tenant, transaction, listed["reason"], age)


def unreadable(letter: DeadLetter) -> str | None:
    return None if letter.content else ascii(letter.body[:SHOWN_BYTES])[2:-1]
