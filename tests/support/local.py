"""The stack of `./dev demo` and `./dev up`, from nothing to ready and back."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.broker_definitions import VHOST
from tests.support.databases import Databases
from tests.support.demo_tenant import DemoTenant
from tests.support.postgres import start_postgres
from tests.support.rabbitmq import RabbitMQStart
from tests.support.run_folder import claim_run_folder
from tests.support.secret_folder import SecretFolder
from tests.support.stack import Stack
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import run_alone

DATABASE = "waystation"


@contextmanager
def local_stack(
    kind: str, *, say: Callable[[str], None], tenant: DemoTenant | None = None
) -> Iterator[Stack]:
    """A running stack in `.run/KIND`; servers keep their folders from run to run, the data in them is new.

    Raises:
        SupportError: it could not be started; whatever had been started is stopped.
    """
    # What the library says of a call that was interrupted is no news for a person.
    logging.getLogger("aiormq").addHandler(logging.NullHandler())
    with claim_run_folder(kind) as folder:
        secrets = SecretFolder(folder.path / "secrets")
        say("Starting PostgreSQL and RabbitMQ")
        starting = RabbitMQStart(folder, secrets)
        databases = Databases.on(start_postgres(folder, secrets), secrets)
        database = run_alone(databases.prepare(DATABASE))
        amqp = VirtualHost.on(starting.finish(), VHOST)
        run_alone(amqp.empty())
        say("Starting the tenant, the three services and the example application")
        stack = Stack(folder, database=database, amqp=amqp, tenant=tenant)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
