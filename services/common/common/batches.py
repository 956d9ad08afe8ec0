"""Natural batches: while one is under way, what arrives goes together in the next; one commit does for many.

Nothing waits to make a batch larger: a single item that finds nothing under way is a batch of its own. Where
nobody waits for the results, each batch may linger for others to come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from common.db import DatabaseUnavailableError

AT_MOST = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Hands items to `work` in batches; each item gets its own result, or the error that `work` has for it.

    When a batch as a whole fails with an error that nobody foresaw, its items are worked one by one, so that
    only whose fault it is meets it.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        linger: float = 0.0,
    ) -> None:
        self._work = work
        self._linger = linger
        self._arrived: list[tuple[Item, asyncio.Future[Result]]] = []
        self._working: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """The item's result, once a batch with it is done."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._arrived.append((item, result))
        if self._working is None:
            self._working = asyncio.create_task(self._work_all())
        return await result

    async def _work_all(self) -> None:
        while self._arrived:
            if self._linger and len(self._arrived) < AT_MOST:
                await asyncio.sleep(self._linger)
            batch, self._arrived = self._arrived[:AT_MOST], self._arrived[AT_MOST:]
            results = await self._results([item for item, _ in batch])
            for (_, waiting), result in zip(batch, results, strict=True):
                if waiting.cancelled():
                    continue
                if isinstance(result, Exception):
                    waiting.set_exception(result)
                else:
                    waiting.set_result(result)
        self._working = None

    async def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._work(items)
        except DatabaseUnavailableError as exc:
            return [exc] * len(items)
        except Exception as exc:  # noqa: BLE001 - raised again by `add`, to whoever waits for the item
            if len(items) == 1:
                return [exc]
        return [result for item in items for result in await self._results([item])]
