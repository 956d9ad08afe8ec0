"""What the gateway tells `waystation trace` of a login."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from common.db import Connection
from common.trace import DATABASE, Moment, Person, Sought, Told, audited, unsent
from gateway.transaction import LAST_CALL, OPEN

_SERVICE = "gateway"


async def moments_of(connection: Connection, sought: Sought) -> Told:
    """Its row, its audit trail, its messages."""
    found = await connection.fetchrow(
        """
        SELECT tenant, subject, status, waiting_for, waiting_until, metadata, steps, opened_at, deadline,
            traceparent, claimed_by IS NOT NULL AS is_claimed, ws_now() AS now,
            (SELECT count(*) FROM mails WHERE transaction_id = transactions.id) AS mails
        FROM transactions WHERE id = $1
        """,
        sought.transaction_id,
    )
    if found is None:
        return Told()
    row = dict(found)
    moments = await audited(connection, sought, service=_SERVICE)
    opened = Moment(at=row["opened_at"], service=_SERVICE, source=DATABASE, event="login.opened")
    if not any(moment.event == opened.event for moment in moments):
        moments.insert(0, opened)
    steps = json.loads(row["steps"])
    revs = frozenset(step["rev"] for step in steps if step.get("rev"))
    return Told(
        moments=moments,
        gaps=[
            *_gaps(row, {moment.event for moment in moments}),
            *await unsent(connection, sought, service=_SERVICE),
        ],
        person=Person(tenant=row["tenant"], user_id=row["subject"], revs=revs),
        tenant=row["tenant"],
        state=row["status"],
        verdict=_verdict(row, steps),
        trace_id=row["traceparent"][3:35],
    )


def _gaps(row: Mapping[str, Any], events: set[str]) -> Iterator[str]:
    if row["status"] == "opened":
        yield "nobody has claimed it: its first page was not clicked on"
    if row["waiting_for"]:
        left = (row["deadline"] - row["now"]).total_seconds()
        at_most = max(0, left - LAST_CALL.total_seconds())
        yield f"it waits for {row['waiting_for']}, and goes on without it in {at_most:.0f} s at most"
    if row["mails"]:
        yield f"{row['mails']} mails of it are not sent yet"
    if row["status"] == "ready":
        yield "its answer was not asked for yet: the person has not gone on"
    if row["status"] == "handed_back" and "answer.signed" not in events:
        yield "the audit trail lacks that its answer was signed"
    if row["status"] in OPEN and row["now"] > row["deadline"]:
        yield "its deadline has passed and it is still open: no gateway runs"


def _verdict(row: Mapping[str, Any], steps: list[dict[str, Any]]) -> str:
    ended = ", ".join(f"{step['name']} {step['status']}{_why(step)}" for step in steps)
    metadata = f", metadata {row['metadata']}" if row["metadata"] else ""
    return f"{row['status']}: {ended}{metadata}"


def _why(step: Mapping[str, Any]) -> str:
    reason = (step.get("conclusion") or {}).get("reason")
    return f" ({reason})" if reason else ""
