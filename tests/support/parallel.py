"""Tests in several processes (pytest-xdist): how many, which stay together, and the servers they share.

The process that hands out the tests starts the servers and ends them; the workers find them as anybody finds
servers that somebody else keeps running.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.postgres import start_postgres
from tests.support.processes import MARK, stop_marked
from tests.support.rabbitmq import RabbitMQStart
from tests.support.run_folder import RunFolder, claim_run_folder
from tests.support.secret_folder import SecretFolder
from tests.support.servers import TEST_VHOSTS, Servers, forget_data

SERVERS = "WAYSTATION_SERVERS"

# Much of a test is waiting, so that a core serves more than one worker.
_WORKERS = 4
# Folders whose tests share something that takes long to start: one worker runs them all.
_TOGETHER = ("tests/tenant/clients/", "tests/journeys/", "tests/attacks/")
# What takes longest begins first, so that nobody waits for it at the end.
_FIRST = (
    "tests/faults/",
    *_TOGETHER,
    "tests/support/tests/test_demo.py",
    "tests/gateway/test_accessibility.py",
    "tests/metadata_sync/test_simulation.py",
    "tests/dashboards/test_live.py",
)


def workers_by_default(config: pytest.Config) -> int | None:
    """Several where everything is run, unless somebody said how many; None is for one process."""
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    if is_worker() or named or config.option.numprocesses is not None or config.option.usepdb:
        return None
    return _WORKERS


def is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def hands_out_tests(config: pytest.Config) -> bool:
    return bool(config.option.tx) and not is_worker() and not config.option.collectonly


def unit_of(test: str) -> str:
    """What is run by one worker as a whole: the test's file, or the folder of which it is a part."""
    return next((folder for folder in _TOGETHER if test.startswith(folder)), test.partition("::")[0])


def turn_of(test: str) -> int:
    """The place of a test's unit in the order in which units are begun."""
    return next((turn for turn, place in enumerate(_FIRST) if test.startswith(place)), len(_FIRST))


def create_scheduling(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Hand out whole units in the order of the collection."""
    config.option.loadscopereorder = False
    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = unit_of
    return scheduling


class SharedServers:
    """Servers that boot while the workers collect their tests."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._secrets = SecretFolder(folder.path / "secrets")
        self._rabbitmq = RabbitMQStart(folder, self._secrets, vhosts=TEST_VHOSTS, metrics=True)
        self._postgres = start_postgres(folder, self._secrets)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """No test is handed out before both serve."""
        rabbitmq = self._rabbitmq.finish()
        servers = Servers(postgres=self._postgres, rabbitmq=rabbitmq, secrets=self._secrets)
        servers.describe(self._folder.path)


@contextmanager
def shared_servers() -> Iterator[SharedServers]:
    """Servers in `.run/test`, for the workers that are started inside."""
    with claim_test_folder() as folder, pytest.MonkeyPatch.context() as patch:
        servers = SharedServers(folder)
        patch.setenv(SERVERS, str(folder.path))
        patch.setenv(MARK, str(folder.path))
        try:
            yield servers
        finally:
            # A worker that was told to stop has seconds, and what it started may need more.
            stop_marked(folder.path)


@contextmanager
def claim_test_folder() -> Iterator[RunFolder]:
    """This run's folder, without the data and the processes that an earlier run left."""
    with claim_run_folder("test") as folder:
        stop_marked(folder.path)
        forget_data(folder)
        yield folder
