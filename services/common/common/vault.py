"""Personal data at rest: AES-256-GCM by one data key per (tenant, subject), wrapped by a key from a file.

Ciphertext is `version(1) | kek id(8) | data key id(16) | nonce(12) | ciphertext`, bound to what stands before
the nonce and to tenant, subject, field and row: copied to another place, it does not open. Without the row in
`data_keys` it is gone for good.
"""

import hmac
import os
from dataclasses import dataclass

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


class VaultError(WaystationError):
    """Stored ciphertext does not open: damaged, moved, erased, or its key file is missing."""


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
class _DataKey:
    identifier: bytes
    kek_id: bytes
    secret: bytes


class Vault:
    """Encrypts and decrypts with key-encryption keys: the first wraps, all unwrap."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._current = keys[0]
        self._by_id = {key_id(key): key for key in keys}

    async def encrypt(self, connection: Connection, plaintext: bytes, *, place: Place) -> bytes:
        """Ciphertext for `place`; makes the person's data key in the same transaction if there is none."""
        key = await self._key_of(connection, place)
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + key.kek_id + key.identifier
        body = AESGCM(key.secret).encrypt(nonce, plaintext, header + place.additional_data())
        return header + nonce + body

    async def decrypt(self, connection: Connection, ciphertext: bytes, *, place: Place) -> bytes:
        """The plaintext that was encrypted for `place`.

        Raises:
            VaultError: it does not open here.
        """
        key = await self._load(connection, place)
        header, rest = ciphertext[:_HEADER_BYTES], ciphertext[_HEADER_BYTES:]
        if key is None or header[:1] != _VERSION or header[9:] != key.identifier:
            raise VaultError("no such data key")
        nonce, body = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return AESGCM(key.secret).decrypt(nonce, body, header + place.additional_data())
        except (InvalidTag, ValueError):
            raise VaultError("does not open") from None

    async def fingerprint(self, connection: Connection, plaintext: bytes, *, place: Place) -> bytes:
        """32 bytes by which equal plaintexts of this place are known, to nobody without the person's key."""
        key = await self._key_of(connection, place)
        derived = hmac.digest(key.secret, b"waystation fingerprint", "sha256")
        context = place.additional_data()
        return hmac.digest(derived, len(context).to_bytes(4) + context + plaintext, "sha256")

    async def _key_of(self, connection: Connection, place: Place) -> _DataKey:
        return await self._load(connection, place) or await self._create(connection, place)

    async def _load(self, connection: Connection, place: Place) -> _DataKey | None:
        row = await connection.fetchrow(
            "SELECT dek_id, kek_id, wrapped FROM data_keys WHERE tenant = $1 AND subject = $2",
            place.tenant,
            place.subject,
        )
        return None if row is None else self._unwrap(row["dek_id"], row["kek_id"], row["wrapped"])

    async def _create(self, connection: Connection, place: Place) -> _DataKey:
        await connection.execute(
            """
            INSERT INTO data_keys (tenant, subject, dek_id, kek_id, wrapped)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
            """,
            place.tenant,
            place.subject,
            os.urandom(_DEK_ID_BYTES),
            key_id(self._current),
            aes_key_wrap(self._current, os.urandom(_KEY_BYTES)),
        )
        key = await self._load(connection, place)  # another request may have been first
        if key is None:
            raise VaultError("no such data key")
        return key

    def _unwrap(self, identifier: bytes, kek_id: bytes, wrapped: bytes) -> _DataKey:
        kek = self._by_id.get(kek_id)
        if kek is None:
            raise VaultError("unknown key-encryption key")
        try:
            secret = aes_key_unwrap(kek, wrapped)
        except InvalidUnwrap:
            raise VaultError("data key does not unwrap") from None
        return _DataKey(identifier=identifier, kek_id=kek_id, secret=secret)
