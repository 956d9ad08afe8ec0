"""One stack for all journeys, a new browser and a new person for each."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support import places
from tests.support.addresses import Addresses
from tests.support.composed import composed_stack
from tests.support.errors import SupportError
from tests.support.site import Site
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A running stack, wherever --stack says; it serves all journeys."""
    match places.chosen(request.config):
        case places.LOCAL:
            with _local(request) as local:
                yield local
        case places.COMPOSE:
            with ExitStack() as exits:
                try:
                    composed = exits.enter_context(composed_stack())
                except SupportError as exc:
                    pytest.exit(f"There is no stack to go to: {exc}", returncode=1)
                yield composed
        case _:
            yield Addresses.read(places.addresses(request.config))


@contextmanager
def _local(request: pytest.FixtureRequest) -> Iterator[Stack]:
    servers = RunningServers(
        databases=request.getfixturevalue("databases"),
        template=request.getfixturevalue("migrated_template"),
        rabbitmq=request.getfixturevalue("rabbitmq"),
        locks=request.getfixturevalue("server_secrets").path,
    )
    with servers.unstarted("journeys", of=Stack) as made:
        made.start()
        yield made


@pytest.fixture
async def world(stack: Site) -> AsyncIterator[World]:
    """The stack with everything that a test looks at it with."""
    async with open_world(stack) as opened:
        yield opened
