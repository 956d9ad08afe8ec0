"""One trace per login: who did what for it and for how long, in every service; by W3C Trace Context, level 1.

A login's trace is made when it arrives, and stored with it. Whatever is done for it is a span of that trace:
lines that are logged meanwhile have its `trace_id` and `span_id`, and what is sent names it as `traceparent`.
That is all, where nothing is exported. Where it is (tracing_export.py), every span is told when it ends. It
holds what docs/operations.md lists, and never a person's data, a path, a query or a statement.

```python
with Span("process proofing", kind=Kind.CONSUMER, parent=message.traceparent) as span:
    message = replace(message, traceparent=span.traceparent)
```
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeAlias

_SAMPLED = 1
_TRACEPARENT = re.compile(r"00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})")
_IN_BODY = re.compile(rb'"traceparent": ?"([0-9a-f-]{55})"')

NOBODY = "nobody"  # as a parent: the beginning of a trace, whatever this task does already

Attribute: TypeAlias = str | bool | int | float


class Kind(StrEnum):
    """Which side of a call a span is, in OpenTelemetry's words."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span:
    """What is done while the block runs; `parent` and `links` are each a `traceparent`.

    Without a parent it is a part of what this task does already, and else the beginning of a trace.
    `attributes` are asked for only where the span is told.
    """

    __slots__ = (
        "_attributes",
        "_before",
        "begun",
        "error",
        "flags",
        "kind",
        "links",
        "name",
        "noted",
        "parent_id",
        "span_id",
        "trace_id",
    )

    def __init__(
        self,
        name: str,
        *,
        kind: Kind = Kind.INTERNAL,
        parent: str | None = None,
        links: tuple[str, ...] = (),
        attributes: Callable[[], Mapping[str, Attribute]] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.links = links
        self.noted: dict[str, Attribute] = {}
        self.error: str | None = None
        self.span_id = secrets.token_hex(8)
        self.begun = time.time_ns()
        self.parent_id: str | None = None
        self.trace_id = ""
        self._attributes = attributes
        self._before: Token[Span | None] | None = None
        self.join(parent or traceparent())
        if not self.trace_id:
            self.trace_id = secrets.token_hex(16)
            self.flags = _flags(self.trace_id)

    def join(self, parent: str | None) -> None:
        """Become a child of this one: which login a request is about shows on the way."""
        if found := _TRACEPARENT.fullmatch(parent or ""):
            self.trace_id, self.parent_id, flags = found.groups()
            self.flags = int(flags, 16) & _SAMPLED

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @property
    def log_context(self) -> dict[str, str]:
        return {"trace_id": self.trace_id, "span_id": self.span_id}

    @property
    def attributes(self) -> dict[str, Attribute]:
        return {**(self._attributes() if self._attributes else {}), **self.noted}

    def note(self, name: str, value: Attribute) -> None:
        self.noted[name] = value

    def forget(self) -> None:
        """Tell nobody."""
        self.flags = 0

    def end(self, error: BaseException | None = None, *, ended: int | None = None) -> None:
        """Tell it; `error` by its class alone; `ended` in nanoseconds since 1970, or it ends now."""
        if EXPORT.tell is None or not self.flags:
            return
        self.error = self.error or (type(error).__name__ if error else None)
        EXPORT.tell(self, time.time_ns() if ended is None else ended)

    def __enter__(self) -> Self:
        self._before = _CURRENT.set(self)
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._before is not None:
            _CURRENT.reset(self._before)
        self.end(error)


_CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)


class _Export:
    """Where ended spans go, if anywhere, and which part of the traces that begin here is to be told."""

    def __init__(self) -> None:
        self.tell: Callable[[Span, int], None] | None = None
        self.ratio = 1.0


EXPORT = _Export()


def is_exported() -> bool:
    return EXPORT.tell is not None


def current() -> Span | None:
    return _CURRENT.get()


def traceparent() -> str | None:
    """Of what this task does; None if that is part of nothing."""
    span = _CURRENT.get()
    return span.traceparent if span else None


def new_traceparent() -> str:
    """A fresh trace, and the span that is its whole."""
    trace_id = secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-{_flags(trace_id):02x}"


def child_of(given: str) -> str:
    """A span of this trace that nobody is told of; the beginning of another trace, if it is of none."""
    if not (found := _TRACEPARENT.fullmatch(given)):
        return new_traceparent()
    trace_id, _, flags = found.groups()
    return f"00-{trace_id}-{secrets.token_hex(8)}-{int(flags, 16) & _SAMPLED:02x}"


def onward(given: str) -> str:
    """For what is sent in this trace: what this task does, if it is part of it, or else `given`."""
    span = _CURRENT.get()
    return span.traceparent if span and span.trace_id == given[3:35] else given


def tell_whole(name: str, given: str, *, begun: int, ended: int, attributes: Mapping[str, Attribute]) -> None:
    """Tell the span that `given` is; `begun` and `ended` in nanoseconds since 1970."""
    span = Span(name, parent=given, attributes=lambda: attributes)
    if span.parent_id is not None:
        span.span_id, span.parent_id, span.begun = span.parent_id, None, begun
        span.end(ended=ended)


def log_context(given: str) -> dict[str, str]:
    """The ids of a `traceparent` that came from elsewhere; none of what is none."""
    found = _TRACEPARENT.fullmatch(given)
    return {"trace_id": found[1], "span_id": found[2]} if found else {}


def is_traceparent(text: str) -> bool:
    return _TRACEPARENT.fullmatch(text) is not None


def of_body(body: bytes) -> str | None:
    """The envelope's `traceparent` of an encoded message; its strings have their quotation marks escaped."""
    found = _IN_BODY.search(body)
    return found[1].decode() if found else None


def of_headers(headers: Mapping[str, Any], *, same_as: str) -> str | None:
    """What a header says of the way of a message, if it is in the message's own trace."""
    text = headers.get("traceparent")
    return text if isinstance(text, str) and is_traceparent(text) and text[3:35] == same_as[3:35] else None


def _flags(trace_id: str) -> int:
    """Whether a trace is told, by the last half of its id, as OpenTelemetry's ratio sampler decides it."""
    return _SAMPLED if int(trace_id[16:], 16) < EXPORT.ratio * 2**64 else 0
