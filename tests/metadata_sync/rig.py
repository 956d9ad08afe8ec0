"""One replica of metadata-sync under test, without a broker: updates go in by hand, events are noted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from common.clock import SystemClock
from common.db import Database, open_database
from common.messages import Message, MetadataApplied, MetadataRejected, UpdateMetadata, UserForgotten, decode
from common.outbox import OutgoingMessage
from common.outgoing import Outgoing
from common.relay import Relay
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.vault import Vault
from metadata_sync import store
from metadata_sync.alarm import Alarm
from metadata_sync.erase import Eraser
from metadata_sync.intake import Intake
from metadata_sync.leases import Leases
from metadata_sync.management import open_management_client
from metadata_sync.personal import Personal
from metadata_sync.scheduler import Scheduler
from metadata_sync.state import UserState
from metadata_sync.worker import Worker
from tests.support.waiting import wait_until

SEAL_KEY, DATA_KEY = b"s" * 32, b"d" * 32


class NotingPublisher:
    """A broker that confirms everything."""

    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        self.published += [decode(message.body) for message in messages]
        return [True] * len(messages)


class Rig:
    """A replica: `take_in` is its queue, `published` what it told."""

    def __init__(self, *, database: Database, eraser: Eraser, publisher: NotingPublisher) -> None:
        self.database = database
        self._eraser = eraser
        self._publisher = publisher

    async def take_in(self, *updates: UpdateMetadata) -> None:
        for update in updates:
            await self.handle(update)

    async def handle(self, message: Message) -> None:
        await self._eraser.handle(message)

    @property
    def applied(self) -> list[MetadataApplied]:
        return [event for event in self._publisher.published if isinstance(event, MetadataApplied)]

    @property
    def rejected(self) -> list[MetadataRejected]:
        return [event for event in self._publisher.published if isinstance(event, MetadataRejected)]

    @property
    def forgotten(self) -> list[UserForgotten]:
        return [event for event in self._publisher.published if isinstance(event, UserForgotten)]

    async def state_of(self, user_id: str) -> UserState:
        async with self.database.transaction() as connection:
            users = await store.lock_users(connection, [("acme", user_id)])
            return users["acme", user_id].state

    async def until_applied(self, count: int = 1, *, deadline: float = 10.0) -> list[MetadataApplied]:
        await wait_until(lambda: len(self.applied) >= count, deadline, what=f"{count} MetadataApplied")
        return self.applied


@asynccontextmanager
async def open_rig(
    database_url: str, *, tenants_file: Path, data_key: bytes = DATA_KEY
) -> AsyncIterator[Rig]:
    """Run a replica while the block runs; it ends as the service does, after what it had begun."""
    clock, publisher, stop = SystemClock(), NotingPublisher(), asyncio.Event()
    tenants = TenantsWatcher(tenants_file, production=False, parts=frozenset({"management"}))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                database_url,
                schema="metadata_sync",
                application_name="test",
                production=False,
                pool_size=4,
                all_tenants=True,
            )
        )
        client = await stack.enter_async_context(
            open_management_client(clock, outgoing=Outgoing(any_address=True))
        )
        relay = Relay(database=database, publisher=publisher, clock=clock)
        personal = Personal(sealer=Sealer((SEAL_KEY,)), vault=Vault((data_key,)))
        leases = Leases(database=database, personal=personal, relay=relay, clock=clock)
        alarm = Alarm(clock)
        worker = Worker(leases=leases, client=client, alarm=alarm, clock=clock)
        scheduler = Scheduler(
            database=database, tenants=tenants, leases=leases, worker=worker, alarm=alarm, clock=clock
        )
        intake = Intake(
            database=database,
            tenants=tenants,
            personal=personal,
            leases=leases,
            worker=worker,
            alarm=alarm,
            relay=relay,
            clock=clock,
        )
        eraser = Eraser(
            database=database,
            tenants=tenants,
            personal=personal,
            alarm=alarm,
            clock=clock,
            otherwise=intake.handle,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(relay.run(stop))
            tasks.create_task(scheduler.run(stop))
            yield Rig(database=database, eraser=eraser, publisher=publisher)
            stop.set()
            alarm.expect(0)
            await worker.drain()
            relay.wake()
