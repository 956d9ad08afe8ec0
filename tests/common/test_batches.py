"""What arrives while a batch is under way goes together in the next; nobody pays for another's fault."""

import asyncio
from collections.abc import Sequence

import pytest

from common.batches import Batches
from common.db import DatabaseUnavailableError


class Work:
    """Doubles numbers when it is let; refuses 13 by itself, and falls over 0."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        self.has_begun.set()
        await self.may_end.wait()
        if 0 in items:
            raise ZeroDivisionError
        if 99 in items:
            raise DatabaseUnavailableError
        return [LookupError() if item == 13 else item * 2 for item in items]


async def _add_all(work: Work, *items: int) -> list[int | BaseException]:
    batches: Batches[int, int] = Batches(work)
    waiting = [asyncio.create_task(batches.add(item)) for item in items]
    await work.has_begun.wait()
    work.may_end.set()
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_arrives_meanwhile_goes_together() -> None:
    """The first goes alone at once; those that came while it was under way are one batch, in their order."""
    work = Work()
    batches: Batches[int, int] = Batches(work)
    first = asyncio.create_task(batches.add(1))
    await work.has_begun.wait()
    others = [asyncio.create_task(batches.add(item)) for item in (2, 3, 4)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


async def test_an_item_gets_its_own_error() -> None:
    """One that is refused hurts no neighbour."""
    first, refused, last = await _add_all(Work(), 1, 13, 2)
    assert (first, type(refused), last) == (2, LookupError, 4)


async def test_an_unforeseen_error_is_found() -> None:
    """When a batch fails as a whole, its items are worked one by one, and only the culprit fails."""
    work = Work()
    results = await _add_all(work, 1, 0, 2)
    assert [type(result) for result in results] == [int, ZeroDivisionError, int]
    assert work.batches == [[1, 0, 2], [1], [0], [2]]


async def test_a_lost_database_is_told_to_all_at_once() -> None:
    """Nothing is tried one by one against a database that is away."""
    work = Work()
    results = await _add_all(work, 99, 1, 2)
    assert [type(result) for result in results] == [DatabaseUnavailableError] * 3
    assert work.batches == [[99, 1, 2]]


async def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the bound waits for the next batch."""
    monkeypatch.setattr("common.batches.AT_MOST", 2)
    work = Work()
    assert await _add_all(work, 1, 2, 3) == [2, 4, 6]
    assert work.batches == [[1, 2], [3]]


async def test_a_batch_that_lingers() -> None:
    """Where nobody waits for the results, what comes a moment after the first goes with it."""
    work = Work()
    work.may_end.set()
    batches: Batches[int, int] = Batches(work, linger=0.02)
    first = asyncio.create_task(batches.add(1))
    await asyncio.sleep(0)
    others = [asyncio.create_task(batches.add(item)) for item in (2, 3)]
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert work.batches == [[1, 2, 3]]
