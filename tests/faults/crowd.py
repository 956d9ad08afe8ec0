"""People who log in without end, one after the other at each of several places, with every kind of step."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle

from tests.journeys.browser import new_browser_session
from tests.journeys.people import new_person
from tests.journeys.world import World
from tests.support.deeds import LOGGED_IN, STEPS, Customer
from tests.support.demo_tenant import Person
from tests.support.errors import DeadlineError, JourneyError
from tests.support.journey import Hop, Visitor
from tests.support.waiting import wait_until
from tests.support.walk import go_on

# Each step by itself, and all of them in one login.
KINDS = (*((step,) for step in STEPS), tuple(STEPS))
_PATIENCE_SECONDS = 120.0
_MOST_PAGES = 60


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A login that ended at the application."""

    person: Person
    steps: tuple[str, ...]


class Crowd:
    """What the people have seen: `statuses` of all answers, `ended` logins, `failed` with the reason."""

    def __init__(self, world: World, *, places: int, keeps_connections: bool) -> None:
        self.statuses: Counter[int] = Counter()
        self.ended: list[Visit] = []
        self.failed: list[str] = []
        self._world = world
        self._passed = [0] * places
        self._keeps_connections = keeps_connections
        self._kinds = cycle(KINDS)
        self._is_over = False

    @asynccontextmanager
    async def logging_in(self) -> AsyncIterator[None]:
        """From before the block until after it: what is under way then ends."""
        async with asyncio.TaskGroup() as tasks:
            for place in range(len(self._passed)):
                tasks.create_task(self._come(place))
            try:
                await self.all_change()
                yield
                await self.all_change()
            finally:
                self._is_over = True

    async def all_change(self) -> None:
        """Until each place has ended the login that it is at now, or one has failed."""
        wanted = [passed + 1 for passed in self._passed]

        def done() -> bool:
            pairs = zip(self._passed, wanted, strict=True)
            return bool(self.failed) or all(now >= then for now, then in pairs)

        await wait_until(done, _PATIENCE_SECONDS, what="the logins that are under way")

    async def _come(self, place: int) -> None:
        while not (self._is_over or self.failed):
            steps = next(self._kinds)
            try:
                self.ended.append(await self._log_in(steps))
            except (JourneyError, DeadlineError) as exc:
                self.failed.append(f"{'+'.join(steps)}: {exc}")
            self._passed[place] += 1

    async def _log_in(self, steps: tuple[str, ...]) -> Visit:
        world = self._world
        flags = {"waystation_require": ",".join(f"{step}:1" for step in steps)}
        if "idproof" not in steps:
            flags["waystation_skip"] = "idproof"
        person = await world.tenant.add(new_person(), app_metadata=flags)
        customer = Customer(person, inbox=world.inbox(person), steps=steps)
        origins = world.stack.origins
        names = {origins.app: "application", origins.tenant: "tenant", origins.gateway: "gateway"}
        async with new_browser_session(world.stack) as session:
            if not self._keeps_connections:
                session.headers["Connection"] = "close"
            visitor = Visitor(session, names=names, on_hop=self._note)
            page = await visitor.open(f"{origins.app}/login")
            for _ in range(_MOST_PAGES):
                if page.has(LOGGED_IN):
                    return Visit(person=person, steps=steps)
                page = await go_on(visitor, customer, page)
        raise JourneyError(f"{_MOST_PAGES} pages, and still “{page.title}” of the {page.who}.")

    def _note(self, hop: Hop) -> None:
        self.statuses[hop.status] += 1
