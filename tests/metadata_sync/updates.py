"""Updates as the gateway sends them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.messages import DesiredValue, UpdateMetadata, new_event_id
from common.tracing import new_traceparent

KEY = "waystation_idproof"


def value(rev: int, status: str = "passed") -> dict[str, Any]:
    return {"v": 1, "rev": rev, "status": status}


def update(rev: int = 1, *, user_id: str, waiting: bool = True, **changes: Any) -> UpdateMetadata:
    """One step's result at this rev, of transaction `tx-<rev>`."""
    now = datetime.now(UTC)
    fields = {
        "event_id": new_event_id(),
        "tenant": "acme",
        "transaction_id": f"tx-{rev}",
        "occurred_at": now,
        "traceparent": new_traceparent(),
        "user_id": user_id,
        "waiting": waiting,
        "deadline": now + timedelta(minutes=45),
        "keys": {KEY: DesiredValue(rev=rev, value=value(rev))},
    }
    return UpdateMetadata(**{**fields, **changes})
