"""An OpenTelemetry collector as small as it can be: takes OTLP over HTTP, and keeps every span."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from tests.support.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Received:
    """One span as it came; `links` are pairs of trace id and span id."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    begun: int
    ended: int
    failed: bool
    attributes: dict[str, object]
    links: tuple[tuple[str, str], ...]


@dataclass
class Collector:
    """What came so far: the bodies of requests as they were, their headers, and their spans."""

    spans: list[Received] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        batch = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        for resource in batch.resource_spans:
            self.resources.append(_plain(resource.resource.attributes))
            self.spans += _received(resource)
        return web.Response(content_type="application/x-protobuf")

    def of(self, trace_id: str) -> list[Received]:
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda one: one.begun)

    async def trace(self, trace_id: str, *, spans: int, but: str) -> list[Received]:
        """The spans of a trace, once there are as many; without those that are named `but`."""

        def found() -> list[Received]:
            return [span for span in self.of(trace_id) if span.name != but]

        await wait_until(lambda: len(found()) >= spans, 30.0, what=f"{spans} spans")
        return found()


@asynccontextmanager
async def collecting(port: int) -> AsyncIterator[Collector]:
    """Take spans at `/v1/traces` of this port of 127.0.0.1 while the block runs."""
    collector = Collector()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield collector
    finally:
        await runner.cleanup()


def as_tree(spans: Iterable[Received]) -> list[str]:
    """A line for each span, `service: name`, two spaces deeper than its parent's, by when it began."""
    spans = list(spans)
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in known]
    return [line for root in roots for line in _branch(root, spans, depth=0)]


def _branch(span: Received, spans: list[Received], *, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{span.service}: {span.name}"
    for child in spans:
        if child.parent_id == span.span_id:
            yield from _branch(child, spans, depth=depth + 1)


def _received(batch: ResourceSpans) -> Iterator[Received]:
    service = str(_plain(batch.resource.attributes)["service.name"])
    for scope in batch.scope_spans:
        for span in scope.spans:
            yield Received(
                service=service,
                name=span.name,
                kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                begun=span.start_time_unix_nano,
                ended=span.end_time_unix_nano,
                failed=span.status.code == Status.STATUS_CODE_ERROR,
                attributes=_plain(span.attributes),
                links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
            )


def _plain(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in attributes
    }
