"""A board as Grafana's JSON, made with Grafana's own types so that no field of it is a guess."""

from collections.abc import Iterator
from itertools import count
from typing import TypeAlias

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    logs,
    loki,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    VariableHide,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.loki import LokiQueryDirection
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.dashboards.source.model import Board, Look, Panel, Query, Source

_TAG = "waystation"
_HEIGHTS = {Look.NUMBER: 4, Look.LINES: 10}
_KINDS = {Source.LOGS: "loki", Source.METRICS: "prometheus"}

_Panel: TypeAlias = timeseries.Panel | stat.Panel | table.Panel | logs.Panel


def as_json(board: Board) -> str:
    """The dashboard, with its keys in order, so that a change is a change."""
    return JSONEncoder(sort_keys=True, indent=2).encode(_dashboard(board).build()) + "\n"


def _dashboard(board: Board) -> dashboard.Dashboard:
    built = (
        dashboard.Dashboard(board.title)
        .uid(f"waystation-{board.name}")
        .description(board.tells)
        .tags([_TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_link_to_the_others())
        .with_variable(_choice_of(Source.LOGS, "Logs"))
        .with_variable(_choice_of(Source.METRICS, "Metrics"))
        .with_variable(_tenants())
    )
    numbers = count(1)
    for section in board.sections:
        built.with_row(dashboard.Row(section.title).id(next(numbers)))
        for panel in section.panels:
            built.with_panel(_panel(panel).id(next(numbers)))
    return built


def _link_to_the_others() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Waystation")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )


def _choice_of(source: Source, label: str) -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable(source).label(label).type(_KINDS[source])


def _tenants() -> dashboard.QueryVariable:
    """All of them at first; what no tenant is known of counts among all."""
    return (
        dashboard.QueryVariable("tenant")
        .label("Tenant")
        .datasource(_source(Source.METRICS))
        .query("label_values(gateway_logins_opened_total, tenant)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all", selected=True))
        .hide(VariableHide.DONT_HIDE)
    )


def _source(source: Source) -> DataSourceRef:
    return DataSourceRef(type_val=_KINDS[source], uid=f"${{{source}}}")


def _panel(panel: Panel) -> _Panel:
    built = _drawn(panel)
    built.title(panel.title).description(panel.tells).span(panel.width)
    built.height(_HEIGHTS.get(panel.look, 8))
    built.datasource(_source(panel.source))
    for target in _targets(panel):
        built.with_target(target)
    return built


def _drawn(panel: Panel) -> _Panel:
    match panel.look:
        case Look.GRAPH:
            return _graph(panel).fill_opacity(8)
        case Look.BARS:
            stacked = common.StackingConfig().mode(StackingMode.NORMAL)
            return _graph(panel).draw_style(GraphDrawStyle.BARS).fill_opacity(80).stacking(stacked)
        case Look.NUMBER:
            return stat.Panel().unit(panel.unit)
        case Look.TABLE:
            return table.Panel().unit(panel.unit).transformations(list(_one_row_a_series()))
        case Look.LINES:
            return logs.Panel().show_time(show_time=True).enable_log_details(enable_log_details=True)


def _graph(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
    return timeseries.Panel().unit(panel.unit).min(0).legend(legend).tooltip(tooltip)


def _one_row_a_series() -> Iterator[DataTransformerConfig]:
    yield DataTransformerConfig(id_val="labelsToFields", options={})
    yield DataTransformerConfig(id_val="merge", options={})
    yield DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})


def _targets(panel: Panel) -> Iterator[loki.Dataquery | prometheus.Dataquery]:
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        at_once = panel.look in {Look.NUMBER, Look.TABLE}
        if query.source is Source.LOGS:
            yield _of_logs(query, letter, at_once=at_once, lines=panel.look is Look.LINES)
        else:
            yield _of_metrics(query, letter, at_once=at_once)


def _of_logs(query: Query, letter: str, *, at_once: bool, lines: bool) -> loki.Dataquery:
    target = (
        loki.Dataquery()
        .datasource(_source(query.source))
        .expr(query.expr)
        .legend_format(query.legend)
        .query_type("instant" if at_once else "range")
        .ref_id(letter)
    )
    return target.direction(LokiQueryDirection.BACKWARD).max_lines(200) if lines else target


def _of_metrics(query: Query, letter: str, *, at_once: bool) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .datasource(_source(query.source))
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(letter)
    )
    return target.instant().format(PromQueryFormat.TABLE) if at_once else target.range()
