"""Acknowledges deliveries: what is settled at about the same time by one frame, as far as the protocol goes.

A frame may speak for all deliveries up to a tag. It does where every one of them is settled; a delivery that
is settled before an earlier one gets a frame of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakKeyDictionary


class Delivery(Protocol):
    """A message of the client library; tags count the deliveries of its channel."""

    delivery_tag: int | None

    @property
    def channel(self) -> object:
        """Where it came from, and where its acknowledgement goes."""
        ...

    def ack(self, *, multiple: bool = False) -> Awaitable[None]:
        """Send the acknowledgement."""
        ...


class Acks:
    """Of one consumer; `send` is given each acknowledgement and must not raise."""

    def __init__(self, send: Callable[[Awaitable[None]], Awaitable[None]]) -> None:
        self._send = send
        self._channels: WeakKeyDictionary[object, _Channel] = WeakKeyDictionary()
        self._sending: asyncio.Task[None] | None = None

    def settle(self, delivery: Delivery) -> None:
        """Acknowledge it soon; its channel is open."""
        self._channels.setdefault(delivery.channel, _Channel()).settled.append(delivery)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def sent(self) -> None:
        """Return when everything that was settled has been acknowledged."""
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        while frames := [frame for channel in list(self._channels.values()) for frame in channel.frames()]:
            for delivery, multiple in frames:
                await self._send(delivery.ack(multiple=multiple))
        self._sending = None


class _Channel:
    """Tags rise by one with each delivery of a channel, from 1."""

    def __init__(self) -> None:
        self.settled: list[Delivery] = []
        self._all_up_to = 0
        self._beyond: set[int] = set()

    def frames(self) -> list[tuple[Delivery, bool]]:
        """What is to be sent for the deliveries settled since, and whether it speaks for all before."""
        settled = {delivery.delivery_tag or 0: delivery for delivery in self.settled}
        self.settled = []
        self._beyond |= settled.keys()
        before = self._all_up_to
        while self._all_up_to + 1 in self._beyond:
            self._all_up_to += 1
            self._beyond.discard(self._all_up_to)
        last = max((tag for tag in settled if before < tag <= self._all_up_to), default=0)
        frames = [(settled[last], True)] if last else []
        return frames + [(delivery, False) for tag, delivery in settled.items() if tag > self._all_up_to]
