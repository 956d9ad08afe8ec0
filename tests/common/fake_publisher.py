"""A broker as the relay sees it, whose answers a test chooses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from common.outbox import OutgoingMessage

Answer = Callable[[OutgoingMessage], Awaitable[bool]]


async def confirm(_message: OutgoingMessage) -> bool:
    return True


async def refuse(_message: OutgoingMessage) -> bool:
    return False


class FakePublisher:
    """Notes every attempt; `answer` decides what becomes of it."""

    def __init__(self, answer: Answer = confirm) -> None:
        self.answer = answer
        self.attempts: list[OutgoingMessage] = []

    @property
    def published(self) -> list[str]:
        """Event ids in the order of their attempts."""
        return [message.event_id for message in self.attempts]

    def has_seen(self, event_id: str) -> bool:
        return event_id in self.published

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        self.attempts += messages
        return await asyncio.gather(*map(self.answer, messages))
