"""Personal input on its way to one receiving service: AES-256-GCM with that service's key.

A sealed text is `v1.<key id>.<nonce and ciphertext>`, the last two base64url without padding. What it is
bound to (tenant, transaction, event) is additional data: moved elsewhere, it does not open.
"""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.errors import WaystationError

_VERSION = "v1"
_NONCE_BYTES = 12


class SealError(WaystationError):
    """Not sealed with a key of ours, or bound to something else, or damaged."""


def key_id(key: bytes) -> bytes:
    """Eight bytes that name a key without telling anything about it."""
    return hashlib.sha256(b"waystation key id" + key).digest()[:8]


class Sealer:
    """Seals with the first key, opens with any of them (current first, previous after)."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._current = keys[0]
        self._by_id = {_encode(key_id(key)): key for key in keys}

    def seal(self, plaintext: bytes, *, bound_to: tuple[str, ...]) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = AESGCM(self._current).encrypt(nonce, plaintext, additional_data(bound_to))
        return f"{_VERSION}.{_encode(key_id(self._current))}.{_encode(nonce + ciphertext)}"

    def open(self, sealed: str, *, bound_to: tuple[str, ...]) -> bytes:
        """The plaintext.

        Raises:
            SealError: it does not open here.
        """
        version, _, rest = sealed.partition(".")
        identifier, _, payload = rest.partition(".")
        key = self._by_id.get(identifier)
        if version != _VERSION or key is None:
            raise SealError("unknown version or key")
        try:
            raw = _decode(payload)
            return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], additional_data(bound_to))
        except (InvalidTag, ValueError):
            raise SealError("does not open") from None


def additional_data(parts: tuple[str, ...]) -> bytes:
    """`a|b|c`, each part's own bars and backslashes escaped, so that no two tuples meet in one text."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts).encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """The bytes that `_encode` writes as this text; any other spelling of them is a ValueError."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
