"""Parked writes as operators see them: listed, tried again, given up; newer writes of the user unaffected."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from common import audit
from common.audit import Audited, Entry
from common.db import Connection, Database
from common.messages import Kind
from common.vault import Vault
from metadata_sync import store
from metadata_sync.coalesce import Value
from metadata_sync.kinds import key_of, kind_and_name
from metadata_sync.known import Parked
from metadata_sync.state import UserState
from metadata_sync.store import User

BATCH = 200
PERSONAL = "(personal)"


@dataclass(frozen=True, kw_only=True)
class ParkedWrite:
    """One key of one user that the tenant refused at this rev; `age` in seconds.

    `value` is what would be written, or `PERSONAL`.
    """

    tenant: str
    user_id: str
    kind: Kind
    key: str
    rev: int
    reason: str
    at: datetime
    age: float
    value: Value | str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which of them: all that match what is given."""

    tenant: str | None = None
    user_id: str | None = None
    kind: Kind | None = None
    key: str | None = None
    reason: str | None = None

    def of(self, user: User) -> list[ParkedWrite]:
        return [
            write
            for write in _parked(user)
            if self.kind in {None, write.kind}
            and self.key in {None, write.key}
            and self.reason in {None, write.reason}
        ]


async def find_parked(database: Database, chosen: Chosen) -> AsyncIterator[ParkedWrite]:
    """All that are chosen, by tenant and user, read in batches."""
    async for user in _users(database, chosen):
        for write in chosen.of(user):
            yield write


async def redrive(database: Database, chosen: Chosen) -> int:
    """Have these tried again now; how many keys."""
    return await _change(database, chosen, lambda user, keys: user.state.redrive(keys, now=user.now))


async def drop(database: Database, chosen: Chosen, *, vault: Vault) -> int:
    """Give these up; how many keys. The audit trail says so."""
    return await _change(database, chosen, lambda user, keys: user.state.drop(keys), vault=vault)


async def _change(
    database: Database,
    chosen: Chosen,
    change: Callable[[User, list[str]], UserState],
    *,
    vault: Vault | None = None,
) -> int:
    count = 0
    async for seen in _users(database, chosen):
        async with database.transaction() as connection:
            user = await store.find_user(connection, tenant=seen.tenant, user_id=seen.user_id)
            keys = [key_of(write.kind, write.key) for write in chosen.of(user)] if user else []
            if user and keys:
                state = change(user, keys)
                await store.save_user(connection, _woken(replace(user, state=state)))
                if vault:
                    await _audit(connection, user, chosen.of(user), vault=vault)
        count += len(keys)
    return count


async def _audit(connection: Connection, user: User, dropped: Sequence[ParkedWrite], *, vault: Vault) -> None:
    subject = await audit.pseudonym(connection, vault, tenant=user.tenant, user_id=user.user_id)
    entries = [
        Entry(
            event=Audited.WRITE_DROPPED,
            tenant=user.tenant,
            subject=subject,
            about=f"{write.kind}:{write.key}",
            reasons=(write.reason, f"rev:{write.rev}"),
        )
        for write in dropped
    ]
    await audit.append(connection, *entries)


def _woken(user: User) -> User:
    """To be looked at now if there is something to write; the end of an attempt that runs looks as well."""
    has_work = (user.state.changes is not None or user.state.is_forgotten) and user.state.attempt is None
    return replace(user, wake_at=user.now) if has_work else user


async def _users(database: Database, chosen: Chosen) -> AsyncIterator[User]:
    after = ("", "")
    while True:
        async with database.connection() as connection:
            users = await store.users_with_parked(
                connection, tenant=chosen.tenant, after=after, limit=BATCH, user_id=chosen.user_id
            )
        for user in users:
            yield user
        if len(users) < BATCH:
            return
        after = (users[-1].tenant, users[-1].user_id)


def _parked(user: User) -> list[ParkedWrite]:
    return [_parked_write(user, key, known) for key, known in sorted(user.state.standing.items())]


def _parked_write(user: User, key: str, known: Parked) -> ParkedWrite:
    kind, name = kind_and_name(key)
    wish = user.state.desired[key]
    return ParkedWrite(
        tenant=user.tenant,
        user_id=user.user_id,
        kind=kind,
        key=name,
        rev=known.rev,
        reason=known.reason,
        at=known.at,
        age=(user.now - known.at).total_seconds(),
        value=PERSONAL if wish.value is UNSET else wish.value,
    )
