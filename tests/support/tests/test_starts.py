"""Services that start before what they need is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.support.databases import Databases, ServiceDatabase
from tests.support.run_folder import RunFolder
from tests.support.stack import SERVICES, Stack
from tests.support.tcp_proxy import TcpProxy
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The ways to PostgreSQL and RabbitMQ, both down at first."""

    postgres: TcpProxy
    rabbitmq: TcpProxy


@pytest.fixture
async def lines(
    roles_alone: None, empty_database: ServiceDatabase, amqp: VirtualHost
) -> AsyncIterator[Lines]:
    del roles_alone
    async with TcpProxy.to(empty_database.owner) as postgres, TcpProxy.to(amqp.admin) as rabbitmq:
        await postgres.refuse()
        await rabbitmq.refuse()
        yield Lines(postgres=postgres, rabbitmq=rabbitmq)


@pytest.fixture
async def launched(
    lines: Lines, empty_database: ServiceDatabase, amqp: VirtualHost, tmp_path: Path
) -> AsyncIterator[Stack]:
    """The processes of the three services, and of nothing else."""
    folder = RunFolder(tmp_path / "stack")
    fields = [service.replace("-", "_") for service in SERVICES]
    database = replace(
        empty_database, **{name: lines.postgres.url(getattr(empty_database, name)) for name in fields}
    )
    broker = replace(amqp, **{name: lines.rabbitmq.url(getattr(amqp, name)) for name in fields})
    stack = Stack(folder, database=database, amqp=broker)
    for service in SERVICES:
        stack.launch_service(service)
    yield stack
    # Beside the loop, on which the lines run that the services drain through.
    await asyncio.to_thread(folder.stop)


def said(stack: Stack, service: str) -> list[dict[str, str]]:
    """What a service has logged so far."""
    return [json.loads(line) for line in stack.processes[service].output.read_text().splitlines()]


def has_met(stack: Stack, service: str, error_type: str) -> bool:
    return any(line.get("error_type") == error_type for line in said(stack, service))


async def waits_for(stack: Stack, error_type: str) -> None:
    """Return when every service has said that it waits for that reason."""
    for service in SERVICES:
        heard = partial(has_met, stack, service, error_type)
        await wait_until(heard, _PATIENCE_SECONDS, what=f"{service} to say that it waits")


async def statuses(stack: Stack, path: str) -> dict[str, int]:
    """Of each service's internal listener; 0 where nobody listens."""
    async with aiohttp.ClientSession() as session:
        return {service: await _status(session, f"{url}{path}") for service, url in stack.admin.items()}


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url) as answer:
            return answer.status
    except aiohttp.ClientConnectorError:
        return 0


async def ready(stack: Stack, **expected: int) -> bool:
    return list((await statuses(stack, "/readyz")).values()) == list(expected.values())


@pytest.mark.logs("service.waiting")
async def test_services_wait_for_what_they_need(
    launched: Stack, lines: Lines, empty_database: ServiceDatabase, databases: Databases
) -> None:
    """Without a migrated database they live, are not ready and say why; without a broker they try on."""
    await waits_for(launched, "DatabaseUnavailableError")
    lines.postgres.accept()
    await waits_for(launched, "SchemaOutdatedError")
    assert set((await statuses(launched, "/healthz")).values()) == {200}
    assert set((await statuses(launched, "/readyz")).values()) == {503}
    databases.migrate(empty_database.name)
    without_broker = partial(ready, launched, gateway=200, proofing=503, metadata_sync=503)
    await wait_until(without_broker, _PATIENCE_SECONDS, what="the services without the broker")
    assert set((await statuses(launched, "/healthz")).values()) == {200}
    lines.rabbitmq.accept()
    with_broker = partial(ready, launched, gateway=200, proofing=200, metadata_sync=200)
    await wait_until(with_broker, _PATIENCE_SECONDS, what="the services with the broker")
    for service in SERVICES:
        assert [line["event"] for line in said(launched, service)].count("service.started") == 1
