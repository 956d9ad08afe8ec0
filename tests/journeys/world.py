"""A running stack as a test sees it: people, browsers, the tenant as a witness, rows and log lines."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import asyncpg
import yaml

from tests.journeys.browser import Browser, new_browser_session
from tests.journeys.control import Control
from tests.journeys.people import new_person
from tests.journeys.rows import Rows
from tests.support.demo_tenant import Person
from tests.support.inbox import Inbox
from tests.support.loopback import loopback_connector
from tests.support.site import Site
from tests.support.stack import SERVICES
from tests.support.waiting import wait_until

CLAIM = "https://waystation.dev/idproof"
_BY_ITSELF = {"tenants.reloaded", "audit.sealed"}


@dataclass(frozen=True, kw_only=True)
class World:
    """What lives as long as one test; `exits` closes it."""

    stack: Site
    tenant: Control
    rows: Rows
    exits: AsyncExitStack

    async def person(self, **changes: Any) -> Person:
        """A new customer of the tenant."""
        return await self.tenant.add(new_person(**changes))

    async def browser(self, **headers: str) -> Browser:
        """A new browser without any cookie."""
        session = await self.exits.enter_async_context(new_browser_session(self.stack))
        session.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return Browser(self.stack, session)

    def inbox(self, person: Person) -> Inbox:
        """The mails to this person."""
        return Inbox(person.email, origin=self.stack.mails)

    def log_lines(self, service: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Every line that the service's process has written after its first `since` characters."""
        return [json.loads(line) for line in self.output(service)[since:].splitlines()]

    def output(self, service: str) -> str:
        """All that the service's process has written so far, in whole lines."""
        written = self.stack.written(service)
        return written[: written.rfind("\n") + 1]

    def lines_but_of_others(self, service: str, *, since: int, login: str) -> list[dict[str, Any]]:
        """Such lines of this login or of none: another test's may come late, as may what comes by itself."""
        lines = self.log_lines(service, since=since)
        return [
            line
            for line in lines
            if line.get("transaction_id", login) == login and line["event"] not in _BY_ITSELF
        ]

    async def quiet(self) -> None:
        """Wait until no service does anything for anybody, or will within seconds."""
        before: dict[str, str] = {}

        async def is_still() -> bool:
            # What a service holds in its hand is in no queue and in no row; soon it is.
            nonlocal before
            depths = [await self.stack.amqp.depth(service) for service in SERVICES]
            was, before = before, await self.rows.snapshot()
            return not any(depths) and was == before

        await self.rows.quiet()
        await wait_until(is_still, 60.0, what="the services to be still", every=0.3)

    async def traces(self) -> dict[str, list[str]]:
        """Everything that our services leave to be read: by place, output, command lines and rows."""
        outputs = {f"output of {service}": [self.output(service)] for service in SERVICES}
        commands = {
            f"command line of {service}": [self.stack.shown(service, "cmdline")] for service in SERVICES
        }
        return {**outputs, **commands, **await self.rows.texts()}

    @asynccontextmanager
    async def retuned(self, **changes: Any) -> AsyncIterator[None]:
        """Another tenants file meanwhile, made by these fields of `DemoTenant`; the gateway has read it."""
        tenant = self.stack.tenant
        async with self.reread():
            self.stack.retune(replace(tenant, **changes))
        try:
            yield
        finally:
            async with self.reread():
                self.stack.retune(tenant)

    @asynccontextmanager
    async def reread(self) -> AsyncIterator[None]:
        """The tenants file is written meanwhile; at the end the gateway has read it again."""
        before = len(self.output("gateway"))
        yield
        self.stack.remind("gateway")
        await wait_until(
            lambda: '"tenants.reloaded"' in self.output("gateway")[before:],
            60.0,
            what="the gateway to read the tenants file again",
        )

    @asynccontextmanager
    async def other_tenant(
        self, action_settings: Mapping[str, str] | None = None, /, **settings: str
    ) -> AsyncIterator[None]:
        """A tenant that makes other choices where Auth0's are not known; it knows nobody at first."""
        before = self.stack.emulated()
        tenant = yaml.safe_load(before) | {"settings": settings}
        tenant["actions"][0]["secrets"].update(action_settings or {})
        self.stack.emulate(yaml.safe_dump(tenant))
        restart(self.stack, "tenant", "app")
        try:
            yield
        finally:
            self.stack.emulate(before)
            restart(self.stack, "tenant", "app")


@asynccontextmanager
async def open_world(stack: Site) -> AsyncIterator[World]:
    """A stack with everything that a test looks at it with."""
    async with AsyncExitStack() as exits:
        session = await exits.enter_async_context(aiohttp.ClientSession(connector=loopback_connector()))
        control = Control(stack.origins.tenant, session)
        # A connection is made with the first question, and most tests have one at a time.
        owner = asyncpg.create_pool(stack.database.owner, min_size=0, max_size=2)
        rows = Rows(await exits.enter_async_context(owner))
        yield World(stack=stack, tenant=control, rows=rows, exits=exits)


def restart(stack: Site, *names: str) -> None:
    """End processes in order and start them again at the same addresses."""
    for name in names:
        stack.end(name)
    stack.begin(*names)


def crash(stack: Site, *names: str) -> None:
    """Kill services at once, as if the machine had lost them, and start them again at the same addresses."""
    for name in names:
        stack.kill(name)
    stack.begin(*names)
