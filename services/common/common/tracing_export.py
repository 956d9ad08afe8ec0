"""Tells ended spans to an OpenTelemetry collector, by OTLP over HTTP; loaded only where one is named.

The SDK queues spans and sends them from a thread of its own, several at once. A collector that does not
answer delays nobody: what does not fit into the queue is dropped, and the log says once that it is so.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from common.metrics import SPANS
from common.tracing import EXPORT, Span
from common.tracing_settings import TracingSettings

TRY_FOR_SECONDS = 5.0
FAREWELL_SECONDS = 3.0

log = structlog.stdlib.get_logger()


class _Watched(SpanExporter):
    """The exporter, heard: each outage is one line, and so is its end."""

    def __init__(self, exporter: SpanExporter, *, say: Callable[[bool], None]) -> None:
        self._exporter = exporter
        self._say = say
        self._works = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        works = result is SpanExportResult.SUCCESS
        SPANS.labels("exported" if works else "lost").inc(len(spans))
        if works is not self._works:
            self._works = works
            self._say(works)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Teller:
    """Makes of our spans what the SDK sends."""

    def __init__(self, processor: BatchSpanProcessor, *, resource: Resource) -> None:
        self._processor = processor
        self._resource = resource
        self._scope = InstrumentationScope("waystation", version("waystation"))

    def tell(self, span: Span, ended: int) -> None:
        attributes = span.attributes
        if span.error:
            attributes["error.type"] = span.error
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(span.trace_id, span.span_id),
                parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
                resource=self._resource,
                attributes=attributes,
                links=[Link(_context(link[3:35], link[36:52])) for link in span.links],
                kind=SpanKind[span.kind],
                status=Status(StatusCode.ERROR) if span.error else Status(),
                start_time=span.begun,
                end_time=ended,
                instrumentation_scope=self._scope,
            )
        )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


@asynccontextmanager
async def exporting(settings: TracingSettings, *, service: str, environment: str) -> AsyncIterator[None]:
    """Export what ends while the block runs."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it repeats URLs, and itself
    loop = asyncio.get_running_loop()

    def say(works: bool) -> None:  # noqa: FBT001 - called by one place, from the SDK's thread
        if not loop.is_closed():
            loop.call_soon_threadsafe(_log, works)

    exporter = OTLPSpanExporter(
        endpoint=f"{settings.endpoint}/v1/traces", headers=dict(settings.headers), timeout=TRY_FOR_SECONDS
    )
    processor = BatchSpanProcessor(_Watched(exporter, say=say))
    # Adds what OTEL_RESOURCE_ATTRIBUTES says.
    resource = Resource.create(
        {
            "service.namespace": "waystation",
            "service.name": service,
            "service.version": version("waystation"),
            "deployment.environment.name": environment,
        }
    )
    EXPORT.tell, EXPORT.ratio = _Teller(processor, resource=resource).tell, settings.ratio
    try:
        yield
    finally:
        EXPORT.tell, EXPORT.ratio = None, 1.0
        await _farewell(processor.shutdown, give_up=exporter.shutdown)


def _log(works: bool) -> None:  # noqa: FBT001 - see above
    if works:
        log.info("traces.exported")
    else:
        log.warning("traces.not_exported")


async def _farewell(send_rest: Callable[[], object], *, give_up: Callable[[], object]) -> None:
    """Send what is left, for a while: a collector that is away must not keep the process."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def shut_down() -> None:
        send_rest()
        if not loop.is_closed():
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=shut_down, name="traces: farewell", daemon=True).start()
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            await ended.wait()
    except TimeoutError:
        give_up()  # ends the pause before it would try again
