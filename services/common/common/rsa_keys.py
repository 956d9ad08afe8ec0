"""RSA keys for RS256 (RFC 7518, 3.3): read from PEM files or JWKs, named by their thumbprint (RFC 7638)."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from common.errors import WaystationError

ALGORITHM = "RS256"
MIN_BITS = 2048  # RFC 7518, 3.3
MAX_BITS = 4096  # the PEM of a longer one does not fit into an Action's secret
EXPONENT = 65537


class RsaKeyError(WaystationError):
    """No RSA key that we take; the text says why, and nothing of the key."""


@dataclass(frozen=True, kw_only=True)
class VerifyingKey:
    """The public half; `id` is what token headers and key sets call it."""

    id: str
    key: RSAPublicKey = field(repr=False, compare=False)

    def to_jwk(self) -> Mapping[str, str]:
        """As others may know it (RFC 7517, 4; RFC 7518, 6.3.1)."""
        return {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": self.id, **_numbers(self.key)}


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """The private half, and the public one."""

    key: RSAPrivateKey = field(repr=False, compare=False)
    public: VerifyingKey


def read_signing_key(pem: bytes) -> SigningKey:
    """The private key of a PEM file, PKCS #8 or PKCS #1, without a passphrase.

    Raises:
        RsaKeyError: it is none.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise RsaKeyError("the file must hold an RSA private key as PEM, without a passphrase") from exc
    if not isinstance(key, RSAPrivateKey):
        raise RsaKeyError("the file holds a private key of another kind than RSA")
    return SigningKey(key=key, public=_verifying(key.public_key()))


def read_verifying_key(pem: bytes) -> VerifyingKey:
    """The public key of a PEM file.

    Raises:
        RsaKeyError: it is none; a private key is none either, since it has no business being here.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise RsaKeyError("the file must hold an RSA public key as PEM") from exc
    if not isinstance(key, RSAPublicKey):
        raise RsaKeyError("the file holds a public key of another kind than RSA")
    return _verifying(key)


def read_jwk(jwk: Mapping[str, object]) -> VerifyingKey:
    """The key of a JWK, by the name that stands there.

    Raises:
        RsaKeyError: it is not a public RSA key for RS256 signatures.
    """
    match jwk:
        case {"kty": "RSA", "kid": str(name)} if name and _is_for_signatures(jwk):
            pass
        case _:
            raise RsaKeyError("not a key for RS256 signatures")
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError) as exc:
        raise RsaKeyError("not readable") from exc
    if not isinstance(key, RSAPublicKey):  # whoever publishes a private key has none any more
        raise RsaKeyError("not a public key")
    return VerifyingKey(id=name, key=_checked(key))


def _is_for_signatures(jwk: Mapping[str, object]) -> bool:
    """PyJWT looks at none of these (RFC 7517, 4.2 to 4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    can_verify = isinstance(operations, list) and "verify" in operations
    return can_verify and jwk.get("use", "sig") == "sig" and jwk.get("alg", ALGORITHM) == ALGORITHM


def _verifying(key: RSAPublicKey) -> VerifyingKey:
    return VerifyingKey(id=_thumbprint(_checked(key)), key=key)


def _checked(key: RSAPublicKey) -> RSAPublicKey:
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise RsaKeyError(f"the RSA key must have {MIN_BITS} to {MAX_BITS} bits")
    if key.public_numbers().e != EXPONENT:
        raise RsaKeyError(f"the RSA key's public exponent must be {EXPONENT}")
    return key


def _thumbprint(key: RSAPublicKey) -> str:
    members = json.dumps({**_numbers(key), "kty": "RSA"}, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode()).digest())


def _numbers(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        name: _base64url(number.to_bytes((number.bit_length() + 7) // 8))
        for name, number in (("e", numbers.e), ("n", numbers.n))
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
