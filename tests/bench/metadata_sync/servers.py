"""The servers of the bench: durable, as in production, and a database and a virtual host for each run."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count

from tests.support.broker_definitions import ADMIN
from tests.support.databases import Databases, ServiceDatabase
from tests.support.postgres import start_postgres
from tests.support.rabbitmq import RabbitMQStart
from tests.support.run_folder import RunFolder, claim_run_folder
from tests.support.secret_folder import SecretFolder
from tests.support.servers import Servers, forget_data
from tests.support.virtual_hosts import VirtualHost

_TEMPLATE = "bench_template"
_VHOSTS = tuple(f"bench-{number}" for number in range(24))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one run of the service happens."""

    name: str
    database: ServiceDatabase
    amqp: VirtualHost


class Bench:
    """Running servers; every run takes a place of its own."""

    def __init__(self, folder: RunFolder, servers: Servers) -> None:
        self.folder = folder
        self.servers = servers
        self._databases = Databases.on(servers.postgres, servers.secrets)
        self._vhosts = iter(_VHOSTS)
        self._numbers = count(1)

    async def migrate(self) -> None:
        await self._databases.prepare(_TEMPLATE)

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[Place]:
        """An empty database and virtual host."""
        amqp = VirtualHost.on(self.servers.rabbitmq, next(self._vhosts))
        async with self._databases.cloned(_TEMPLATE) as database:
            yield Place(name=name, database=database, amqp=amqp)

    def broker_for_a_peer(self) -> str:
        """A virtual host in which it may declare what it likes."""
        return self.servers.rabbitmq.url(ADMIN, vhost=next(self._vhosts))


@contextmanager
def open_bench() -> Iterator[Bench]:
    """Both servers in a run folder; everything started in it is stopped at the end."""
    with claim_run_folder("bench") as folder:
        forget_data(folder)
        secrets = SecretFolder(folder.path / "secrets")
        starting = RabbitMQStart(folder, secrets, vhosts=_VHOSTS)
        postgres = start_postgres(folder, secrets, durable=True)
        servers = Servers(postgres=postgres, rabbitmq=starting.finish(), secrets=secrets)
        yield Bench(folder, servers)
