"""What becomes of ended spans where a collector is named: sent, or lost without anybody noticing."""

import io
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from common import tracing_export
from common.log_events import COMMON_EVENTS
from common.settings import SettingsError, SettingsReader
from common.tracing import Kind, Span, is_exported
from common.tracing_export import exporting
from common.tracing_settings import TracingSettings, read_tracing
from tests.common.log_lines import logging_into
from tests.support.ports import free_port
from tests.support.waiting import wait_until
from tests.traces.collector import collecting

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("waystation_spans_total", {"result": result}) or 0


async def until_counted(result: str, number: float) -> None:
    await wait_until(lambda: counted(result) >= number, what=f"{number:g} spans {result}")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setattr(tracing_export, "TRY_FOR_SECONDS", 0.2)


async def test_a_span_as_it_is_sent() -> None:
    """Ids, times, kind, links, attributes and error arrive as they were, and who sends them."""
    port = free_port()
    settings = TracingSettings(endpoint=f"http://127.0.0.1:{port}", headers={"x-token": "t-1"})
    async with collecting(port) as collector:
        async with exporting(settings, service="proofing", environment="production"):
            with Span("call", kind=Kind.CLIENT, parent=PARENT, links=(PARENT,)) as span:
                span.note("http.response.status_code", 503)
                span.error = "503"
        (received,) = collector.spans
    assert (received.service, received.name, received.kind) == ("proofing", "call", "CLIENT")
    assert (received.trace_id, received.span_id) == ("a" * 32, span.span_id)
    assert received.parent_id == "b" * 16
    assert received.links == (("a" * 32, "b" * 16),)
    assert received.attributes == {"http.response.status_code": 503, "error.type": "503"}
    assert received.failed
    assert received.begun == span.begun <= received.ended
    named = collector.resources[0]
    assert {name: named[name] for name in named if not name.startswith("telemetry.")} | {INSTANCE: ""} == {
        "service.namespace": "waystation",
        "service.name": "proofing",
        "service.version": "0.1.0",
        "deployment.environment.name": "production",
        INSTANCE: "",
    }
    assert collector.headers[0]["x-token"] == "t-1"
    assert not is_exported()


INSTANCE = "service.instance.id"


async def test_a_collector_that_is_away() -> None:
    """What cannot be sent is lost and counted; one line tells of it, and one of the end."""
    port = free_port()
    settings = TracingSettings(endpoint=f"http://127.0.0.1:{port}")
    lost, exported = counted("lost"), counted("exported")
    with logging_into(io.StringIO(), COMMON_EVENTS, strict=True) as lines:
        async with exporting(settings, service="gateway", environment="development"):
            for count in (1, 2, 3):
                Span("lost").end()
                await until_counted("lost", lost + count)
            async with collecting(port) as collector:
                Span("found").end()
                await until_counted("exported", exported + 1)
                assert [span.name for span in collector.spans] == ["found"]
            await wait_until(lambda: len(lines.all) == 2)
    assert [(line["event"], line["severity"]) for line in lines.all] == [
        ("traces.not_exported", "WARNING"),
        ("traces.exported", "INFO"),
    ]


async def test_a_farewell_to_a_collector_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process ends though what is left cannot be sent, long before it would be tried for the last time."""
    monkeypatch.setattr(tracing_export, "TRY_FOR_SECONDS", 60.0)
    monkeypatch.setattr(tracing_export, "FAREWELL_SECONDS", 0.1)
    settings = TracingSettings(endpoint=f"http://127.0.0.1:{free_port()}")
    with logging_into(io.StringIO(), COMMON_EVENTS, strict=True):
        async with exporting(settings, service="gateway", environment="development"):
            Span("lost").end()
            ends = time.monotonic()
        assert time.monotonic() - ends < 15


def read(**environ: str) -> TracingSettings | None:
    reader = SettingsReader(environ)
    reader.production = False
    settings = read_tracing(reader)
    reader.finish()
    return settings


def test_settings(tmp_path: Path) -> None:
    """Where to, which part of the logins, and the headers in a file."""
    assert read() is None
    assert read(OTEL_TRACES_SAMPLER_ARG="0.5") is None
    file = tmp_path / "headers"
    file.write_text("authorization=Basic%20abc, x-scope=one\n")
    assert read(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318/",
        OTEL_EXPORTER_OTLP_HEADERS_FILE=str(file),
        OTEL_TRACES_SAMPLER_ARG="0.25",
    ) == TracingSettings(
        endpoint="http://collector:4318",
        ratio=0.25,
        headers={"authorization": "Basic abc", "x-scope": "one"},
    )


@pytest.mark.parametrize(
    "missing", ["opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk.trace.export"]
)
def test_half_an_installation(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of its packages is not there, that is a wrong setting like any other."""
    monkeypatch.delitem(sys.modules, "common.tracing_export")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError) as caught:
        read(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")
    assert caught.value.mistakes == (
        "OTEL_EXPORTER_OTLP_ENDPOINT: needs the packages of requirements-traces.txt",
    )
    assert read() is None


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_TRACES_SAMPLER_ARG": "1.5"}, "OTEL_TRACES_SAMPLER_ARG"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_HEADERS_FILE": "/nowhere"},
            "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_HEADERS_FILE": __file__},
            "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        ),
    ],
)
def test_mistakes(environ: dict[str, str], name: str) -> None:
    """Each is told by its name, without a value."""
    with pytest.raises(SettingsError) as caught:
        read(**environ)
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == [name]
