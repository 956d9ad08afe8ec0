"""Messages of one queue that are handled many at a time: one transaction, and one ack, for all of a batch.

What arrives while a batch is in work goes together in the next. A message that nobody waits for also waits
`LINGER_SECONDS` for others to come, since a batch costs about the same however many are in it: were the next
one begun with the few that came meanwhile, replicas that share a queue would make the more of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from common.messages import Message

AT_MOST = 512
LINGER_SECONDS = 0.15

Delivery = TypeVar("Delivery")


@dataclass(frozen=True, kw_only=True)
class Together:
    """How a service handles many messages at once.

    `handle` tells of each whether it is done; what is not, and every message of a batch that failed as a
    whole, is handled once more by itself. `is_urgent`: whether somebody waits for the message.
    """

    handle: Callable[[Sequence[Message]], Awaitable[Sequence[bool]]]
    is_urgent: Callable[[Message], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gathered(Generic[Delivery]):
    """A delivery that a batch will handle; `came_at` is by the event loop's clock."""

    delivery: Delivery
    message: Message
    came_at: float


class Lane(Generic[Delivery]):
    """Gathers deliveries into batches; `done` and `alone` are told what becomes of each."""

    def __init__(
        self,
        together: Together,
        *,
        done: Callable[[Delivery], None],
        alone: Callable[[Delivery], None],
        will_come_again: Callable[[Delivery], bool],
    ) -> None:
        self._together = together
        self._done = done
        self._alone = alone
        self._will_come_again = will_come_again
        self._gathered: list[_Gathered[Delivery]] = []
        self._is_ready = asyncio.Event()
        self._lingering: asyncio.TimerHandle | None = None
        self._is_stopped = False

    def add(self, delivery: Delivery, message: Message) -> None:
        """Handle it with the next batch."""
        came_at = asyncio.get_running_loop().time()
        self._gathered.append(_Gathered(delivery=delivery, message=message, came_at=came_at))
        if len(self._gathered) >= AT_MOST or self._together.is_urgent(message):
            self._is_ready.set()
        elif len(self._gathered) == 1:
            self._linger()

    def stop(self) -> None:
        """Begin no more batches; what was gathered for one goes back to the broker with the connection."""
        self._is_stopped = True
        self._linger_no_more()
        self._is_ready.set()

    async def run(self) -> None:
        """Work batch after batch until stopped."""
        while await self._is_ready.wait() and not self._is_stopped:
            self._linger_no_more()
            self._is_ready.clear()
            batch, self._gathered = self._gathered[:AT_MOST], self._gathered[AT_MOST:]
            await self._work([one for one in batch if not self._will_come_again(one.delivery)])
            if len(self._gathered) >= AT_MOST or self._is_waited_for():
                self._is_ready.set()
            elif self._gathered:
                self._linger()

    def _is_waited_for(self) -> bool:
        return any(self._together.is_urgent(one.message) for one in self._gathered)

    def _linger(self) -> None:
        """Let the next batch begin when the first message in it has waited for company."""
        self._linger_no_more()
        loop = asyncio.get_running_loop()
        until = self._gathered[0].came_at + LINGER_SECONDS
        if until <= loop.time():
            self._is_ready.set()
        else:
            self._lingering = loop.call_at(until, self._is_ready.set)

    def _linger_no_more(self) -> None:
        """A batch begins, and the one after it is not to be hurried by the timer of this one."""
        if self._lingering:
            self._lingering.cancel()
            self._lingering = None

    async def _work(self, batch: Sequence[_Gathered[Delivery]]) -> None:
        try:
            are_done = await self._together.handle([one.message for one in batch]) if batch else []
        except Exception:  # noqa: BLE001 - raised, logged and counted again where each is handled by itself
            are_done = [False] * len(batch)
        for one, is_done in zip(batch, are_done, strict=True):
            (self._done if is_done else self._alone)(one.delivery)
