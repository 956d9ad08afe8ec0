"""A browser whose person does not give up: what does not answer is asked again until it does."""

from collections.abc import Awaitable

import aiohttp

from tests.journeys.browser import Browser, asks_for_something
from tests.journeys.people import Answers
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.errors import JourneyError
from tests.support.journey import Page
from tests.support.waiting import wait_until

_SERVED_SECONDS = 30.0
_UNAVAILABLE = 503


class StubbornBrowser(Browser):
    """Reloads what failed. It looks again at a waiting page only when there is something new to see.

    Otherwise the number of a login's statements would depend on the machine's speed.
    """

    def __init__(self, world: World, session: aiohttp.ClientSession, *, person: Person) -> None:
        super().__init__(world.stack, session)
        self._rows = world.rows
        self._person = person

    async def insist(self, answers: Answers) -> Page:
        """A login to its end, whatever dies meanwhile."""
        page = await self._served(self.begin(answers))
        while asks_for_something(page):
            page = await self._served(self.answer(page, answers))
        return page

    async def _served(self, attempt: Awaitable[Page]) -> Page:
        """The page that the attempt brings, or that a reload brings as soon as somebody answers again."""
        try:
            page = await attempt
        except JourneyError:
            page = None
        while page is None or page.status == _UNAVAILABLE:
            page = await wait_until(self._reloaded, _SERVED_SECONDS, what="an answer")
        return page

    async def _reloaded(self) -> Page | None:
        try:
            return await self.reload()
        except JourneyError:
            return None

    async def look_again(self) -> Page:
        await wait_until(self._is_settled, _SERVED_SECONDS, what="the login to go on")
        return await self.reload()

    async def _is_settled(self) -> bool:
        (login,) = await self._rows.transactions(self._person)
        return bool(login["status"] != "waiting")
