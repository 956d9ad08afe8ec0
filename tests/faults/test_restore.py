"""The runbook “Restore a backup”, done: a dump made while people logged in, and what becomes of them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.journeys.browser import IDENTITY, LOGGED_IN, Browser, new_browser_session
from tests.journeys.control import PASSED, SEEN, STEP, older, told
from tests.journeys.people import honest
from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.databases import Databases
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.postgres import server_program
from tests.support.processes import base_environment
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

_LONG_AGO = timedelta(days=400)
_CLI = "import sys; from common.cli import main; sys.exit(main())"


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody at a page of a login that is not over."""

    person: Person
    browser: Browser
    page: Page


@pytest.fixture
def stack(servers: RunningServers) -> Iterator[Stack]:
    with servers.unstarted("restore", of=Stack) as made:
        made.start()
        yield made


@pytest.fixture
async def browsers() -> AsyncIterator[AsyncExitStack]:
    """Those that stay open through the disaster."""
    async with AsyncExitStack() as opened:
        yield opened


async def test_a_backup_that_was_made_under_load(
    stack: Stack, servers: RunningServers, browsers: AsyncExitStack, tmp_path: Path
) -> None:
    """Who was let in stays let in; who was in the middle goes on or starts again; newer results count."""
    dump = tmp_path / "backup"
    async with open_world(stack) as world:
        before = await _logged_in(world)
        in_the_middle = await _asked_for_identity(world, browsers)
        await world.rows.quiet()
        kept = await _newest_seal(world)
        _tool("pg_dump", "--format=custom", f"--file={dump}", stack.database.owner)
        later = await _logged_in(world)
        finished = await _asked_for_identity(world, browsers)
        assert (await finished.browser.walk(finished.page, honest(finished.person))).has(LOGGED_IN)
        lost = await _asked_for_identity(world, browsers)
        await _passes_again(world, before, rev=2)
        await world.rows.quiet()
        seal = await _newest_seal(world)
    assert _waystation(stack, "audit", "verify", "--seal", seal) == 0
    await _restore(stack, servers.databases, dump)
    async with open_world(stack) as world:
        assert await world.rows.transactions(later) == []
        assert await world.rows.rev(before) == 1
        assert (await _logs_in(world, later)).has(LOGGED_IN)
        assert await world.rows.transactions(later) == []  # the tenant holds the result
        page = await in_the_middle.browser.walk(in_the_middle.page, honest(in_the_middle.person))
        assert page.has(LOGGED_IN)
        assert (await lost.browser.reload()).status == 404
        assert (await lost.browser.log_in(honest(lost.person))).has(LOGGED_IN)
        await _passes_again(world, before, rev=2)
        assert (await _logs_in(world, before)).has(LOGGED_IN)
        assert [login["status"] for login in await world.rows.transactions(before)] == ["handed_back"] * 2
    assert _waystation(stack, "audit", "verify", "--seal", kept) == 0
    assert _waystation(stack, "audit", "verify", "--seal", seal) == 1


async def _logged_in(world: World) -> Person:
    person = await world.person()
    assert (await _logs_in(world, person)).has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED
    return person


async def _logs_in(world: World, person: Person) -> Page:
    return await (await world.browser()).log_in(honest(person))


async def _asked_for_identity(world: World, browsers: AsyncExitStack) -> Guest:
    person = await world.person()
    session = await browsers.enter_async_context(new_browser_session(world.stack))
    browser = Browser(world.stack, session)
    page = await browser.log_in(honest(person), to=IDENTITY)
    return Guest(person=person, browser=browser, page=page)


async def _passes_again(world: World, person: Person, *, rev: int) -> None:
    """What they had expires, and the result of another login takes its place, whatever rev stands there."""
    expired = older(await world.tenant.app_metadata(person), by=_LONG_AGO)
    await world.tenant.change(person, app_metadata=expired)
    assert (await _logs_in(world, person)).has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED | {"rev": rev}
    assert metadata[STEP]["jti"] != expired[STEP]["jti"]
    assert metadata[SEEN] == metadata[STEP]


async def _newest_seal(world: World) -> str:
    async def sealed() -> str:
        rows = await world.rows.all(
            "SELECT seal, encode(digest, 'hex') AS digest FROM gateway.audit_seals ORDER BY seal DESC LIMIT 1"
        )
        waiting = await world.rows.all("SELECT id FROM gateway.audit_events WHERE number IS NULL LIMIT 1")
        return "" if waiting or not rows else f"{rows[0]['seal']}:{rows[0]['digest']}"

    return await wait_until(sealed, 30, what="the audit trail to be sealed", every=0.5)


async def _restore(stack: Stack, databases: Databases, dump: Path) -> None:
    """The runbook, step by step."""
    for service in SERVICES:
        stack.folder.stop_one(stack.processes[service])
    await stack.amqp.empty()
    await databases.drop(stack.database.name)
    await databases.create(stack.database.name)
    _tool("pg_restore", "--exit-on-error", f"--dbname={stack.database.owner}", dump)
    await asyncio.to_thread(databases.migrate, stack.database.name)
    for service in SERVICES:
        stack.launch_service(service)
    await asyncio.to_thread(stack.await_ready)


def _tool(name: str, *arguments: str | Path) -> None:
    subprocess.run([server_program(name), *arguments], check=True, capture_output=True, timeout=60)


def _waystation(stack: Stack, *arguments: str) -> int:
    environment = base_environment() | stack.service_environment("gateway")
    command = [sys.executable, "-c", _CLI, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60).returncode
