"""The spans of messages: who is whose parent, also of many that are handled together."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from common import tracing
from common.message_spans import Batch, as_sent, processing, publishing
from common.messages import encode
from common.tracing import EXPORT, Span, new_traceparent
from tests.contracts.examples import example

UPDATE = example("update-metadata.v1")


@pytest.fixture
def told() -> Iterator[list[Span]]:
    spans: list[Span] = []
    EXPORT.tell = lambda span, _: spans.append(span)
    yield spans
    EXPORT.tell = None


def test_the_way_of_a_message(told: list[Span]) -> None:
    """Published as a part of what sent it, handled as a part of the attempt that brought it here."""
    sender = new_traceparent()
    message = UPDATE.message(traceparent=sender)
    with publishing(exchange="e", routing_key="r.v1", body=encode(message), event_id="e-1", attempt=2) as way:
        headers = {"x-event-id": "e-1", "traceparent": way.traceparent}
    arrived = as_sent(message, headers)
    with processing(arrived, queue="metadata-sync") as handled:
        pass
    assert [span.name for span in told] == ["publish e:r.v1", "process metadata-sync UpdateMetadata"]
    assert {span.trace_id for span in told} == {sender[3:35]}
    assert (way.parent_id, handled.parent_id) == (sender[36:52], way.span_id)
    assert told[0].attributes == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "e:r.v1",
        "messaging.message.id": "e-1",
        "waystation.attempt": 2,
    }
    assert told[1].attributes == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "waystation.commands:update-metadata.v1:metadata-sync",
        "messaging.message.id": message.event_id,
        "waystation.tenant": message.tenant,
        "waystation.transaction_id": message.transaction_id,
    }


def test_a_header_of_another_trace(told: list[Span]) -> None:
    """Whoever may write to an exchange cannot move a message into another login's trace by a header."""
    message = UPDATE.message(traceparent=new_traceparent())
    assert as_sent(message, {"traceparent": new_traceparent()}) == message
    assert as_sent(message, {}) == message
    assert told == []


async def test_many_together(told: list[Span]) -> None:
    """Each is told in its own trace, linked with what they share; one that is not done is not told yet."""
    messages = [UPDATE.message(traceparent=new_traceparent(), event_id=f"e-{n}") for n in range(3)]
    batch = Batch(messages, queue="metadata-sync")
    with batch.under_way():
        whole = tracing.current()
        batch.end([True, False, True])
    assert whole is not None
    first, third = told[:2]
    assert [(span.trace_id, span.parent_id) for span in (first, third)] == [
        (message.traceparent[3:35], message.traceparent[36:52]) for message in (messages[0], messages[2])
    ]
    assert first.links == third.links == (whole.traceparent,)
    assert told[2:] == [whole]
    assert whole.links == (first.traceparent, third.traceparent)
    assert (whole.parent_id, whole.attributes) == (None, {"messaging.batch.message_count": 3})
    assert [message.traceparent for message in (batch.messages[0], batch.messages[2])] == list(whole.links)


def test_where_nothing_is_exported() -> None:
    """Each message has a span in its own trace all the same, since lines of the log name it."""
    sampled, unsampled = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-00"
    messages = [UPDATE.message(traceparent=parent) for parent in (sampled, unsampled, sampled)]
    batch = Batch(messages, queue="metadata-sync")
    with batch.under_way():
        assert tracing.current() is None
        batch.end([True, False, True])
    spans = [message.traceparent for message in batch.messages]
    assert [(span[:36], span[52:]) for span in spans] == [
        (sampled[:36], "-01"),
        (unsampled[:36], "-00"),
        (sampled[:36], "-01"),
    ]
    assert len({span[36:52] for span in (*spans, sampled, unsampled)}) == 5
    assert [
        replace(message, traceparent=sent.traceparent)
        for message, sent in zip(batch.messages, messages, strict=True)
    ] == messages


def test_one_alone_shares_nothing(told: list[Span]) -> None:
    """A batch of one is the handling of that message."""
    batch = Batch([UPDATE.message()], queue="metadata-sync")
    with batch.under_way():
        assert tracing.current() is None
        batch.end([True])
    assert [(span.name, span.links) for span in told] == [("process metadata-sync UpdateMetadata", ())]
