"""For each alert what makes it fire, and what is like it and does not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.logql.lines import Line


@dataclass(frozen=True, kw_only=True)
class MetricCase:
    """Series in promtool's notation, a value a minute; `when` the alert has long fired, with `labels`."""

    alert: str
    fires: dict[str, str]
    silent: dict[str, str]
    says: str
    labels: Mapping[str, str] = field(default_factory=dict)
    when: str = "30m"


def _always(value: float) -> str:
    return f"{value}+0x30"


def _rising(by: float) -> str:
    return f"0+{by}x30"


METRIC_CASES = (
    MetricCase(
        alert="WaystationNoGateway",
        fires={'up{service_name="gateway", instance="a"}': _always(0)},
        silent={
            'up{service_name="gateway", instance="a"}': _always(0),
            'up{service_name="gateway", instance="b"}': _always(1),
        },
        says="No gateway answers: nobody gets in.",
    ),
    MetricCase(
        alert="WaystationNothingFinishes",
        fires={
            'gateway_logins_opened_total{tenant="acme"}': _rising(10),
            'gateway_logins_ended_total{tenant="acme", status="handed_back", metadata="applied"}': _rising(1),
            'gateway_logins_ended_total{tenant="acme", status="expired", metadata="none"}': _rising(9),
        },
        silent={
            'gateway_logins_opened_total{tenant="acme"}': _rising(1),
            'gateway_logins_ended_total{tenant="acme", status="handed_back", metadata="applied"}': _always(0),
        },
        says="Of the logins of the last quarter of an hour fewer than one in five has come to its end.",
    ),
    MetricCase(
        alert="WaystationReplicaDown",
        fires={
            'up{service_name="proofing", instance="a"}': _always(0),
            'up{service_name="proofing", instance="b"}': _always(1),
        },
        silent={'up{service_name="proofing", instance="a"}': "1+0x27 0 0 0"},
        says="A process of proofing has not answered for five minutes.",
        labels={"service_name": "proofing"},
    ),
    MetricCase(
        alert="WaystationOutboxStands",
        fires={'waystation_outbox_lag_seconds{service_name="gateway"}': _always(61)},
        silent={'waystation_outbox_lag_seconds{service_name="gateway"}': _always(59)},
        says="gateway has waited for more than a minute to tell something.",
        labels={"service_name": "gateway"},
    ),
    MetricCase(
        alert="WaystationBrokerAlarm",
        fires={
            "rabbitmq_alarms_memory_used_watermark": _always(0),
            "rabbitmq_alarms_free_disk_space_watermark": _always(1),
        },
        silent={
            "rabbitmq_alarms_memory_used_watermark": _always(0),
            "rabbitmq_alarms_free_disk_space_watermark": _always(0),
        },
        says="RabbitMQ takes no more messages: memory or disk is short.",
    ),
    MetricCase(
        alert="WaystationQueueWithoutConsumer",
        fires={
            'rabbitmq_detailed_queue_consumers{queue="proofing"}': _always(0),
            'rabbitmq_detailed_queue_consumers{queue="gateway"}': _always(2),
        },
        silent={
            'rabbitmq_detailed_queue_consumers{queue="proofing.dead"}': _always(0),
            'rabbitmq_detailed_queue_consumers{queue="proofing"}': _always(1),
        },
        says="Nobody consumes from proofing.",
        labels={"queue": "proofing"},
    ),
    MetricCase(
        alert="WaystationQueueGrows",
        fires={'rabbitmq_detailed_queue_messages_ready{queue="proofing"}': _always(1001)},
        silent={
            'rabbitmq_detailed_queue_messages_ready{queue="proofing"}': _always(1000),
            'rabbitmq_detailed_queue_messages_ready{queue="proofing.dead"}': _always(5000),
        },
        says="1001 messages wait in proofing.",
        labels={"queue": "proofing"},
    ),
    MetricCase(
        alert="WaystationDeadLetters",
        fires={'rabbitmq_detailed_queue_messages{queue="gateway.dead"}': _always(2)},
        silent={
            'rabbitmq_detailed_queue_messages{queue="gateway.dead"}': _always(0),
            'rabbitmq_detailed_queue_messages{queue="gateway"}': _always(7),
        },
        says="2 messages are in gateway.dead.",
        labels={"queue": "gateway.dead"},
    ),
    MetricCase(
        alert="WaystationPeopleWaitForATenant",
        fires={'metadata_sync_queue_oldest_due_seconds{tenant="acme", waiting="true"}': _always(11)},
        silent={
            'metadata_sync_queue_oldest_due_seconds{tenant="acme", waiting="true"}': _always(9),
            'metadata_sync_queue_oldest_due_seconds{tenant="acme", waiting="false"}': _always(600),
        },
        says="People have waited for more than ten seconds for a write to acme.",
        labels={"tenant": "acme"},
    ),
    MetricCase(
        alert="WaystationTenantRefusesUs",
        fires={'metadata_sync_paused{domain="acme.example", reason="forbidden"}': _always(1)},
        silent={
            'metadata_sync_paused{domain="acme.example", reason="forbidden"}': _always(0),
            'metadata_sync_paused{domain="acme.example", reason="rate_limited"}': _always(1),
        },
        says="acme.example takes no writes of ours: forbidden.",
        labels={"domain": "acme.example", "reason": "forbidden"},
    ),
    MetricCase(
        alert="WaystationRateLimited",
        fires={
            'metadata_sync_calls_total{tenant="acme", kind="app_metadata", result="rate_limited"}': _rising(
                2
            ),
            'metadata_sync_calls_total{tenant="acme", kind="app_metadata", result="ok"}': _rising(10),
        },
        silent={
            'metadata_sync_calls_total{tenant="acme", kind="app_metadata", result="rate_limited"}': _rising(
                1
            ),
            'metadata_sync_calls_total{tenant="acme", kind="app_metadata", result="ok"}': _rising(10),
        },
        says="More than one call in ten to acme is answered 429.",
        labels={"tenant": "acme"},
    ),
    MetricCase(
        alert="WaystationWritesAreRepeated",
        fires={
            'metadata_sync_patches_sent_total{tenant="acme", kind="app_metadata"}': _rising(40),
            'metadata_sync_updates_total{tenant="acme", waiting="true", effect="first"}': _rising(10),
        },
        silent={
            'metadata_sync_patches_sent_total{tenant="acme", kind="app_metadata"}': _rising(20),
            'metadata_sync_updates_total{tenant="acme", waiting="true", effect="first"}': _rising(10),
        },
        says="Each update of acme costs more than three calls.",
        labels={"tenant": "acme"},
    ),
    MetricCase(
        alert="WaystationWriteHangs",
        fires={"metadata_sync_longest_running_seconds": _always(31)},
        silent={"metadata_sync_longest_running_seconds": _always(15)},
        says="A write has been under way for more than half a minute.",
    ),
    MetricCase(
        alert="WaystationDatabasePoolExhausted",
        fires={
            'waystation_database_connections{service_name="gateway", pool="p", state="used"}': _always(8),
            'waystation_database_connections{service_name="gateway", pool="p", state="limit"}': _always(8),
        },
        silent={
            'waystation_database_connections{service_name="gateway", pool="p", state="used"}': _always(7),
            'waystation_database_connections{service_name="gateway", pool="p", state="limit"}': _always(8),
        },
        says="gateway uses every connection that its pool p may have.",
        labels={"service_name": "gateway", "pool": "p"},
    ),
    MetricCase(
        alert="WaystationEventLoopLate",
        fires={
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="0.25"}': _rising(50),
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="1"}': _rising(100),
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="+Inf"}': _rising(100),
        },
        silent={
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="0.1"}': _rising(100),
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="0.25"}': _rising(100),
            'waystation_event_loop_lag_seconds_bucket{service_name="gateway", le="+Inf"}': _rising(100),
        },
        says="gateway has more to do than its processes can.",
        labels={"service_name": "gateway"},
    ),
    MetricCase(
        alert="WaystationFlood",
        fires={'gateway_limited_total{limit="address"}': _rising(360)},
        silent={'gateway_limited_total{limit="address"}': _rising(240)},
        says="More than five requests a second are over the limit of one address.",
        labels={"limit": "address"},
    ),
)


