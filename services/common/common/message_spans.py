"""The spans of a message's way: published by the relay, processed by a consumer.

Names and attributes are those of OpenTelemetry's conventions for RabbitMQ. The relay's span travels as header
`traceparent`; without one, as where the sender exports nothing, the body tells who sent it.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import compress
from typing import Any, TypeVar

from common import tracing
from common.messages import Message, exchange_of, routing_key_of
from common.tracing import Attribute, Kind, Span

AnyMessage = TypeVar("AnyMessage", bound=Message)


def publishing(*, exchange: str, routing_key: str, body: bytes, event_id: str, attempt: int) -> Span:
    """A span for one attempt to publish an outbox row."""

    def attributes() -> dict[str, Attribute]:
        return {
            **_messaging("publish", "send", f"{exchange}:{routing_key}"),
            "messaging.message.id": event_id,
            "waystation.attempt": attempt,
        }

    name = f"publish {exchange}:{routing_key}"
    return Span(name, kind=Kind.PRODUCER, parent=tracing.of_body(body), attributes=attributes)


def as_sent(message: Message, headers: Mapping[str, Any]) -> Message:
    """The message as a part of the attempt that has brought it here, where that is told."""
    sent = tracing.of_headers(headers, same_as=message.traceparent) if headers else None
    return within(message, sent) if sent else message


def within(message: AnyMessage, traceparent: str) -> AnyMessage:
    """The same message as a part of this span; nothing else of it is looked at again, as `replace` would."""
    moved = object.__new__(type(message))
    vars(moved).update(vars(message), traceparent=traceparent)
    return moved


def processing(message: Message, *, queue: str, batch: Span | None = None) -> Span:
    """A span for the handling of one message; those of a batch are linked with it."""

    def attributes() -> dict[str, Attribute]:
        destination = f"{exchange_of(message)}:{routing_key_of(message)}:{queue}"
        return {
            **_messaging("process", "process", destination),
            "messaging.message.id": message.event_id,
            "waystation.tenant": message.tenant,
            "waystation.transaction_id": message.transaction_id,
        }

    return Span(
        f"process {queue} {message.type}",
        kind=Kind.CONSUMER,
        parent=message.traceparent,
        links=(batch.traceparent,) if batch else (),
        attributes=attributes,
    )


class Batch:
    """The spans of messages that are handled together: each in its own trace, and one for what they share."""

    def __init__(self, messages: Sequence[Message], *, queue: str) -> None:
        self._whole: Span | None = None
        self._spans: list[Span] = []
        if not tracing.is_exported():
            self.messages = [within(message, tracing.child_of(message.traceparent)) for message in messages]
            return
        if len(messages) > 1:
            self._whole = Span(f"process {queue} batch", kind=Kind.CONSUMER)
            self._whole.note("messaging.batch.message_count", len(messages))
        self._spans = [processing(message, queue=queue, batch=self._whole) for message in messages]
        self.messages = [
            within(message, span.traceparent) for message, span in zip(messages, self._spans, strict=True)
        ]

    def under_way(self) -> AbstractContextManager[object]:
        """While the block runs, what they share is what this task does."""
        return self._whole or nullcontext()

    def end(self, are_done: Sequence[bool]) -> None:
        """Tell those that are done; the others are handled once more, each by itself."""
        done = list(compress(self._spans, are_done))
        if self._whole:
            self._whole.links = tuple(span.traceparent for span in done)
        for span in done:
            span.end()


def _messaging(operation: str, kind: str, destination: str) -> dict[str, Attribute]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
    }
