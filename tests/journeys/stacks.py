"""A stack for a whole folder of tests, with a database and a virtual host of its own."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.databases import Databases, ServiceDatabase
from tests.support.rabbitmq import RabbitMQ
from tests.support.run_folder import claim_run_folder
from tests.support.servers import TEST_VHOSTS
from tests.support.stack import Stack
from tests.support.virtual_hosts import VirtualHost, lease_virtual_host
from tests.support.waiting import run_alone

S = TypeVar("S", bound=Stack)


@dataclass(frozen=True, kw_only=True)
class RunningServers:
    """What stacks are made on; `template` is a migrated database, `locks` a folder."""

    databases: Databases
    template: str
    rabbitmq: RabbitMQ
    locks: Path

    @contextmanager
    def unstarted(self, kind: str, *, of: type[S]) -> Iterator[S]:
        """A stack in `.run/KIND`; whatever is started in it is stopped at the end."""
        with ExitStack() as exits:
            database = exits.enter_context(_cloned(self.databases, self.template))
            vhost = exits.enter_context(_leased(self.rabbitmq, self.locks))
            folder = exits.enter_context(claim_run_folder(kind))
            yield of(folder, database=database, amqp=vhost)


@contextmanager
def _cloned(databases: Databases, template: str) -> Iterator[ServiceDatabase]:
    name = f"stack_{uuid.uuid4().hex[:8]}"
    run_alone(databases.create(name, template=template))
    try:
        yield databases.named(name)
    finally:
        run_alone(databases.drop(name))


@contextmanager
def _leased(rabbitmq: RabbitMQ, locks: Path) -> Iterator[VirtualHost]:
    leasing = lease_virtual_host(rabbitmq, names=TEST_VHOSTS, locks=locks)
    vhost = run_alone(leasing.__aenter__())
    try:
        yield vhost
    finally:
        run_alone(leasing.__aexit__(None, None, None))
