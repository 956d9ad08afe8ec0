"""What those who asked for an update are told, in the outbox and in the log."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog

from common import outbox, tracing
from common.db import Connection
from common.messages import Kind, MetadataApplied, MetadataRejected, new_event_id
from common.outbox import OutgoingMessage
from metadata_sync.kinds import by_kind
from metadata_sync.state import Answer
from metadata_sync.store import User

log = structlog.stdlib.get_logger()


async def tell(
    connection: Connection, answers: Iterable[tuple[User, Answer]], *, at: datetime
) -> list[OutgoingMessage]:
    """Write one event for each transaction that asked, in the transaction of what it tells.

    Returns what the relay is to carry once that is committed.
    """
    events = [_event(answer, user=user, at=at) for user, answer in answers]
    return await outbox.enqueue_claimed(connection, events) if events else []


async def leave(connection: Connection, answers: Iterable[tuple[User, Answer]], *, at: datetime) -> None:
    """Write the same for the relay's next sweep, where nobody learns when it is committed."""
    for user, answer in answers:
        await outbox.enqueue(connection, _event(answer, user=user, at=at))


def announce(answers: Iterable[Answer], *, tenant: str) -> None:
    """Log the same, once it is committed."""
    for answer in answers:
        login = {
            "tenant": tenant,
            "transaction_id": answer.transaction_id,
            **tracing.log_context(answer.traceparent),
        }
        if answer.reason is None:
            log.info("metadata.applied", keys=answer.keys, **login)
        else:
            log.warning("metadata.rejected", reason=answer.reason, keys=answer.keys, **login)


def _event(answer: Answer, *, user: User, at: datetime) -> MetadataApplied | MetadataRejected:
    envelope: dict[str, Any] = {
        "event_id": new_event_id(),
        "tenant": user.tenant,
        "transaction_id": answer.transaction_id,
        "occurred_at": at,
        "traceparent": answer.traceparent,
    }
    personal = by_kind(answer.keys)
    keys = personal.pop(Kind.APP_METADATA, {})
    if answer.reason is None:
        return MetadataApplied(**envelope, user_id=user.user_id, keys=keys, personal=personal)
    return MetadataRejected(
        **envelope, user_id=user.user_id, keys=keys, personal=personal, reason=answer.reason
    )
