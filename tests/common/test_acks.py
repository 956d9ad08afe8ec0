"""Which frames acknowledge what was settled: no delivery before it is settled, and none is forgotten."""

import asyncio
from collections.abc import Awaitable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.acks import Acks


class Channel:
    """A channel, which is only told apart from others."""


class Delivery:
    """A delivery that notes how it was acknowledged."""

    def __init__(self, tag: int, channel: Channel, frames: list[tuple[int, bool]]) -> None:
        self.delivery_tag: int | None = tag
        self.channel = channel
        self._frames = frames

    async def ack(self, *, multiple: bool = False) -> None:
        self._frames.append((self.delivery_tag or 0, multiple))


async def _send(frame: Awaitable[None]) -> None:
    await frame


async def _frames(*rounds: Iterable[int]) -> list[tuple[int, bool]]:
    """What is sent when the deliveries with these tags are settled, round by round."""
    acks, channel = Acks(_send), Channel()
    frames: list[tuple[int, bool]] = []
    for tags in rounds:
        for tag in tags:
            acks.settle(Delivery(tag, channel, frames))
        await acks.sent()
    return frames


@pytest.mark.parametrize(
    ("rounds", "frames"),
    [
        ([[1, 2, 3]], [(3, True)]),
        ([[3, 1, 2]], [(3, True)]),
        ([[1], [2]], [(1, True), (2, True)]),
        ([[2, 3], [1]], [(2, False), (3, False), (1, True)]),
        ([[1, 3], [4, 2]], [(1, True), (3, False), (4, True)]),
    ],
)
async def test_frames(rounds: list[list[int]], frames: list[tuple[int, bool]]) -> None:
    """One frame for all up to a tag where all are settled, one of its own where an earlier is open."""
    assert await _frames(*rounds) == frames


@given(order=st.permutations(range(1, 13)), cuts=st.sets(st.integers(1, 11)))
def test_each_is_acknowledged_once_it_is_settled(order: list[int], cuts: set[int]) -> None:
    """Whatever the order: a frame speaks only for settled ones, and all are told."""
    bounds = [0, *sorted(cuts), len(order)]
    rounds = [order[start:end] for start, end in pairwise(bounds)]
    told: set[int] = set()
    for number in range(1, len(rounds) + 1):
        frames = asyncio.run(_frames(*rounds[:number]))
        told = {tag for last, multiple in frames for tag in (range(1, last + 1) if multiple else [last])}
        assert told == {tag for tags in rounds[:number] for tag in tags}
    assert told == set(order)
