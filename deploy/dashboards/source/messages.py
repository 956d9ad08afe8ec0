"""RabbitMQ and the outboxes: what waits, who consumes, what was refused or parked."""

from deploy.dashboards.source.model import Board, Look, Panel, Section
from deploy.dashboards.source.queries import SHOWN, count, increase, lines, log, metric, p

_WORK = '{queue!~".+[.]dead"}'
_DEAD = '{queue=~".+[.]dead"}'

_QUEUES = Section(
    title="Queues",
    panels=(
        Panel(
            title="Messages that wait",
            tells="In each queue, those not counted that a consumer has in hand.",
            look=Look.GRAPH,
            queries=(metric(f"sum by (queue) (rabbitmq_detailed_queue_messages_ready{_WORK})", "{{queue}}"),),
        ),
        Panel(
            title="Messages in hand",
            tells="Delivered and not yet settled.",
            look=Look.GRAPH,
            queries=(
                metric(f"sum by (queue) (rabbitmq_detailed_queue_messages_unacked{_WORK})", "{{queue}}"),
            ),
        ),
        Panel(
            title="Consumers",
            tells="One for each process of the service; none is a service that is down.",
            look=Look.GRAPH,
            queries=(metric(f"sum by (queue) (rabbitmq_detailed_queue_consumers{_WORK})", "{{queue}}"),),
        ),
        Panel(
            title="Dead letters",
            tells="Nothing consumes these queues; the runbook says how to send a message again.",
            look=Look.GRAPH,
            queries=(metric(f"sum by (queue) (rabbitmq_detailed_queue_messages{_DEAD})", "{{queue}}"),),
        ),
        Panel(
            title="Broker",
            tells="Connections and channels; a process has one connection.",
            look=Look.GRAPH,
            queries=(
                metric("sum (rabbitmq_connections)", "connections"),
                metric("sum (rabbitmq_channels)", "channels"),
            ),
        ),
        Panel(
            title="Alarms of memory and disk",
            tells="1 while the broker takes no more messages.",
            look=Look.GRAPH,
            queries=(
                metric("max (rabbitmq_alarms_memory_used_watermark)", "memory"),
                metric("max (rabbitmq_alarms_free_disk_space_watermark)", "disk"),
            ),
        ),
    ),
)

_OUTBOXES = Section(
    title="Outboxes and inboxes",
    panels=(
        Panel(
            title="Messages in the outboxes",
            tells="Committed and not confirmed by the broker, ten thousand at most are counted.",
            look=Look.GRAPH,
            queries=(metric("max by (service_name) (waystation_outbox_messages)", "{{service_name}}"),),
        ),
        Panel(
            title="Age of the oldest in each outbox",
            tells="Seconds are usual for nothing: the broker is away, full, or refuses.",
            look=Look.GRAPH,
            unit="s",
            queries=(metric("max by (service_name) (waystation_outbox_lag_seconds)", "{{service_name}}"),),
        ),
        Panel(
            title="Published a second",
            tells="By what they are and what became of them: confirmed, failed and tried again, expired.",
            look=Look.GRAPH,
            unit="ops",
            queries=(
                metric(
                    increase("waystation_messages_published_total", by="routing_key, result"),
                    "{{routing_key}} {{result}}",
                ),
            ),
        ),
        Panel(
            title="Handled a second",
            tells="done, deferred, or parked as a dead letter.",
            look=Look.GRAPH,
            unit="ops",
            queries=(
                metric(
                    increase("waystation_messages_handled_total", by="message_type, result"),
                    "{{message_type}} {{result}}",
                ),
            ),
        ),
        Panel(
            title="From what happened to the end of its handling",
            tells="Outbox, broker and handler together.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(
                    p(0.5, "waystation_message_age_seconds", by="message_type"), "median, {{message_type}}"
                ),
                metric(p(0.95, "waystation_message_age_seconds", by="message_type"), "p95, {{message_type}}"),
            ),
        ),
        Panel(
            title="Parked messages",
            tells="What can never succeed, or failed ten times, by queue and reason.",
            look=Look.TABLE,
            queries=(log(count(lines("message.parked", of_tenant=False), by="queue, reason", per=SHOWN)),),
        ),
        Panel(
            title="Broker and database, as the services see them",
            tells="Away and there again; messages that were not confirmed, expired, failed or parked.",
            look=Look.LINES,
            width=24,
            queries=(
                log(
                    lines(
                        "broker.unavailable",
                        "broker.available",
                        "database.unavailable",
                        "service.waiting",
                        "message.not_confirmed",
                        "message.expired",
                        "message.failed",
                        "message.parked",
                        "message.tenant_unknown",
                        of_tenant=False,
                    )
                ),
            ),
        ),
    ),
)

BOARD = Board(
    name="broker-and-outbox",
    title="Waystation: broker and outbox",
    tells="Queues, consumers, dead letters, outboxes, what was published and handled.",
    sections=(_QUEUES, _OUTBOXES),
)