@dataclass(frozen=True, kw_only=True)
class LogCase:
    """Lines, oldest first, each of now; the service is the gateway if nothing else is said."""

    alert: str
    fires: Sequence[dict[str, Any]]
    silent: Sequence[dict[str, Any]] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: {"service_name": "gateway"})
    service: str = "gateway"
    now: float = 1_000_000.0

    def lines(self, fields: Sequence[dict[str, Any]]) -> list[Line]:
        labels = {"service_name": self.service}
        return [Line(time=self.now, labels=labels, text=json.dumps(line)) for line in fields]


def _events(event: str, *, times: int = 1, **fields: Any) -> list[dict[str, Any]]:
    return [{"event": event, **fields}] * times


_TOKENS = {"tenant": "acme", "code": "session_token_signature"}
_LATE = {"tenant": "acme", "waiting_for": "metadata"}
_MANY = {"tenant": "acme", "limit": "user"}

LOG_CASES = (
    LogCase(
        alert="WaystationUnforeseen",
        fires=_events("request.failed"),
        silent=_events("request.refused", code="unforeseen"),
        labels={"service_name": "gateway", "event": "request.failed"},
    ),
    LogCase(alert="WaystationDoesNotStart", fires=_events("service.waiting")),
    LogCase(
        alert="WaystationEndedByAnError", fires=_events("service.failed"), silent=_events("service.stopped")
    ),
    LogCase(
        alert="WaystationDatabaseAway",
        fires=_events("database.unavailable", times=6),
        silent=_events("database.unavailable", times=5),
    ),
    LogCase(
        alert="WaystationBrokerAway", fires=_events("broker.unavailable"), silent=_events("broker.available")
    ),
    LogCase(
        alert="WaystationNotConfirmed",
        fires=_events("message.not_confirmed", times=11),
        silent=_events("message.not_confirmed", times=10),
    ),
    LogCase(
        alert="WaystationParked",
        fires=_events("message.parked", queue="proofing", reason="malformed"),
        service="proofing",
        labels={"queue": "proofing", "reason": "malformed"},
    ),
    LogCase(
        alert="WaystationWentOnWithout",
        fires=_events("login.went_on_without", times=6, **_LATE),
        silent=_events("login.went_on_without", times=5, **_LATE),
        labels=_LATE,
    ),
    LogCase(
        alert="WaystationWritesRejected",
        fires=_events("metadata.rejected", tenant="acme", reason="payload_refused"),
        silent=_events("metadata.applied", tenant="acme"),
        service="metadata-sync",
        labels={"tenant": "acme", "reason": "payload_refused"},
    ),
    LogCase(
        alert="WaystationTokensRefused",
        fires=_events("request.refused", times=21, **_TOKENS),
        silent=_events("request.refused", times=20, **_TOKENS)
        + _events("request.refused", times=30, code="csrf"),
        labels=_TOKENS,
    ),
    LogCase(
        alert="WaystationKeySetUnavailable",
        fires=_events("jwks.unavailable", tenant="acme"),
        silent=_events("jwks.fetched", tenant="acme"),
        labels={"tenant": "acme"},
    ),
    LogCase(
        alert="WaystationMailsDoNotGoOut",
        fires=_events("mail.not_sent", times=6),
        silent=_events("mail.not_sent", times=5) + _events("mail.sent", times=9),
        labels={"event": "mail.not_sent"},
    ),
    LogCase(
        alert="WaystationTenantsFileRefused",
        fires=_events("tenants.reload_refused"),
        silent=_events("tenants.reloaded"),
    ),
    LogCase(alert="WaystationDataDoesNotOpen", fires=_events("vault.does_not_open")),
    LogCase(
        alert="WaystationPasswordCallRefused",
        fires=_events("password.call_refused"),
        silent=_events("password.not_now"),
    ),
    LogCase(
        alert="WaystationTooManyFromOne",
        fires=_events("login.displaced", times=21, **_MANY),
        silent=_events("login.displaced", times=20, **_MANY),
        labels=_MANY,
    ),
)
