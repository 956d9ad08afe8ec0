"""What Prometheus watches: each alert on metrics."""

from typing import Literal

from deploy.dashboards.source.model import Alert, Source


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
