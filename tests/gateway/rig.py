"""A gateway under test on a real database, served over HTTP; its broker only notes what it is given."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from common.db import Database, open_database
from common.messages import (
    Message,
    MetadataApplied,
    MetadataRejected,
    Outcome,
    UpdateMetadata,
    VerificationChanged,
    VerifyIdentity,
    decode,
    envelope_of,
)
from common.outbox import OutgoingMessage
from common.outgoing import Outgoing
from common.relay import Relay
from common.settings import Address
from common.tenants_watcher import TenantsWatcher
from gateway.app import create_app, create_changes, create_handlers, create_steps
from gateway.cancelled import CancelledLogins
from gateway.crowding import Crowding
from gateway.gate import Gate
from gateway.jwks_fetch import KeySets, open_key_sets
from gateway.limits_settings import LimitSettings
from gateway.listener import HEAD_SECONDS, serve_browsers
from gateway.live import Bell
from gateway.log_events import EVENTS
from gateway.login import Login
from gateway.logins import Logins
from gateway.outcomes import Outcomes
from gateway.password_call import PasswordCalls
from gateway.planner import Planner
from gateway.settings import Settings
from gateway.timekeeper import Timekeeper
from tests.common.log_lines import Lines, logging_into
from tests.gateway.browsers import Browser
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.journey import new_session
from tests.support.ports import free_port

M = TypeVar("M", bound=Message)

COOKIE_KEY, DATA_KEY, SEAL_KEY = bytes(range(1, 33)), bytes(range(2, 34)), bytes(range(3, 35))
HOST = "127.0.0.3"
# All browsers of a test have one address, and most tests one user.
UNLIMITED = LimitSettings(
    address=None,
    user=None,
    tenant=None,
    connections_per_address=10_000,
    open_per_user=10_000,
    open_per_tenant=10_000,
)


class NotingPublisher:
    """A broker that confirms everything."""

    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        self.published += [decode(message.body) for message in messages]
        return [True] * len(messages)


class Rig:
    """One replica: its rules, its address, and a view of its database as the owner sees it."""

    def __init__(
        self,
        *,
        database: Database,
        all_tenants: Database,
        settings: Settings,
        owner: str,
        clock: FakeClock,
        lines: Lines,
        stack: AsyncExitStack,
        key_sets: KeySets,
        calls: PasswordCalls | None = None,
    ) -> None:
        self.database = database
        self.all_tenants = all_tenants
        self.settings = settings
        self.origin = settings.public_base_url
        self.clock = clock
        self.lines = lines
        self.bell = Bell()
        self._owner = owner
        self._stack = stack
        self._key_sets = key_sets
        self._publisher = NotingPublisher()
        self._relay = Relay(database=database, publisher=self._publisher, clock=clock)
        self.tenants = TenantsWatcher(settings.tenants_file, production=True, parts={"tokens", "pages"})
        self.logins = Logins(database=database, relay=self._relay, bell=self.bell)
        self.steps = create_steps(settings, database=database, tenants=self.tenants, clock=clock, calls=calls)
        self.planner = Planner(steps=self.steps, changes=create_changes(settings), clock=clock)
        self.outcomes = Outcomes(logins=self.logins, planner=self.planner, clock=clock)
        self.timekeeper = Timekeeper(all_tenants=all_tenants, logins=self.logins, planner=self.planner)
        self.crowding = Crowding(all_tenants=all_tenants, logins=self.logins, limits=settings.limits)
        self.cancelled = CancelledLogins(database=database, all_tenants=all_tenants)
        self.handlers = create_handlers(
            settings,
            steps=self.steps,
            planner=self.planner,
            database=database,
            tenants=self.tenants,
            key_sets=key_sets,
            logins=self.logins,
            bell=self.bell,
            clock=clock,
        )

    async def browser(self) -> Browser:
        """Another browser, with an empty cookie jar."""
        session = await self._stack.enter_async_context(new_session(origins=[self.origin]))
        return Browser(session, self.origin)

    def replica(self) -> "Rig":
        """Another process with the same database; it serves no browsers."""
        return Rig(
            database=self.database,
            all_tenants=self.all_tenants,
            settings=self.settings,
            owner=self._owner,
            clock=self.clock,
            lines=self.lines,
            stack=self._stack,
            key_sets=self._key_sets,
        )

    async def told(self, kind: type[M]) -> list[M]:
        """Every message of that kind that was published by now."""
        stopped = asyncio.Event()
        stopped.set()
        await self._relay.run(stopped)
        return [message for message in self._publisher.published if isinstance(message, kind)]

    async def login(self, transaction_id: str) -> Login:
        return await self.logins.get(transaction_id)

    async def verdict(
        self, transaction_id: str, outcome: Outcome = Outcome.APPROVED, *, revision: int = 1, **changes: Any
    ) -> VerificationChanged:
        """What proofing would say to the document that was submitted last."""
        asked = [one for one in await self.told(VerifyIdentity) if one.transaction_id == transaction_id][-1]
        event = VerificationChanged(
            **envelope_of(asked, occurred_at=self.clock.now()),
            verification_id=asked.verification_id,
            revision=revision,
            outcome=outcome,
            level="document_validated" if outcome is Outcome.APPROVED else None,
            reason=None if outcome is Outcome.APPROVED else "name_mismatch",
            reference=asked.verification_id,
        )
        return replace(event, **changes)

    async def applied(self, transaction_id: str, **changes: Any) -> MetadataApplied:
        """What metadata-sync would say once the tenant has taken the update that was asked for last."""
        update = await self._last_update(transaction_id)
        event = MetadataApplied(
            **envelope_of(update, occurred_at=self.clock.now()),
            user_id=update.user_id,
            keys={key: desired.rev for key, desired in update.keys.items()},
        )
        return replace(event, **changes)

    async def rejected(self, transaction_id: str, **changes: Any) -> MetadataRejected:
        """What metadata-sync would say where the tenant will never take that update."""
        update = await self._last_update(transaction_id)
        event = MetadataRejected(
            **envelope_of(update, occurred_at=self.clock.now()),
            user_id=update.user_id,
            keys={key: desired.rev for key, desired in update.keys.items()},
            reason="user_not_found",
        )
        return replace(event, **changes)

    async def _last_update(self, transaction_id: str) -> UpdateMetadata:
        return [one for one in await self.told(UpdateMetadata) if one.transaction_id == transaction_id][-1]

    async def pass_identity(self, transaction_id: str) -> None:
        """Proofing approves, the tenant takes the result."""
        await self.outcomes.handle(await self.verdict(transaction_id))
        await self.outcomes.handle(await self.applied(transaction_id))

    async def advance(self, seconds: float) -> None:
        """Move both clocks on: Python's, and that of the database."""
        self.clock.advance(seconds)
        await agree_on_time(self._owner, self.clock)
        for database in (self.database, self.all_tenants):
            await database._pool.expire_connections()

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._owner, server_settings={"search_path": "gateway"})
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def execute(self, statement: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self._owner, server_settings={"search_path": "gateway"})
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    async def everything(self) -> str:
        """All rows that a request can leave: what must be the same where nothing may have changed."""
        tables = ("transactions", "user_revisions", "step_attempts", "data_keys", "outbox", "inbox")
        each = (f"SELECT '{table}', to_jsonb({table})::text FROM {table}" for table in tables)  # noqa: S608 - names from the line above
        rows = await self.rows(f"{' UNION ALL '.join(each)} ORDER BY 1, 2")
        return "\n".join(str(row) for row in rows)


