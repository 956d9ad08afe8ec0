"""Servers for stacks that crash."""

import pytest

from tests.journeys.stacks import RunningServers
from tests.support.databases import Databases
from tests.support.rabbitmq import RabbitMQ
from tests.support.secret_folder import SecretFolder


@pytest.fixture(scope="session")
def servers(
    databases: Databases, migrated_template: str, rabbitmq: RabbitMQ, server_secrets: SecretFolder
) -> RunningServers:
    """PostgreSQL and RabbitMQ, with a migrated database to copy."""
    return RunningServers(
        databases=databases, template=migrated_template, rabbitmq=rabbitmq, locks=server_secrets.path
    )
