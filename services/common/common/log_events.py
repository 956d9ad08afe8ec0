"""Log events that every service can write, because shared code writes them."""

from common.log import Event

COMMON_EVENTS = (
    Event("service.started", "info", ("tenants",), "The process serves and consumes."),
    Event(
        "service.waiting",
        "warning",
        ("error_type", "cause"),
        "The database does not answer, or lacks migrations; asked again, and nothing is served meanwhile.",
    ),
    Event("service.stopped", "info", (), "The process has drained and closed everything."),
    Event("service.failed", "error", ("error_type",), "A named error ended the process; see its README."),
    Event(
        "database.unavailable",
        "warning",
        ("task",),
        "PostgreSQL does not answer; `task` tries again by itself.",
    ),
    Event(
        "audit.sealed",
        "info",
        ("seal", "events", "digest"),
        "A batch of the audit trail was sealed; kept elsewhere, `seal:digest` proves the trail up to it.",
    ),
    Event("broker.unavailable", "warning", ("error_type",), "RabbitMQ does not answer; tried again."),
    Event("broker.available", "info", (), "RabbitMQ answers again."),
    Event("broker.close_failed", "warning", ("error_type",), "A connection was dropped instead of closed."),
    Event(
        "message.not_confirmed",
        "warning",
        ("routing_key", "event_id", "attempt", "error_type"),
        "A publish was not confirmed; the outbox row is published again.",
    ),
    Event(
        "message.expired",
        "warning",
        ("routing_key", "event_id"),
        "A message waited in the outbox until it was of no use any more, and was dropped.",
    ),
    Event(
        "message.failed",
        "error",
        ("message_type", "event_id"),
        "A handler met an error that nobody foresaw; it is tried again, ten times in all.",
    ),
    Event(
        "message.parked",
        "error",
        ("reason", "event_id", "queue"),
        "A message went to `<queue>.dead`: look at its header x-reason.",
    ),
    Event(
        "message.tenant_unknown",
        "warning",
        ("message_type", "event_id"),
        "The tenants file of this service lacks the tenant; tried again for ten minutes.",
    ),
    Event(
        "retention.enforced",
        "info",
        ("removed",),
        "What is kept no longer was deleted: how many rows of what.",
    ),
    Event("tenants.reloaded", "info", ("tenants",), "A changed tenants file is in use."),
    Event(
        "tenants.reload_refused",
        "warning",
        ("mistakes",),
        "A changed tenants file is wrong; the old one stays in use.",
    ),
)
