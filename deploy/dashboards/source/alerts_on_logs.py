"""What the ruler of Loki's watches: each alert on log events."""

from typing import Literal

from deploy.dashboards.source.model import Alert, Source
from deploy.dashboards.source.queries import EVERY_SERVICE, count, lines

_PER = "5m"


def _events(
    name: str,
    *events: str,
    says: str,
    runbook: str,
    service: str = EVERY_SERVICE,
    where: str = "",
    by: str = "service_name",
    limit: str = "> 0",
    lasting: str = "0s",
    severity: Literal["page", "ticket"] = "ticket",
) -> Alert:
    """So many lines of these events within five minutes."""
    pipeline = lines(*events, service=service, where=where, of_tenant=False)
    return Alert(
        name=f"Waystation{name}",
        source=Source.LOGS,
        value=count(pipeline, by=by, per=_PER),
        limit=limit,
        lasting=lasting,
        severity=severity,
        says=says,
        runbook=runbook,
    )


ON_LOGS = (
    _events(
        "Unforeseen",
        "request.failed",
        "message.failed",
        "write.failed_unexpectedly",
        "login.not_moved",
        "error.unhandled",
        "log.unknown_event",
        by="service_name, event",
        says="{{ $labels.event }} in {{ $labels.service_name }}: a case that nobody foresaw.",
        runbook="A mistake of ours",
    ),
    _events(
        "DoesNotStart",
        "service.waiting",
        lasting="3m",
        severity="page",
        says="A process of {{ $labels.service_name }} waits for its database or for migrations.",
        runbook="A process does not start",
    ),
    _events(
        "EndedByAnError",
        "service.failed",
        severity="page",
        says="A process of {{ $labels.service_name }} was ended by a named error.",
        runbook="A process does not start",
    ),
    _events(
        "DatabaseAway",
        "database.unavailable",
        limit="> 5",
        severity="page",
        says="{{ $labels.service_name }} does not reach PostgreSQL.",
        runbook="Database lost",
    ),
    _events(
        "BrokerAway",
        "broker.unavailable",
        lasting="2m",
        severity="page",
        says="{{ $labels.service_name }} does not reach RabbitMQ.",
        runbook="Broker lost",
    ),
    _events(
        "NotConfirmed",
        "message.not_confirmed",
        limit="> 10",
        says="The broker does not take what {{ $labels.service_name }} publishes.",
        runbook="Broker lost",
    ),
    _events(
        "Parked",
        "message.parked",
        by="queue, reason",
        says="A message for {{ $labels.queue }} was parked: {{ $labels.reason }}.",
        runbook="A message was parked",
    ),
    _events(
        "WentOnWithout",
        "login.went_on_without",
        service="gateway",
        by="tenant, waiting_for",
        limit="> 5",
        says="Logins of {{ $labels.tenant }} do not wait any more for their {{ $labels.waiting_for }}.",
        runbook="Logins go on without their result",
    ),
    _events(
        "WritesRejected",
        "metadata.rejected",
        service="metadata-sync",
        by="tenant, reason",
        says="{{ $labels.tenant }} will never take a write: {{ $labels.reason }}. It is parked.",
        runbook="Tenant refuses us",
    ),
    _events(
        "TokensRefused",
        "request.refused",
        service="gateway",
        where='code=~"session_token_.*|profile"',
        by="tenant, code",
        limit="> 20",
        says="Session tokens of {{ $labels.tenant }} are refused: {{ $labels.code }}.",
        runbook="Session tokens refused",
    ),
    _events(
        "KeySetUnavailable",
        "jwks.unavailable",
        service="gateway",
        by="tenant",
        lasting="15m",
        says="The key set of {{ $labels.tenant }} cannot be had; the last good one counts for a day.",
        runbook="Session tokens refused",
    ),
    _events(
        "MailsDoNotGoOut",
        "mail.not_sent",
        "mail.refused",
        "mail.expired",
        service="gateway",
        by="event",
        limit="> 5",
        says="{{ $labels.event }}: people wait for codes that do not come.",
        runbook="Mails do not go out",
    ),
    _events(
        "TenantsFileRefused",
        "tenants.reload_refused",
        says="{{ $labels.service_name }} goes on with its former tenants file.",
        runbook="The tenants file is refused",
    ),
    _events(
        "DataDoesNotOpen",
        "vault.does_not_open",
        "evidence.does_not_open",
        severity="page",
        says="Stored data does not open at {{ $labels.service_name }}: a key file is missing.",
        runbook="Stored data does not open",
    ),
    _events(
        "PasswordCallRefused",
        "password.call_refused",
        service="gateway",
        says="metadata-sync refuses the gateway's password call: their token files differ.",
        runbook="Tenant refuses us",
    ),
    _events(
        "TooManyFromOne",
        "login.displaced",
        service="gateway",
        by="tenant, limit",
        limit="> 20",
        says="Logins of one {{ $labels.limit }} of {{ $labels.tenant }} displace each other.",
        runbook="Too many requests",
    ),
)
