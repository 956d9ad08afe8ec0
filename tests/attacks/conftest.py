"""One stack for all attacks; each test is a scene of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.attacks.links import Mint
from tests.attacks.scene import Scene
from tests.attacks.tenants import AttackedStack
from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.databases import Databases
from tests.support.rabbitmq import RabbitMQ
from tests.support.secret_folder import SecretFolder

# What every scene of this process would find out anew: the page of each kind of refusal, and our tables.
_PAGES: dict[tuple[object, ...], str] = {}
_TABLES: list[str] = []


@pytest.fixture(scope="session")
def stack(
    databases: Databases, migrated_template: str, rabbitmq: RabbitMQ, server_secrets: SecretFolder
) -> Iterator[AttackedStack]:
    """A running stack with several tenants."""
    servers = RunningServers(
        databases=databases, template=migrated_template, rabbitmq=rabbitmq, locks=server_secrets.path
    )
    with servers.unstarted("attacks", of=AttackedStack) as made:
        made.write_tenants()
        made.start()
        yield made


@pytest.fixture
async def world(stack: AttackedStack) -> AsyncIterator[World]:
    """The stack with everything that a test looks at it with."""
    async with open_world(stack) as opened:
        yield opened


@pytest.fixture
def scene(world: World, stack: AttackedStack) -> Scene:
    """The stack with strangers and victims; error pages are compared over all tests."""
    return Scene(world=world, stack=stack, mint=Mint(stack), pages=_PAGES, tables=_TABLES)
