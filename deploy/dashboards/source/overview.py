"""The first look: do people get in, and where does their time go."""

from deploy.dashboards.source.model import Board, Look, Panel, Section
from deploy.dashboards.source.queries import SHOWN, count, lines, log, metric, p, quantile

_STARTED = lines("login.opened", service="gateway")
_FINISHED = lines("login.handed_back", "login.restarted", service="gateway")
_LOST = lines("login.expired", "login.displaced", "login.cancelled", service="gateway")
_LATE = lines("login.went_on_without", service="gateway")
_ENDED_STEPS = lines("step.concluded", service="gateway")
_SERVED = lines("request.served", service="gateway", of_tenant=False)


def _number(title: str, tells: str, pipeline: str) -> Panel:
    query = log(f"{count(pipeline, per=SHOWN)} or vector(0)")
    return Panel(title=title, tells=tells, look=Look.NUMBER, queries=(query,), width=6)


_LOGINS = Section(
    title="Logins",
    panels=(
        _number("Started", "Browsers that came with a good session token.", _STARTED),
        _number(
            "Finished", "Logins that went back with an answer, or begin again with a password.", _FINISHED
        ),
        _number(
            "Lost",
            "Logins that expired, gave way to newer ones, or were ended by an operator's command.",
            _LOST,
        ),
        _number("Went on without", "Logins that did not wait for a late verdict or confirmation.", _LATE),
        Panel(
            title="Started, finished, lost",
            tells="Finished follows started by the minutes that people take.",
            look=Look.GRAPH,
            queries=(
                log(count(_STARTED), "started"),
                log(count(_FINISHED), "finished"),
                log(count(_LOST), "lost"),
            ),
        ),
        Panel(
            title="Ends of logins",
            tells="Handed back (with what the answer says of our write) or otherwise.",
            look=Look.BARS,
            queries=(
                metric(
                    "sum by (status, metadata)"
                    ' (increase(gateway_logins_ended_total{tenant=~"$tenant"}[$__rate_interval]))',
                    "{{status}}, metadata {{metadata}}",
                ),
            ),
        ),
        Panel(
            title="Steps by outcome",
            tells="passed, failed, declined, pending and abandoned, of each step.",
            look=Look.BARS,
            queries=(log(count(_ENDED_STEPS, by="step, outcome"), "{{step}} {{outcome}}"),),
        ),
        Panel(
            title="Why steps did not pass",
            tells="The reasons of every step that ended otherwise than passed.",
            look=Look.TABLE,
            queries=(
                log(
                    count(
                        lines("step.concluded", service="gateway", where='outcome!="passed"'),
                        by="step, outcome, reason",
                        per=SHOWN,
                    )
                ),
            ),
        ),
        Panel(
            title="Started, by tenant",
            tells="Who sends people here.",
            look=Look.GRAPH,
            queries=(log(count(_STARTED, by="tenant"), "{{tenant}}"),),
        ),
        Panel(
            title="Ended, by tenant",
            tells="Logins of each tenant by how they ended.",
            look=Look.TABLE,
            queries=(
                log(
                    count(
                        lines(
                            "login.handed_back",
                            "login.restarted",
                            "login.expired",
                            "login.displaced",
                            "login.cancelled",
                            service="gateway",
                        ),
                        by="tenant, event",
                        per=SHOWN,
                    )
                ),
            ),
        ),
    ),
)

_HOPS = Section(
    title="Duration by hop",
    panels=(
        Panel(
            title="Whole logins",
            tells="From the arrival to the end, people's own time included.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.5, "gateway_login_duration_seconds", by="status"), "median, {{status}}"),
                metric(p(0.95, "gateway_login_duration_seconds", by="status"), "p95, {{status}}"),
            ),
        ),
        Panel(
            title="Requests of browsers, p95",
            tells="Until the answer was ready, by route; `/events` lasts until something happens.",
            look=Look.GRAPH,
            unit="ms",
            queries=(log(quantile(0.95, _SERVED, field="duration_ms", by="http_route"), "{{http_route}}"),),
        ),
        Panel(
            title="Messages, p95",
            tells="From what a message tells of to the end of its handling: outbox, broker and handler.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.95, "waystation_message_age_seconds", by="message_type"), "{{message_type}}"),
            ),
        ),
        Panel(
            title="Verdict and write, p95",
            tells="A check by its provider; a write's wait and its call, where somebody waits.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.95, "proofing_job_duration_seconds", by="provider"), "check, {{provider}}"),
                metric(
                    p(0.95, "metadata_sync_queue_duration_seconds", selected='{waiting="true"}'),
                    "write waits",
                ),
                metric(p(0.95, "metadata_sync_work_duration_seconds", by="kind"), "call, {{kind}}"),
            ),
        ),
    ),
)

_PROCESSES = Section(
    title="Processes",
    panels=(
        Panel(
            title="Replicas that answer",
            tells="Processes that Prometheus reaches, by service.",
            look=Look.GRAPH,
            width=8,
            queries=(
                metric("sum by (service_name) (max by (service_name, instance) (up))", "{{service_name}}"),
            ),
        ),
        Panel(
            title="Browsers that wait",
            tells="Streams of events that are open: people before the waiting page.",
            look=Look.GRAPH,
            width=8,
            queries=(metric("sum (gateway_waiting_browsers)", "waiting"),),
        ),
        Panel(
            title="Lateness of event loops, p99",
            tells="Above a tenth of a second a process has more to do than a core can.",
            look=Look.GRAPH,
            unit="s",
            width=8,
            queries=(
                metric(p(0.99, "waystation_event_loop_lag_seconds", by="service_name"), "{{service_name}}"),
            ),
        ),
        Panel(
            title="Database connections in use",
            tells="Of each pool; at its limit everything waits.",
            look=Look.GRAPH,
            width=8,
            queries=(
                metric(
                    "sum by (service_name, pool)"
                    ' (waystation_database_connections{state="used"})'
                    " / sum by (service_name, pool)"
                    ' (waystation_database_connections{state="limit"})',
                    "{{service_name}} {{pool}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            title="Memory",
            tells="Of the largest process of each service.",
            look=Look.GRAPH,
            unit="bytes",
            width=8,
            queries=(metric("max by (service_name) (process_resident_memory_bytes)", "{{service_name}}"),),
        ),
        Panel(
            title="Cores in use",
            tells="Of all processes of a service.",
            look=Look.GRAPH,
            width=8,
            queries=(
                metric(
                    "sum by (service_name) (rate(process_cpu_seconds_total[$__rate_interval]))",
                    "{{service_name}}",
                ),
            ),
        ),
        Panel(
            title="Warnings and errors",
            tells="Of every service; `transaction_id` leads to the rest of a login.",
            look=Look.LINES,
            width=24,
            queries=(
                log(
                    '{service_name=~"gateway|proofing|metadata-sync"} | json'
                    ' | severity=~"WARNING|ERROR|CRITICAL"'
                ),
            ),
        ),
    ),
)

BOARD = Board(
    name="overview",
    title="Waystation: overview",
    tells="Logins started, finished and lost; where their time goes; the processes.",
    sections=(_LOGINS, _HOPS, _PROCESSES),
)
