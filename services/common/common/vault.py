"""Personal data at rest: AES-256-GCM by one data key per (tenant, subject), wrapped by a key from a file.

Ciphertext is `version(1) | kek id(8) | data key id(16) | nonce(12) | ciphertext`, bound to what stands before
the nonce and to tenant, subject, field and row: copied to another place, it does not open. Without the row in
`data_keys` it is gone for good.
"""

import hmac
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from common.db import Connection
from common.errors import WaystationError
from common.sealing import additional_data, key_id

_VERSION = b"\x01"
_KEY_BYTES = 32
_DEK_ID_BYTES = 16
_NONCE_BYTES = 12
_HEADER_BYTES = 1 + 8 + _DEK_ID_BYTES

_LOAD = """
    SELECT tenant, subject, dek_id, kek_id, wrapped
    FROM data_keys JOIN unnest($1::text[], $2::text[]) AS wanted (tenant, subject) USING (tenant, subject)
"""

Person: TypeAlias = tuple[str, str]  # tenant, subject


class VaultError(WaystationError):
    """Stored ciphertext does not open: damaged, moved, erased, or its key file is missing."""


class KeyFileMissingError(VaultError):
    """No key file of ours wraps the data key: with the file, it opens again."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a ciphertext belongs; all four are bound into it."""

    tenant: str
    subject: str
    field: str
    row: str

    def additional_data(self) -> bytes:
        return additional_data((self.tenant, self.subject, self.field, self.row))


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """One person's key, unwrapped."""

    identifier: bytes
    kek_id: bytes
    secret: bytes = field(repr=False)

    def encrypt(self, plaintext: bytes, *, place: Place) -> bytes:
        """Ciphertext for `place`, which is this person's."""
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self.kek_id + self.identifier
        return (
            header + nonce + AESGCM(self.secret).encrypt(nonce, plaintext, header + place.additional_data())
        )

    def fingerprint(self, plaintext: bytes, *, place: Place) -> bytes:
        """32 bytes by which equal plaintexts of this place are known, to nobody without this key."""
        derived = hmac.digest(self.secret, b"waystation fingerprint", "sha256")
        context = place.additional_data()
        return hmac.digest(derived, len(context).to_bytes(4) + context + plaintext, "sha256")


class Vault:
    """Encrypts and decrypts with key-encryption keys: the first wraps, all unwrap."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._current = keys[0]
        self._by_id = {key_id(key): key for key in keys}

    async def encrypt(self, connection: Connection, plaintext: bytes, *, place: Place) -> bytes:
        """Ciphertext for `place`; makes the person's data key in the same transaction if there is none."""
        person = (place.tenant, place.subject)
        keys = await self.keys_of(connection, {person})
        return keys[person].encrypt(plaintext, place=place)

    async def decrypt(self, connection: Connection, ciphertext: bytes, *, place: Place) -> bytes:
        """The plaintext that was encrypted for `place`.

        Raises:
            VaultError: it does not open here.
        """
        person = (place.tenant, place.subject)
        key = (await self._load(connection, {person})).get(person)
        header, rest = ciphertext[:_HEADER_BYTES], ciphertext[_HEADER_BYTES:]
        if key is None or header[:1] != _VERSION or header[9:] != key.identifier:
            raise VaultError("no such data key")
        nonce, body = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return AESGCM(key.secret).decrypt(nonce, body, header + place.additional_data())
        except (InvalidTag, ValueError):
            raise VaultError("does not open") from None

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """Those of the key-encryption keys; the first wraps."""
        return tuple(self._by_id)

    def rewrapped(self, *, kek_id: bytes, wrapped: bytes) -> bytes:
        """A data key that this key wraps, wrapped by the first one.

        Raises:
            VaultError: the key is unknown, or does not unwrap it.
        """
        secret = self._unwrap(b"", kek_id, wrapped).secret
        return aes_key_wrap(self._current, secret)

    async def find_key(self, connection: Connection, person: Person) -> DataKey | None:
        """The person's key, if they have one.

        Raises:
            VaultError: no file unwraps it.
        """
        return (await self._load(connection, {person})).get(person)

    async def keys_of(self, connection: Connection, people: Collection[Person]) -> dict[Person, DataKey]:
        """The keys of these people; made in the same transaction for who has none."""
        keys = await self._load(connection, people, held=True)
        if missing := [person for person in people if person not in keys]:
            await self._create(connection, missing)
            keys |= await self._load(connection, missing, held=True)  # another request may have been first
        if len(keys) < len(people):
            raise VaultError("no such data key")
        return keys

    async def _load(
        self, connection: Connection, people: Collection[Person], *, held: bool = False
    ) -> dict[Person, DataKey]:
        """Held, a key can be wrapped anew but not be deleted: what it encrypts is committed before that."""
        rows = await connection.fetch(
            _LOAD + "FOR KEY SHARE OF data_keys" if held else _LOAD, *_columns(people)
        )
        return {
            (row["tenant"], row["subject"]): self._unwrap(row["dek_id"], row["kek_id"], row["wrapped"])
            for row in rows
        }

    async def _create(self, connection: Connection, people: Collection[Person]) -> None:
        """In one order, so that two who make keys for the same people do not wait for each other."""
        people = sorted(people)
        await connection.execute(
            """
            INSERT INTO data_keys (tenant, subject, dek_id, kek_id, wrapped)
            SELECT tenant, subject, dek_id, $3, wrapped
            FROM unnest($1::text[], $2::text[], $4::bytea[], $5::bytea[])
                AS made (tenant, subject, dek_id, wrapped)
            ON CONFLICT DO NOTHING
            """,
            *_columns(people),
            key_id(self._current),
            [os.urandom(_DEK_ID_BYTES) for _ in people],
            [aes_key_wrap(self._current, os.urandom(_KEY_BYTES)) for _ in people],
        )

    def _unwrap(self, identifier: bytes, kek_id: bytes, wrapped: bytes) -> DataKey:
        kek = self._by_id.get(kek_id)
        if kek is None:
            raise KeyFileMissingError("unknown key-encryption key")
        try:
            secret = aes_key_unwrap(kek, wrapped)
        except InvalidUnwrap:
            raise VaultError("data key does not unwrap") from None
        return DataKey(identifier=identifier, kek_id=kek_id, secret=secret)


def _columns(people: Collection[Person]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in people], [subject for _, subject in people]
