"""Personal values between the message, where they are sealed, and the call, where they must be readable.

In our tables they are encrypted by the person's own data key, with a fingerprint by which equal values are
known as long as that key exists.
"""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from pydantic import JsonValue

from common.db import Connection
from common.erasure import Shredded, shred
from common.messages import ForgetUser, Kind, UpdateMetadata
from common.personal_values import ROOT_ATTRIBUTES, PersonalValue, PersonalValues, open_personal
from common.sealing import Sealer, SealError
from common.vault import DataKey, Person, Place, Vault, VaultError
from metadata_sync.coalesce import Patch, Wish, canonical, refuse_large
from metadata_sync.errors import UnfitUpdateError
from metadata_sync.kinds import key_of, kind_and_name


class Personal:
    """Opens what the gateway sealed, keeps it encrypted, and reveals it for a call."""

    def __init__(self, *, sealer: Sealer, vault: Vault) -> None:
        self._sealer = sealer
        self._vault = vault

    def open(self, update: UpdateMetadata) -> PersonalValues:
        """The update's personal values, none if it has no sealed part.

        Raises:
            UnfitUpdateError: it does not open here, or holds what may never be written.
        """
        if update.sealed is None:
            return {}
        bound_to = (update.tenant, update.transaction_id, update.event_id)
        try:
            values = open_personal(update.sealed, sealer=self._sealer, bound_to=bound_to)
        except SealError as exc:
            raise UnfitUpdateError("sealed_unreadable") from exc
        for kind, name, wish in _each(values):
            _refuse_unfit(kind, name, wish)
        return values

    async def keys_of(self, connection: Connection, people: Collection[Person]) -> Mapping[Person, DataKey]:
        """The keys with which personal values of these (tenant, user id) are stored."""
        return await self._vault.keys_of(connection, people) if people else {}

    async def revealed(self, connection: Connection, patch: Patch, *, tenant: str, user_id: str) -> Patch:
        """The patch as it is sent.

        Raises:
            VaultError: a value does not decrypt here.
        """
        if patch.kind is Kind.APP_METADATA:
            return patch
        first, *rest = [
            (
                name,
                await self._decrypt(connection, wish, place=_place(tenant, user_id, name=name, rev=wish.rev)),
            )
            for name, wish in patch.body().items()
        ]
        return replace(patch, first=first, rest=tuple(rest))

    async def forget(
        self, connection: Connection, command: ForgetUser, *, but: Mapping[str, Wish]
    ) -> tuple[Shredded, dict[str, Wish]]:
        """Delete the person's key; what is to be kept of personal values comes back under another one.

        A value that does not open with the old key stays as it is, for ever unreadable.
        """
        values = await self._opened(connection, command, but)
        shredded = await shred(connection, self._vault, tenant=command.tenant, user_id=command.user_id)
        if not values:
            return shredded, dict(but)
        person = (command.tenant, command.user_id)
        key = (await self._vault.keys_of(connection, {person}))[person]
        kept = encrypted(values, key=key, tenant=command.tenant, user_id=command.user_id)
        return shredded, {**but, **kept}

    async def _opened(
        self, connection: Connection, command: ForgetUser, wishes: Mapping[str, Wish]
    ) -> dict[Kind, dict[str, PersonalValue]]:
        values: dict[Kind, dict[str, PersonalValue]] = {}
        for key, wish in wishes.items():
            if wish.encrypted is None:
                continue
            kind, name = kind_and_name(key)
            place = _place(command.tenant, command.user_id, name=name, rev=wish.rev)
            with suppress(VaultError):
                value = PersonalValue(rev=wish.rev, value=await self._decrypt(connection, wish, place=place))
                values.setdefault(kind, {})[name] = value
        return values

    async def _decrypt(self, connection: Connection, wish: Wish, *, place: Place) -> JsonValue:
        ciphertext = base64.b64decode(wish.encrypted or "")
        value: JsonValue = json.loads(await self._vault.decrypt(connection, ciphertext, place=place))
        return value


def encrypted(values: PersonalValues, *, key: DataKey, tenant: str, user_id: str) -> dict[str, Wish]:
    """The values as wishes that can be stored, by the key of whose they are."""
    return {
        key_of(kind, name): _encrypt(wish, key=key, place=_place(tenant, user_id, name=name, rev=wish.rev))
        for kind, name, wish in _each(values)
    }


def _encrypt(wish: PersonalValue, *, key: DataKey, place: Place) -> Wish:
    plaintext = canonical(wish.value).encode()
    return Wish(
        rev=wish.rev,
        digest=key.fingerprint(plaintext, place=replace(place, row="")).hex(),
        size=len(plaintext),
        encrypted=base64.b64encode(key.encrypt(plaintext, place=place)).decode(),
    )


def _each(values: PersonalValues) -> Iterator[tuple[Kind, str, PersonalValue]]:
    for kind, wishes in values.items():
        for name, wish in wishes.items():
            yield kind, name, wish


def _place(tenant: str, user_id: str, *, name: str, rev: int) -> Place:
    # A root attribute may be written to user_metadata in the end: its kind is no part of its place.
    return Place(tenant=tenant, subject=user_id, field=name, row=str(rev))


def _refuse_unfit(kind: Kind, name: str, wish: PersonalValue) -> None:
    if (kind is Kind.ROOT) is not (name in ROOT_ATTRIBUTES):
        raise UnfitUpdateError("key_forbidden")
    refuse_large(wish.value)
    if kind is Kind.ROOT and wish.value is not None:
        fits = isinstance(wish.value, str) and 1 <= len(wish.value) <= ROOT_ATTRIBUTES[name]
        if not fits:
            raise UnfitUpdateError("attribute_malformed")
