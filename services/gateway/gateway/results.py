"""What a concluded step leaves in the user's metadata, and how it finds its way back from there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from common import tracing
from common.messages import DesiredValue, UpdateMetadata, new_event_id
from gateway.login import Login
from gateway.transaction_step import Step


def metadata_key(login: Login, step: str) -> str:
    """One key per step and writer: Auth0 merges the first level only."""
    return f"{login.settings.metadata.namespace}_{step}"


def metadata_value(login: Login, step: Step) -> dict[str, Any]:
    """The value of `<namespace>_<step>`; `v` is the revision of the step that it answers."""
    ended = step.conclusion
    value = {
        "v": step.revision,
        "rev": step.rev,
        "status": step.status,
        "level": ended.level if ended else None,
        "at": iso(ended.at) if ended else None,
        "until": iso(ended.until) if ended and ended.until else None,
        "reason": ended.reason if ended else None,
        "ref": ended.reference if ended else None,
        "jti": (ended.takes_back if ended else None) or login.transaction.jti,
    }
    return value | {"details": dict(ended.details)} if ended and ended.details else value


def update_of(
    login: Login,
    steps: tuple[Step, ...],
    *,
    now: datetime,
    waiting: bool,
    event_id: str | None = None,
    sealed: str | None = None,
) -> UpdateMetadata:
    """Have these results written; `waiting` says that a person waits for it in a browser.

    They wait until the login goes on without it. `sealed` holds what else of the person is to be written; it
    was sealed for the message of that `event_id`.
    """
    transaction = login.transaction
    return UpdateMetadata(
        event_id=event_id or new_event_id(),
        sealed=sealed,
        tenant=transaction.tenant,
        transaction_id=transaction.id,
        occurred_at=now,
        traceparent=tracing.onward(login.traceparent),
        user_id=transaction.subject,
        waiting=waiting,
        deadline=transaction.waiting_until or transaction.deadline,
        keys={
            metadata_key(login, step.name): DesiredValue(rev=step.rev or 0, value=metadata_value(login, step))
            for step in steps
        },
    )


def revs_by_step(login: Login, keys: Mapping[str, int]) -> dict[str, int]:
    """The confirmed rev per step name, from the confirmed rev per metadata key."""
    return {
        step.name: keys[key]
        for step in login.transaction.steps
        if (key := metadata_key(login, step.name)) in keys
    }


def iso(time: datetime) -> str:
    """`2026-11-22T01:02:03Z`: what Auth0's own timestamps look like, whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
