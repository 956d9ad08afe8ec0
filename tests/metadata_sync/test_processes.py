"""Two and more processes on one database: leases, fencing and the one budget."""

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from common.messages import encode
from tests.metadata_sync.process import next_event, send
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until


@pytest.fixture
async def owner(database: ServiceDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as its owner sees it."""
    connection = await asyncpg.connect(database.owner, server_settings={"search_path": "metadata_sync"})
    yield connection
    await connection.close()


def another(service: ServiceProcess) -> ServiceProcess:
    """A replica with the same settings on another port."""
    listen = f"127.0.0.1:{free_port()}"
    return replace(service, environment=service.environment | {"ADMIN_LISTEN": listen})


@contextmanager
def asleep(process: Process) -> Iterator[None]:
    """The process stands still, as on a machine that swaps or is moved."""
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)


def events_of(process: Process) -> list[str]:
    return [json.loads(line)["event"] for line in process.output.read_text().splitlines()]


@pytest.mark.logs("write.lease_lost")
async def test_a_worker_that_slept_past_its_lease_records_nothing(
    service: ServiceProcess,
    amqp: VirtualHost,
    tenant: Tenant,
    database: ServiceDatabase,
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Another process takes over; what the sleeper had sent is written late, and settled a minute after."""
    await tenant.fault(delay=7)
    sleeper = service.start()
    await send(amqp, encode(update(1, user_id=tenant.user_id)))
    await wait_until(tenant.met_faults, what="the write to be on its way")
    with asleep(sleeper):
        other = another(service).start()
        newer = encode(update(2, user_id=tenant.user_id))
        await send(amqp, newer, newer)  # the broker gives one of them to the sleeper
        told = [await next_event(amqp), await next_event(amqp)]
        assert {event.transaction_id: event.keys for event in told} == {"tx-1": {KEY: 2}, "tx-2": {KEY: 2}}
        await wait_until(lambda: _holds(tenant, rev=1), what="the late write")
    await wait_until(lambda: "write.lease_lost" in events_of(sleeper), what="the sleeper to notice")
    assert "write.taken_over" in events_of(other)
    assert await owner.fetchval("SELECT state -> 'unsettled' ? $1 FROM users", KEY)
    assert await owner.fetchval("SELECT budget -> 'on_the_way' FROM budgets") == "0"
    for process in (sleeper, other):
        process.stop()
    await move_clock(database.owner, seconds=61)
    service.start()
    await wait_until(lambda: _holds(tenant, rev=2), what="the write that settles")
    assert await amqp.depth("gateway") == 0


async def _holds(tenant: Tenant, *, rev: int) -> bool:
    return (await tenant.app_metadata()).get(KEY) == value(rev)


async def test_three_that_are_killed_in_turn_share_one_budget(
    service: ServiceProcess, amqp: VirtualHost, tenant: Tenant, small_plan: Path
) -> None:
    """Whoever is killed when, nobody is refused, no user is written twice at once, and the latest wins."""
    service.environment["TENANTS_FILE"] = str(small_plan)
    people = [f"{tenant.user_id}-{number}" for number in range(12)]
    for user_id in people:
        await tenant.create_user(user_id)
    replicas = [service, another(service), another(service)]
    running = [replica.start() for replica in replicas]
    told: set[tuple[str, str]] = set()
    for rev in (1, 2):
        await send(
            amqp,
            *(
                encode(update(rev, user_id=user_id, waiting=False, transaction_id=f"{user_id}-{rev}"))
                for user_id in people
            ),
        )
        for number in (0, 1, 2):
            calls = len(await tenant.calls("PATCH"))
            running[number].kill()
            running[number] = replicas[number].start()
            goes_on = partial(_goes_on, tenant, people, rev=rev, calls=calls)
            await wait_until(goes_on, 20.0, what="one more call")
    while len(told) < 24:
        event = await next_event(amqp)
        told.add((event.transaction_id, event.user_id))
    assert [(await tenant.app_metadata(user_id))[KEY] for user_id in people] == [value(2)] * 12
    made = await tenant.calls("PATCH")
    assert {call["status"] for call in made} == {200}
    by_user = itemgetter("raw_path")
    for _, of_one_user in groupby(sorted(made, key=itemgetter("raw_path", "t_in")), by_user):
        times = [_begun_and_ended(call) for call in of_one_user]
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(times))


async def _goes_on(tenant: Tenant, people: list[str], *, rev: int, calls: int) -> bool:
    """Somebody has written since there were so many calls, or there is nothing left to write."""
    if len(await tenant.calls("PATCH")) > calls:
        return True
    return all([(await tenant.app_metadata(user_id)).get(KEY) == value(rev) for user_id in people])


def _begun_and_ended(call: dict[str, Any]) -> tuple[datetime, datetime]:
    begun = datetime.fromisoformat(call["t_in"])
    return begun, begun + timedelta(milliseconds=call["ms"])
