"""What a person changed about themselves: encrypted until their login's update carries it off, sealed."""

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import TypeAdapter

from common.db import Connection
from common.messages import Kind
from common.personal_values import PersonalValue, seal_personal
from common.profile import PlainValue
from common.sealing import Sealer
from common.vault import Vault
from gateway import personal_store
from gateway.login import Login
from gateway.personal import changes_place

# By kind and name; None deletes.
Changes: TypeAlias = Mapping[Kind, Mapping[str, PlainValue | None]]

_CHANGES: TypeAdapter[Changes] = TypeAdapter(Changes)


class PersonalChanges:
    """Between the step that asks and metadata-sync, which alone can open what is sealed."""

    def __init__(self, *, vault: Vault, sealer: Sealer) -> None:
        self._vault = vault
        self._sealer = sealer

    async def keep(self, connection: Connection, login: Login, changes: Changes) -> None:
        """Keep them with the login; they are written after its last step, with all results at once."""
        content = _CHANGES.dump_json(changes)
        place = changes_place(login)
        await personal_store.keep_changes(
            connection, login.id, await self._vault.encrypt(connection, content, place=place)
        )

    async def copy(self, connection: Connection, earlier: Login, *, to: Login) -> None:
        """Keep with this login, too, what is kept with an earlier one of the same person."""
        changes = await self.kept(connection, earlier)
        if changes:
            await self.keep(connection, to, changes)

    async def kept(self, connection: Connection, login: Login) -> Changes:
        """What is kept with the login so far."""
        content = await personal_store.load_changes(connection, login.id)
        return {} if content is None else await self._opened(connection, login, content)

    async def take(self, connection: Connection, login: Login, *, rev: int, event_id: str) -> str | None:
        """What the message of that id says as `sealed`, once; None where nobody changed anything."""
        content = await personal_store.take_changes(connection, login.id)
        if content is None:
            return None
        changes = await self._opened(connection, login, content)
        values = {
            kind: {name: PersonalValue(rev=rev, value=value) for name, value in named.items()}
            for kind, named in changes.items()
        }
        bound_to = (login.transaction.tenant, login.id, event_id)
        return seal_personal(values, sealer=self._sealer, bound_to=bound_to)

    async def _opened(self, connection: Connection, login: Login, content: bytes) -> Changes:
        return _CHANGES.validate_json(
            await self._vault.decrypt(connection, content, place=changes_place(login))
        )
