"""Every alert: what it watches, when it fires, and the runbook that says what to do.

Alerts on metrics are Prometheus's to watch, those on log events the ruler of Loki's: both come from here.
"""

from typing import Literal

from deploy.dashboards.source.model import Alert, Source
from deploy.dashboards.source.queries import EVERY_SERVICE, count, lines

_PER = "5m"


def _metric(
    name: str,
    value: str,
    limit: str,
    *,
    lasting: str,
    says: str,
    runbook: str,
    severity: Literal["page", "ticket"] = "ticket",
) -> Alert:
    return Alert(
        name=f"Waystation{name}",
        source=Source.METRICS,
        value=value,
        limit=limit,
        lasting=lasting,
        severity=severity,
        says=says,
        runbook=runbook,
    )


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


ON_METRICS = (
    _metric(
        "NoGateway",
        '(sum (up{service_name="gateway"}) or vector(0))',
        "== 0",
        lasting="1m",
        severity="page",
        says="No gateway answers: nobody gets in.",
        runbook="Nobody gets in",
    ),
    _metric(
        "NothingFinishes",
        'sum (increase(gateway_logins_ended_total{status=~"handed_back|restarted"}[15m]))'
        " / sum (increase(gateway_logins_opened_total[15m]))",
        "< 0.2 and sum (increase(gateway_logins_opened_total[15m])) > 20",
        lasting="10m",
        severity="page",
        says="Of the logins of the last quarter of an hour fewer than one in five has come to its end.",
        runbook="Nobody gets in",
    ),
    _metric(
        "ReplicaDown",
        "min by (service_name) (up)",
        "== 0",
        lasting="5m",
        says="A process of {{ $labels.service_name }} has not answered for five minutes.",
        runbook="A process does not start",
    ),
    _metric(
        "OutboxStands",
        "max by (service_name) (waystation_outbox_lag_seconds)",
        "> 60",
        lasting="1m",
        severity="page",
        says="{{ $labels.service_name }} has waited for more than a minute to tell something.",
        runbook="Broker lost",
    ),
    _metric(
        "BrokerAlarm",
        "max (rabbitmq_alarms_memory_used_watermark) + max (rabbitmq_alarms_free_disk_space_watermark)",
        "> 0",
        lasting="1m",
        severity="page",
        says="RabbitMQ takes no more messages: memory or disk is short.",
        runbook="Broker lost",
    ),
    _metric(
        "QueueWithoutConsumer",
        'min by (queue) (rabbitmq_detailed_queue_consumers{queue!~".+[.]dead"})',
        "== 0",
        lasting="2m",
        severity="page",
        says="Nobody consumes from {{ $labels.queue }}.",
        runbook="Backlog",
    ),
    _metric(
        "QueueGrows",
        'max by (queue) (rabbitmq_detailed_queue_messages_ready{queue!~".+[.]dead"})',
        "> 1000",
        lasting="5m",
        says="{{ $value }} messages wait in {{ $labels.queue }}.",
        runbook="Backlog",
    ),
    _metric(
        "DeadLetters",
        'max by (queue) (rabbitmq_detailed_queue_messages{queue=~".+[.]dead"})',
        "> 0",
        lasting="1m",
        says="{{ $value }} messages are in {{ $labels.queue }}.",
        runbook="A message was parked",
    ),
    _metric(
        "PeopleWaitForATenant",
        'max by (tenant) (metadata_sync_queue_oldest_due_seconds{waiting="true"})',
        "> 10",
        lasting="1m",
        severity="page",
        says="People have waited for more than ten seconds for a write to {{ $labels.tenant }}.",
        runbook="Tenant rate-limited",
    ),
    _metric(
        "TenantRefusesUs",
        'max by (domain, reason) (metadata_sync_paused{reason!="rate_limited"})',
        "> 0",
        lasting="1m",
        severity="page",
        says="{{ $labels.domain }} takes no writes of ours: {{ $labels.reason }}.",
        runbook="Tenant refuses us",
    ),
    _metric(
        "RateLimited",
        'sum by (tenant) (rate(metadata_sync_calls_total{result="rate_limited"}[15m]))'
        " / sum by (tenant) (rate(metadata_sync_calls_total[15m]))",
        "> 0.1",
        lasting="15m",
        says="More than one call in ten to {{ $labels.tenant }} is answered 429.",
        runbook="Tenant rate-limited",
    ),
    _metric(
        "WritesAreRepeated",
        "sum by (tenant) (rate(metadata_sync_patches_sent_total[15m]))"
        " / sum by (tenant) (rate(metadata_sync_updates_total[15m]))",
        "> 3",
        lasting="15m",
        says="Each update of {{ $labels.tenant }} costs more than three calls.",
        runbook="Auth0 down",
    ),
    _metric(
        "WriteHangs",
        "max (metadata_sync_longest_running_seconds)",
        "> 30",
        lasting="1m",
        says="A write has been under way for more than half a minute.",
        runbook="Auth0 down",
    ),
    _metric(
        "DatabasePoolExhausted",
        'sum by (service_name, pool) (waystation_database_connections{state="used"})'
        ' / sum by (service_name, pool) (waystation_database_connections{state="limit"})',
        ">= 1",
        lasting="2m",
        says="{{ $labels.service_name }} uses every connection that its pool {{ $labels.pool }} may have.",
        runbook="Database lost",
    ),
    _metric(
        "EventLoopLate",
        "histogram_quantile(0.99,"
        " sum by (le, service_name) (rate(waystation_event_loop_lag_seconds_bucket[5m])))",
        "> 0.25",
        lasting="10m",
        says="{{ $labels.service_name }} has more to do than its processes can.",
        runbook="Backlog",
    ),
    _metric(
        "Flood",
        "sum by (limit) (rate(gateway_limited_total[5m]))",
        "> 5",
        lasting="5m",
        says="More than five requests a second are over the limit of one {{ $labels.limit }}.",
        runbook="Too many requests",
    ),
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

ALERTS = ON_METRICS + ON_LOGS
