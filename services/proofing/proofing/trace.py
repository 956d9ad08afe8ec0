"""What proofing tells `waystation trace` of a login."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.db import Connection
from common.trace import DATABASE, Moment, Person, Sought, Told, audited, unsent

_SERVICE = "proofing"


async def moments_of(connection: Connection, sought: Sought) -> Told:
    """Its verifications and who looked at them, its audit trail, its messages."""
    rows = await connection.fetch(
        """
        SELECT verification_id, tenant, user_id, step, provider, status, level, reasons, requested_at,
            concluded_at
        FROM verifications WHERE transaction_id = $1 ORDER BY requested_at
        """,
        sought.transaction_id,
    )
    moments = await audited(connection, sought, service=_SERVICE)
    gaps = await unsent(connection, sought, service=_SERVICE)
    for row in rows:
        moments.append(_moment(row["requested_at"], "verification.requested", row["step"], row["provider"]))
        if row["concluded_at"]:
            told = " ".join((row["status"], row["level"], *row["reasons"]))
            moments.append(_moment(row["concluded_at"], "verification.concluded", "", told))
        else:
            gaps.append(f"verification {row['verification_id']} is not concluded")
        if row["status"] == "review":
            gaps.append(f"verification {row['verification_id']} waits for a person: waystation reviews")
    return Told(moments=moments, gaps=gaps, person=_person(dict(rows[0]), sought) if rows else None)


def _moment(at: datetime, event: str, about: str, text: str) -> Moment:
    return Moment(at=at, service=_SERVICE, source=DATABASE, event=event, about=about, text=text)


def _person(row: Mapping[str, Any], sought: Sought) -> Person | None:
    return sought.person or Person(tenant=row["tenant"], user_id=row["user_id"])
