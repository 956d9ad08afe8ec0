"""RSA key pairs by name, each made once in a process, and session tokens that they sign."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from tests.common.session_tokens import claims


@cache
def pair(name: str, *, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """The private key of that name."""
    del name
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def private_pem(name: str) -> str:
    return (
        pair(name)
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )


def write_private_pem(path: Path, name: str) -> None:
    """The private key in a file that its owner alone can read."""
    path.touch(mode=0o600)
    path.write_text(private_pem(name))


def public_pem(name: str) -> str:
    return (
        pair(name)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def jwk(name: str, **changes: Any) -> dict[str, Any]:
    """The public key as somebody else's library writes it, by its thumbprint."""
    members = RSAKey.import_key(public_pem(name)).as_dict(private=False)
    return {**members, "kid": key_id(name), "use": "sig", "alg": "RS256", **changes}


def key_id(name: str) -> str:
    """The thumbprint of RFC 7638, by somebody else's library."""
    return RSAKey.import_key(public_pem(name)).thumbprint()


def key_set(*names: str) -> bytes:
    return json.dumps({"keys": [jwk(name) for name in names]}).encode()


def rs_token(name: str, *, kid: object = None, alg: str = "RS256", **changes: Any) -> str:
    """A token signed with that private key, good apart from `changes`; its key id is the right one."""
    headers = {"kid": key_id(name) if kid is None else kid}
    return jwt.encode(claims(**changes), pair(name), algorithm=alg, headers=headers)
