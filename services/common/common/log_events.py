"""Log events that every service can write, because shared code writes them."""

from common.log_catalogue import (
    ATTEMPT,
    CAUSE,
    COMMAND,
    DIGEST,
    ERROR_TYPE,
    EVENT_ID,
    EVENT_IDS,
    EVENTS,
    LETTERS,
    LOGGER,
    MESSAGE_TYPE,
    MISTAKES,
    QUEUE,
    REASON,
    REMOVED,
    ROUTING_KEY,
    SEAL,
    SOURCE,
    TASK,
    TEMPLATE,
    TENANTS,
)
from common.log_contract import About, Event
from common.log_foreign import LIBRARY_MESSAGE, UNHANDLED

UNKNOWN_EVENT = "log.unknown_event"

BUILT_IN_EVENTS = (
    Event(
        UNKNOWN_EVENT,
        "warning",
        (SOURCE,),
        "The code at `source` logged something that its catalogue does not have.",
        do="Report it with its `source`: it is a mistake of ours, and nothing of a login was lost by it.",
        at_any_level=True,
    ),
    Event(
        LIBRARY_MESSAGE,
        "info",
        (LOGGER, SOURCE, TEMPLATE.maybe()),
        "A library logged something; its words are left out. The broker's libraries say `warning` at most.",
        do="Look at the lines of ours beside it; the library's code at `source` says what it means.",
        at_any_level=True,
    ),
    Event(
        UNHANDLED,
        "critical",
        (SOURCE, TEMPLATE.maybe()),
        "An error that nobody caught, by the hook `source` that did in the end.",
        do="Report it with its stack trace: it is a mistake of ours.",
    ),
)

COMMON_EVENTS = (
    Event("service.started", "info", (TENANTS,), "The process serves and consumes."),
    Event(
        "service.waiting",
        "warning",
        (ERROR_TYPE.always().among("DatabaseUnavailableError", "SchemaOutdatedError"), CAUSE),
        "The database does not answer, or lacks migrations; asked again, and nothing is served meanwhile.",
        do="For minutes: look at `cause`; run `waystation migrate`, or bring the database back.",
    ),
    Event("service.stopped", "info", (), "The process has drained and closed everything."),
    Event(
        "service.failed",
        "error",
        (ERROR_TYPE.always(),),
        "A named error that nothing in the service handled ended the process; stderr has its sentence.",
        do="`BrokerRefusedError`: correct user, password or virtual host of `AMQP_URL`. Any other: report it "
        "with that sentence; the supervisor starts the process again.",
    ),
    Event(
        "database.unavailable",
        "warning",
        (TASK,),
        "PostgreSQL does not answer; `task` tries again by itself.",
        do="For more than seconds: bring the database back. Nothing is lost meanwhile.",
    ),
    Event(
        "audit.sealed",
        "info",
        (SEAL, EVENTS, DIGEST),
        "A batch of the audit trail was sealed; kept elsewhere, `seal:digest` proves the trail up to it.",
    ),
    Event(
        "broker.unavailable",
        "warning",
        (ERROR_TYPE.always(),),
        "RabbitMQ does not answer; tried again.",
        do="Without `broker.available` after it: bring the broker back. Logins wait in the outbox meanwhile.",
    ),
    Event("broker.available", "info", (), "RabbitMQ answers again."),
    Event(
        "message.not_confirmed",
        "warning",
        (ROUTING_KEY, EVENT_ID, ATTEMPT, ERROR_TYPE.always()),
        "A publish was not confirmed; the outbox row is published again.",
        do="Again and again: the broker is away or full, or a queue is missing.",
    ),
    Event(
        "message.expired",
        "warning",
        (ROUTING_KEY, EVENT_ID),
        "A message waited in the outbox until it was of no use any more, and was dropped.",
        do="Look how long the broker was away; the logins concerned have gone on as pending.",
    ),
    Event(
        "message.failed",
        "error",
        (MESSAGE_TYPE, EVENT_ID),
        "A handler met an error that nobody foresaw; it is tried again, ten times in all.",
        do="Report it with its stack trace: it is a mistake of ours.",
        about=About.LOGIN,
    ),
    Event(
        "message.parked",
        "error",
        (REASON, EVENT_ID.maybe(), QUEUE),
        "A message went to `<queue>.dead`; its header `x-reason` is the `reason`.",
        do="Look the reason up in the README, remove the cause, then `waystation dead-letters redrive`.",
    ),
    Event(
        "letters.redriven",
        "info",
        (QUEUE, REASON, LETTERS, EVENT_IDS, COMMAND),
        "An operator sent letters out of `<queue>.dead` to the queue again; a line has twenty of one reason.",
    ),
    Event(
        "letters.dropped",
        "info",
        (QUEUE, REASON, LETTERS, EVENT_IDS, COMMAND),
        "An operator gave up letters of `<queue>.dead`, for good; a line has twenty of one reason.",
    ),
    Event(
        "message.tenant_unknown",
        "warning",
        (MESSAGE_TYPE, EVENT_ID),
        "The tenants file of this service lacks the tenant; tried again for ten minutes.",
        do="Give this service the tenants file that the gateway has.",
        about=About.LOGIN,
    ),
    Event(
        "traces.not_exported",
        "warning",
        (),
        "The collector does not take our spans; they are lost meanwhile, and nothing else is.",
        do="Bring the collector at `OTEL_EXPORTER_OTLP_ENDPOINT` back, or look at what it refuses.",
    ),
    Event("traces.exported", "info", (), "The collector takes our spans again."),
    Event(
        "retention.enforced",
        "info",
        (REMOVED,),
        "What is kept no longer was deleted: how many rows of what.",
        about=About.TENANT,
    ),
    Event("tenants.reloaded", "info", (TENANTS,), "A changed tenants file is in use."),
    Event(
        "tenants.reload_refused",
        "warning",
        (MISTAKES,),
        "A changed tenants file is wrong; the old one stays in use.",
        do="Correct what `mistakes` lists; `waystation tenants check` says the same of a file beforehand.",
    ),
)