async def agree_on_time(owner: str, clock: FakeClock) -> None:
    """Sessions that begin from now on have the time of `clock`, and go on from there."""
    await move_clock(owner, seconds=(clock.now() - datetime.now(UTC)).total_seconds())


@asynccontextmanager
async def serving(
    database: ServiceDatabase,
    *,
    tenants_file: Path,
    clock: FakeClock,
    calls: PasswordCalls | None = None,
    limits: LimitSettings = UNLIMITED,
    head_seconds: float = HEAD_SECONDS,
) -> AsyncIterator[Rig]:
    """A replica that serves browsers at its `origin`."""
    port = free_port(HOST)
    settings = Settings(
        production=False,
        log_level="info",
        log_format="json",
        listen=Address(host=HOST, port=port),
        admin_listen=Address(host=HOST, port=0),
        public_base_url=f"http://{HOST}:{port}",
        tenants_file=tenants_file,
        database_url=database.gateway,
        amqp_url="amqp://nobody@127.0.0.1/none",
        cookie_keys=(COOKIE_KEY,),
        data_keys=(DATA_KEY,),
        proofing_seal_keys=(SEAL_KEY,),
        metadata_sync_seal_keys=(SEAL_KEY,),
        password_call=None,
        limits=limits,
    )
    await agree_on_time(database.owner, clock)
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(logging_into(io.StringIO(), EVENTS, strict=True))
        opening = partial(
            open_database, database.gateway, schema="gateway", application_name="test", production=False
        )
        key_sets = await stack.enter_async_context(
            open_key_sets(outgoing=Outgoing(any_address=True), clock=clock)
        )
        rig = Rig(
            database=await stack.enter_async_context(opening()),
            all_tenants=await stack.enter_async_context(opening(all_tenants=True)),
            settings=settings,
            owner=database.owner,
            clock=clock,
            lines=lines,
            stack=stack,
            key_sets=key_sets,
            calls=calls,
        )
        gate = Gate(settings.limits, monotonic=clock.monotonic)
        app = create_app(settings, handlers=rig.handlers, tenants=rig.tenants, gate=gate, clock=clock)
        await stack.enter_async_context(
            serve_browsers(app, address=settings.listen, bell=rig.bell, gate=gate, head_seconds=head_seconds)
        )
        yield rig
