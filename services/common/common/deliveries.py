"""Deliveries as plain as the protocol client hands them over, on a channel that comes back by itself.

The library above it makes of each a message object and a task of its own, at as much CPU as reading it costs.
It still subscribes, and again after a lost connection; only what it would do with each delivery is replaced.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import aiormq
from aio_pika.abc import AbstractRobustChannel
from aio_pika.exceptions import ChannelInvalidStateError
from aiormq.abc import DeliveredMessage


class Delivery(Protocol):
    """A message of a queue; of a closed channel the library's own objects raise ChannelInvalidStateError."""

    body: bytes
    delivery_tag: int | None
    redelivered: bool | None

    @property
    def headers(self) -> Mapping[str, Any]: ...

    @property
    def channel(self) -> aiormq.abc.AbstractChannel:
        """By which it came, and has to be settled."""
        ...

    def ack(self, *, multiple: bool = False) -> Awaitable[None]:
        """Settle it, or all up to it."""
        ...


@dataclass(slots=True)
class PlainDelivery:
    """A delivery without what nobody asks of it."""

    body: bytes = field(repr=False)
    delivery_tag: int | None
    redelivered: bool | None
    channel: aiormq.abc.AbstractChannel
    headers: Mapping[str, Any]

    def ack(self, *, multiple: bool = False) -> Awaitable[None]:
        return self.channel.basic_ack(self.delivery_tag or 0, multiple=multiple)


@dataclass(frozen=True, slots=True)
class PlainConsumer:
    """What the library is to call for each delivery that it reads; `arrive` is called for all others too."""

    arrive: Callable[[Delivery], None]

    async def __call__(self, message: DeliveredMessage) -> None:
        headers = message.header.properties.headers or {}
        self.arrive(
            PlainDelivery(message.body, message.delivery_tag, message.redelivered, message.channel, headers)
        )


async def hand_over_plainly(
    channel: AbstractRobustChannel, tag: str, arrive: Callable[[Delivery], None]
) -> None:
    """Give `arrive` the deliveries of this consumer, also when the channel comes back.

    A delivery that the library is quicker with comes by its own way.
    """
    consumer = PlainConsumer(arrive)

    async def replace(*_: object) -> None:
        underlay = cast("aiormq.Channel", await channel.get_underlay_channel())
        if tag in underlay.consumers:
            underlay.consumers[tag] = consumer

    channel.reopen_callbacks.add(replace)
    await replace()


def will_come_again(delivery: Delivery) -> bool:
    """Whether the channel is lost that it came by: then it cannot be settled, and is delivered once more."""
    try:
        return delivery.channel.is_closed
    except ChannelInvalidStateError:
        return True
