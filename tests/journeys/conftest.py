"""One stack for all journeys, a new browser and a new person for each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.databases import Databases
from tests.support.rabbitmq import RabbitMQ
from tests.support.secret_folder import SecretFolder
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def stack(
    databases: Databases, migrated_template: str, rabbitmq: RabbitMQ, server_secrets: SecretFolder
) -> Iterator[Stack]:
    """A running stack; it serves all journeys."""
    servers = RunningServers(
        databases=databases, template=migrated_template, rabbitmq=rabbitmq, locks=server_secrets.path
    )
    with servers.unstarted("journeys", of=Stack) as made:
        made.start()
        yield made


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """The stack with everything that a test looks at it with."""
    async with open_world(stack) as opened:
        yield opened
