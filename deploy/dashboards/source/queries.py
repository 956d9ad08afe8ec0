"""Queries of log events and of metrics, written one way.

Streams have the label `service_name`; everything else is in the line, one JSON object. The text filter before
`json` is what makes a query cheap: Loki parses the lines of one event, not all. `$tenant` is the reader's
choice.
"""

from deploy.dashboards.source.model import Query, Source

SERVICES = ("gateway", "proofing", "metadata-sync")
EVERY_SERVICE = "|".join(SERVICES)

# What Grafana puts in: the width of one point of a graph, or the whole of what is shown for a number.
STEP = "$__auto"
RATE = "$__rate_interval"
SHOWN = "$__range"
TENANT = 'tenant=~"$tenant"'


def lines(
    *events: str, service: str = EVERY_SERVICE, where: str = "", listed: str = "", of_tenant: bool = True
) -> str:
    """The lines of these events.

    `where` is a further label filter, as in `step="terms"`; `listed` names a field that is a list, which
    becomes a label only where it is asked for.
    """
    stream = f'service_name="{service}"' if "|" not in service else f'service_name=~"{service}"'
    named = f'event="{events[0]}"' if len(events) == 1 else f'event=~"{"|".join(events)}"'
    filters = [named, *([where] if where else []), *([TENANT] if of_tenant else [])]
    read = f'| json | json {listed}="{listed}"' if listed else "| json"
    return " ".join([f"{{{stream}}}", _text_of(events), read, *(f"| {one}" for one in filters)])


def _text_of(events: tuple[str, ...]) -> str:
    if len(events) == 1:
        return f"|= `{events[0]}`"
    names = "|".join(events).replace(".", "[.]")
    return f"|~ `{names}`"


def count(pipeline: str, *, by: str = "", per: str = STEP) -> str:
    """How many lines there were in each point of a graph."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (count_over_time({pipeline} [{per}]))"


def total(pipeline: str, *, field: str, by: str = "", per: str = STEP) -> str:
    """A field of the lines added up."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (sum_over_time({pipeline} | unwrap {field} [{per}]))"


def quantile(share: float, pipeline: str, *, field: str, by: str, per: str = STEP) -> str:
    return f"quantile_over_time({share}, {pipeline} | unwrap {field} [{per}]) by ({by})"


def log(expr: str, legend: str = "") -> Query:
    return Query(source=Source.LOGS, expr=expr, legend=legend)


def metric(expr: str, legend: str = "") -> Query:
    return Query(source=Source.METRICS, expr=expr, legend=legend)


def increase(selector: str, *, by: str = "", per: str = RATE) -> str:
    """How often something was counted a second, at all replicas together."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({selector}[{per}]))"


def p(share: float, histogram: str, *, by: str = "", selected: str = "") -> str:
    """A quantile of a histogram over all replicas."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{selected}[{RATE}])))"
