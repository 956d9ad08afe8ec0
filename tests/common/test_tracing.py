"""Spans of our own: which trace they are in, what they hand on, and what is done only where they are read."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from common import tracing
from common.messages import encode
from common.tracing import EXPORT, NOBODY, Kind, Span, new_traceparent
from common.tracing_open import open_tracing
from tests.contracts.examples import example

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"
UNTOLD = f"00-{'a' * 32}-{'b' * 16}-00"


@pytest.fixture
def told() -> Iterator[list[Span]]:
    """What is told while the test runs."""
    spans: list[Span] = []
    EXPORT.tell = lambda span, _: spans.append(span)
    yield spans
    EXPORT.tell, EXPORT.ratio = None, 1.0


def test_a_child_of_what_is_done_already(told: list[Span]) -> None:
    """Without a parent of its own a span belongs to the one around it; both are told, the inner one first."""
    with Span("outer", parent=PARENT) as outer, Span("inner", kind=Kind.CLIENT) as inner:
        assert tracing.current() is inner
    assert tracing.current() is None
    assert [span.name for span in told] == ["inner", "outer"]
    assert (outer.trace_id, outer.parent_id) == ("a" * 32, "b" * 16)
    assert (inner.trace_id, inner.parent_id) == ("a" * 32, outer.span_id)
    assert outer.traceparent == f"00-{'a' * 32}-{outer.span_id}-01"


@pytest.mark.parametrize(
    "parent",
    [
        NOBODY,
        "",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"01-{'a' * 32}-{'b' * 16}-01",
        f"00-{'A' * 32}-{'b' * 16}-01",
        f"{PARENT}-extra",
        f" {PARENT}",
        f"{PARENT}\n",
    ],
)
def test_what_is_no_parent(parent: str) -> None:
    """What is not written as W3C Trace Context says is the beginning of a trace of its own, with good ids."""
    span = Span("alone", parent=parent)
    assert span.parent_id is None
    assert tracing.is_traceparent(span.traceparent)
    assert span.trace_id != "a" * 32


def test_a_child_that_nobody_is_told_of() -> None:
    """It has an id of its own and its parent's flag; what is no parent begins a trace."""
    child, untold, other = map(tracing.child_of, (PARENT, UNTOLD, "nonsense"))
    assert (child[:36], child[52:]) == (PARENT[:36], "-01")
    assert (untold[:36], untold[52:]) == (UNTOLD[:36], "-00")
    assert tracing.is_traceparent(other)
    assert len({made[36:52] for made in (PARENT, child, untold, other)}) == 4


def test_a_request_joins_its_login(told: list[Span]) -> None:
    """A span that began before it was known what it is about is told in the trace that it joined."""
    with Span("request", parent=NOBODY) as span:
        before = span.trace_id
        span.join(PARENT)
        assert tracing.onward(PARENT) == span.traceparent
        assert tracing.onward(f"00-{before}-{'c' * 16}-01") == f"00-{before}-{'c' * 16}-01"
    assert [(one.trace_id, one.parent_id) for one in told] == [("a" * 32, "b" * 16)]


def test_nobody_is_told_what_its_trace_keeps(told: list[Span]) -> None:
    """Children of a trace that is not sampled are not told, and hand that on; nor is what was forgotten."""
    with Span("untold", parent=UNTOLD) as span:
        assert span.traceparent.endswith("-00")
    with Span("forgotten", parent=PARENT) as span:
        span.forget()
    tracing.tell_whole("login", UNTOLD, begun=1, ended=2, attributes={})
    assert told == []


def test_a_part_of_the_traces(told: list[Span]) -> None:
    """With a ratio, as many traces that begin here are told; 0 tells none, 1 all."""
    counts = {}
    for ratio in (0.0, 0.25, 1.0):
        EXPORT.ratio = ratio
        counts[ratio] = sum(new_traceparent().endswith("-01") for _ in range(4000))
    assert counts[0.0] == 0
    assert 800 < counts[0.25] < 1200
    assert counts[1.0] == 4000
    assert told == []


def test_an_error_is_told_by_its_class(told: list[Span]) -> None:
    """The text of an error may be personal."""
    with pytest.raises(ValueError, match="Anna"), Span("fails"):
        raise ValueError("Anna")
    assert [(span.error, span.attributes) for span in told] == [("ValueError", {})]


@pytest.mark.usefixtures("told")
def test_the_whole_of_a_login() -> None:
    """The span that a `traceparent` names is told with its very id, without a parent, to when it ended."""
    ends: list[tuple[Span, int]] = []
    EXPORT.tell = lambda span, ended: ends.append((span, ended))
    tracing.tell_whole("login", PARENT, begun=7, ended=9, attributes={"waystation.tenant": "acme"})
    ((span, ended),) = ends
    assert ended == 9
    assert (span.trace_id, span.span_id, span.parent_id, span.begun) == ("a" * 32, "b" * 16, None, 7)
    assert span.attributes == {"waystation.tenant": "acme"}


def test_attributes_are_asked_for_where_they_are_told() -> None:
    """Where nothing is exported, nothing is prepared for it."""

    def attributes() -> dict[str, tracing.Attribute]:
        raise AssertionError("nobody reads them")

    with Span("quiet", attributes=attributes):
        pass


def test_of_a_message() -> None:
    """The relay finds who sent a message in its body, a consumer its way in a header of the same trace."""
    message = example("metadata-rejected.v1").message(
        traceparent=PARENT, reason=f'"traceparent":"{new_traceparent()}"'
    )
    assert tracing.of_body(encode(message)) == PARENT
    assert tracing.of_body(b"not a message") is None
    way = f"00-{'a' * 32}-{'c' * 16}-01"
    assert tracing.of_headers({"traceparent": way}, same_as=PARENT) == way
    for foreign in (new_traceparent(), b"x", 7, None, ""):
        assert tracing.of_headers({"traceparent": foreign}, same_as=PARENT) is None


async def test_without_a_collector() -> None:
    """No thread is begun, and nothing is told."""
    threads = threading.enumerate()
    async with open_tracing(None, service="gateway", production=False):
        assert threading.enumerate() == threads
        assert not tracing.is_exported()


def test_nothing_is_loaded() -> None:
    """The services load nothing of OpenTelemetry, unless a collector is named."""
    code = (
        "import sys, gateway.app, proofing.service, metadata_sync.service;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.', 'requests'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
