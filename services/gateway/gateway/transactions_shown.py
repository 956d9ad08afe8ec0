"""What operators see of a login, as a table and as JSON: nothing that its person typed or is called."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

COLUMNS = ("id", "tenant", "application", "state", "steps", "age")


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "tenant": row["tenant"],
        "application": row["client_id"],
        "state": row["status"],
        "waiting_for": row["waiting_for"],
        "claimed": row["is_claimed"],
        "metadata": row["metadata"],
        "steps": [_step(step) for step in json.loads(row["steps"])],
        "opened_at": row["opened_at"].isoformat(),
        "deadline": row["deadline"].isoformat(),
        "age": round((row["now"] - row["opened_at"]).total_seconds()),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    conclusion = step.get("conclusion") or {}
    return {
        "name": step["name"],
        "status": step["status"],
        "level": conclusion.get("level"),
        "reason": conclusion.get("reason"),
    }


def row(listed: Mapping[str, Any]) -> tuple[str, ...]:
    waiting = f" for {listed['waiting_for']}" if listed["waiting_for"] else ""
    steps = ", ".join(f"{step['name']} {step['status']}" for step in listed["steps"])
    age = str(timedelta(seconds=listed["age"]))
    return (listed["id"], listed["tenant"], listed["application"], listed["state"] + waiting, steps, age)


def time_of(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
