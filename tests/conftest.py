"""Servers for every test that asks: private ones, started when the first test needs them.

A call that names no tests runs them in workers that share a pair of servers; `-n0` says one process.
`WAYSTATION_SERVERS=.run/up` uses those that `./dev up --only servers` keeps running, which saves seconds.
"""

import fcntl
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support import parallel, places
from tests.support.clock import FakeClock
from tests.support.databases import Databases, ServiceDatabase
from tests.support.interrupts import interruptible
from tests.support.log_checker import LogPlugin
from tests.support.node import NODE
from tests.support.postgres import Postgres, start_postgres
from tests.support.processes import MARK
from tests.support.rabbitmq import RabbitMQ, RabbitMQStart
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder
from tests.support.servers import TEST_VHOSTS, Servers
from tests.support.stack import Stack
from tests.support.virtual_hosts import VirtualHost, lease_virtual_host
from tests.support.waiting import run_alone

# A busy machine is not a slow function.
hypothesis.settings.register_profile("waystation", deadline=None, print_blob=True)
hypothesis.settings.load_profile("waystation")

_EXITS = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`, for those who have the time; `--stack`, where the journeys go."""
    parser.addoption("--all", action="store_true", help="also what takes many minutes")
    parser.addoption("--log-examples", metavar="FOLDER", help="keep a line of each log event there")
    places.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """What `--all` adds is marked; Ctrl-C and SIGTERM end everything in order."""
    exits = config.stash[_EXITS] = ExitStack()
    config.add_cleanup(exits.close)
    exits.enter_context(interruptible())
    config.pluginmanager.register(LogPlugin(config))
    config.addinivalue_line("markers", "thorough: takes many minutes, and runs with --all only")
    places.add_marker(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Several workers where everything is run; the journeys alone where they go elsewhere."""
    places.choose_tests(config)
    config.option.numprocesses = parallel.workers_by_default(config) or config.option.numprocesses


def pytest_sessionstart(session: pytest.Session) -> None:
    """One pair of servers for all workers, before there are any."""
    config = session.config
    if parallel.hands_out_tests(config) and parallel.SERVERS not in os.environ:
        servers = config.stash[_EXITS].enter_context(parallel.shared_servers())
        config.pluginmanager.register(servers)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return parallel.create_scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes many minutes, unless it was asked for; what takes longest comes first."""
    if parallel.is_worker():
        items.sort(key=lambda item: parallel.turn_of(item.nodeid))
    places.skip_what_is_not_there(config, items)
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def _clean_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Browsers keep settings and caches here, and not in the home of whoever runs the tests."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(place / name))
        # The one that Playwright brings wants a library that a bare Debian lacks.
        patch.setenv("PLAYWRIGHT_NODEJS_PATH", str(NODE))
        yield


@pytest.fixture(scope="session")
def running_servers() -> Servers | None:
    """Servers that somebody keeps running for us."""
    folder = os.environ.get("WAYSTATION_SERVERS")
    return Servers.read(Path(folder)) if folder else None


@pytest.fixture(scope="session")
def run_folder() -> Iterator[RunFolder]:
    """This run's folder; whatever is started from now on is marked with it."""
    with parallel.claim_test_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, str(folder.path))
        yield folder


@pytest.fixture(scope="session")
def server_secrets(request: pytest.FixtureRequest, running_servers: Servers | None) -> SecretFolder:
    if running_servers:
        return running_servers.secrets
    folder: RunFolder = request.getfixturevalue("run_folder")
    return SecretFolder(folder.path / "secrets")


@pytest.fixture(scope="session")
def postgres(
    request: pytest.FixtureRequest, running_servers: Servers | None, server_secrets: SecretFolder
) -> Postgres:
    """A PostgreSQL server."""
    if running_servers:
        return running_servers.postgres
    return start_postgres(request.getfixturevalue("run_folder"), server_secrets)


@pytest.fixture(scope="session")
def rabbitmq(
    request: pytest.FixtureRequest, running_servers: Servers | None, server_secrets: SecretFolder
) -> RabbitMQ:
    """A RabbitMQ broker with the deployed topology in each of its virtual hosts."""
    if running_servers:
        return running_servers.rabbitmq
    folder = request.getfixturevalue("run_folder")
    return RabbitMQStart(folder, server_secrets, vhosts=TEST_VHOSTS, metrics=True).finish()


@pytest.fixture(scope="session")
def databases(postgres: Postgres, server_secrets: SecretFolder) -> Databases:
    """The means to make databases on the server."""
    return Databases.on(postgres, server_secrets)


@pytest.fixture(scope="session")
def migrated_template(databases: Databases, server_secrets: SecretFolder) -> Iterator[str]:
    """The name of a migrated database to copy from; nobody connects with it."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    with _roles_alone(server_secrets):
        run_alone(databases.create(name))
        databases.migrate(name)
        run_alone(databases.give_roles_passwords())
    yield name
    run_alone(databases.drop(name))


@pytest.fixture
def roles_alone(migrated_template: str, server_secrets: SecretFolder) -> Iterator[None]:
    """The roles are there, and nobody else changes them meanwhile: for tests that migrate."""
    assert migrated_template
    with _roles_alone(server_secrets):
        yield


@contextmanager
def _roles_alone(server_secrets: SecretFolder) -> Iterator[None]:
    """Roles belong to the whole server, and two runs may share one."""
    with (server_secrets.path / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
async def database(databases: Databases, migrated_template: str) -> AsyncIterator[ServiceDatabase]:
    """A migrated database of this test's own, with a DSN per role."""
    async with databases.cloned(migrated_template) as cloned:
        yield cloned


@pytest.fixture
async def empty_database(databases: Databases) -> AsyncIterator[ServiceDatabase]:
    """A database without schemas, for tests of the migrations; `owner` is the DSN that works."""
    async with databases.cloned("template0") as cloned:
        yield cloned


@pytest.fixture
async def amqp(rabbitmq: RabbitMQ, server_secrets: SecretFolder) -> AsyncIterator[VirtualHost]:
    """An empty virtual host of this test's own, with a URL per service."""
    async with lease_virtual_host(rabbitmq, names=TEST_VHOSTS, locks=server_secrets.path) as vhost:
        yield vhost


@pytest.fixture
def make_stack(
    database: ServiceDatabase, amqp: VirtualHost, tmp_path: Path
) -> Iterator[Callable[..., Stack]]:
    """Stacks of this test's own; the keywords are those of `Stack`, and nothing is started yet."""
    folder = RunFolder(tmp_path / "stack")
    yield partial(Stack, folder, database=database, amqp=amqp)
    folder.stop()


@pytest.fixture
def stack(make_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """Tenant, services and application, all ready."""
    stack = make_stack()
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
