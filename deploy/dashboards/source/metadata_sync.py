"""Writes to the tenants: backlog, age, what each update costs, budgets, refusals."""

from deploy.dashboards.source.model import Board, Look, Panel, Section
from deploy.dashboards.source.queries import RATE, SHOWN, count, increase, lines, log, metric, p, total

_OF = '{tenant=~"$tenant"}'

_BACKLOG = Section(
    title="Backlog",
    panels=(
        Panel(
            title="Users whose writes are due or will be",
            tells="By tenant, and whether somebody waits in a browser. The same at every replica.",
            look=Look.GRAPH,
            queries=(
                metric(
                    f"max by (tenant, waiting) (metadata_sync_queue_depth{_OF})",
                    "{{tenant}}, waiting {{waiting}}",
                ),
            ),
        ),
        Panel(
            title="Oldest that is due",
            tells="Above some seconds with waiting=true, people wait for a tenant.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(
                    f"max by (tenant, waiting) (metadata_sync_queue_oldest_due_seconds{_OF})",
                    "{{tenant}}, waiting {{waiting}}",
                ),
            ),
        ),
        Panel(
            title="From the first change to its write",
            tells="Where somebody waits, and where nobody does.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.5, "metadata_sync_queue_duration_seconds", by="waiting"), "median, {{waiting}}"),
                metric(p(0.95, "metadata_sync_queue_duration_seconds", by="waiting"), "p95, {{waiting}}"),
            ),
        ),
        Panel(
            title="Writes under way",
            tells="At all replicas, and how long the longest of them has run.",
            look=Look.GRAPH,
            queries=(
                metric("sum (metadata_sync_in_flight)", "under way"),
                metric("max (metadata_sync_longest_running_seconds)", "longest, in seconds"),
            ),
        ),
    ),
)

_COST = Section(
    title="What updates cost",
    panels=(
        Panel(
            title="Write amplification",
            tells="Requests for each update. Below 1 coalescing spares calls; above 1 something is repeated.",
            look=Look.GRAPH,
            queries=(
                metric(
                    f"{increase(f'metadata_sync_patches_sent_total{_OF}', by='tenant')}"
                    f" / {increase(f'metadata_sync_updates_total{_OF}', by='tenant')}",
                    "{{tenant}}",
                ),
            ),
        ),
        Panel(
            title="Updates a second, by effect",
            tells="first: one more write; coalesced: goes with one that was due; unchanged: none.",
            look=Look.GRAPH,
            unit="ops",
            queries=(metric(increase(f"metadata_sync_updates_total{_OF}", by="effect"), "{{effect}}"),),
        ),
        Panel(
            title="Calls a second, by result",
            tells="`ok`, or the reason; `rate_limited` is a 429.",
            look=Look.GRAPH,
            unit="ops",
            queries=(
                metric(increase(f"metadata_sync_calls_total{_OF}", by="kind, result"), "{{kind}} {{result}}"),
            ),
        ),
        Panel(
            title="Duration of a write",
            tells="From the lease of a user to its return, the call included.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.5, "metadata_sync_work_duration_seconds", by="kind"), "median, {{kind}}"),
                metric(p(0.95, "metadata_sync_work_duration_seconds", by="kind"), "p95, {{kind}}"),
            ),
        ),
    ),
)

_LIMITS = Section(
    title="Budgets and refusals",
    panels=(
        Panel(
            title="Budget that is left",
            tells="Requests of our share that could be sent to each Management domain now.",
            look=Look.GRAPH,
            queries=(metric("max by (domain) (metadata_sync_budget_remaining_requests)", "{{domain}}"),),
        ),
        Panel(
            title="429s",
            tells="Somebody else uses the tenant's limit, or the rate profile says more than the plan has.",
            look=Look.BARS,
            queries=(
                metric(
                    "sum by (tenant) (increase("
                    f'metadata_sync_calls_total{{tenant=~"$tenant", result="rate_limited"}}[{RATE}]))',
                    "{{tenant}}",
                ),
            ),
        ),
        Panel(
            title="Paused tenants",
            tells="1 while nothing is sent there.",
            look=Look.GRAPH,
            queries=(metric("max by (domain, reason) (metadata_sync_paused)", "{{domain}}, {{reason}}"),),
        ),
        Panel(
            title="Held back by budget or pause",
            tells="Seconds of waiting for each second, by whether somebody waits in a browser.",
            look=Look.GRAPH,
            queries=(
                metric(
                    increase(f"metadata_sync_throttle_wait_seconds_total{_OF}", by="tenant, waiting"),
                    "{{tenant}}, waiting {{waiting}}",
                ),
            ),
        ),
        Panel(
            title="Seconds of pauses",
            tells="As the log tells them, by tenant and reason.",
            look=Look.TABLE,
            queries=(
                log(
                    total(
                        lines("tenant.paused", service="metadata-sync"),
                        field="seconds",
                        by="tenant, reason",
                        per=SHOWN,
                    )
                ),
            ),
        ),
        Panel(
            title="Calls that were not answered 200",
            tells="`write.failed` by reason; most are tried again.",
            look=Look.TABLE,
            queries=(
                log(count(lines("write.failed", service="metadata-sync"), by="tenant, reason", per=SHOWN)),
            ),
        ),
        Panel(
            title="Applied and rejected",
            tells="What the tenants hold, and what they will never take: the latter is parked.",
            look=Look.GRAPH,
            queries=(
                log(
                    count(
                        lines("metadata.applied", "metadata.rejected", service="metadata-sync"), by="event"
                    ),
                    "{{event}}",
                ),
            ),
        ),
        Panel(
            title="Passwords",
            tells="Changed, refused by tenant or directory, sent to the tenant's page, not possible now.",
            look=Look.BARS,
            queries=(
                log(
                    count(
                        lines(
                            "password.changed",
                            "password.refused",
                            "password.ticket_made",
                            "password.unavailable",
                            service="metadata-sync",
                        ),
                        by="event",
                    ),
                    "{{event}}",
                ),
            ),
        ),
    ),
)

BOARD = Board(
    name="metadata-sync",
    title="Waystation: metadata-sync",
    tells="Backlog, oldest age, write amplification, budgets, 429s and pauses.",
    sections=(_BACKLOG, _COST, _LIMITS),
)
