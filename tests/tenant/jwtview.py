"""A token as a person may read it: decoded, whether or not anybody should believe it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.tenant.visit import same

_SIGNED_PARTS, _ENCRYPTED_PARTS = 3, 5


@dataclass(frozen=True, kw_only=True)
class TokenView:
    """`signature` is a sentence; `expires_at` is in seconds since the epoch."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]
    signature: str
    verified: bool
    expires_at: float | None


def view(value: Any, secrets: Mapping[str, str]) -> TokenView | None:
    """Decode a compact JWT or JWE; None for any other value.

    Args:
        value: what stood in a parameter.
        secrets: by name, those that may have signed it with HS256.
    """
    parts = value.split(".") if isinstance(value, str) else []
    header = _decoded(parts[0]) if len(parts) in {_SIGNED_PARTS, _ENCRYPTED_PARTS} else {}
    if "alg" not in header:
        return None
    encrypted = len(parts) == _ENCRYPTED_PARTS
    claims = {} if encrypted else _decoded(parts[1])
    signer = None if encrypted else _signer(parts, header, secrets)
    return TokenView(
        text=str(value),
        header=header,
        claims=claims,
        signature=_sentence(header, signer, encrypted=encrypted),
        verified=signer is not None,
        expires_at=_number(claims.get("exp")),
    )


def _signer(parts: list[str], header: dict[str, Any], secrets: Mapping[str, str]) -> str | None:
    if header["alg"] != "HS256":
        return None
    for name, secret in secrets.items():
        if same(hs256(f"{parts[0]}.{parts[1]}", secret), parts[2]):
            return name
    return None


def _sentence(header: dict[str, Any], signer: str | None, *, encrypted: bool) -> str:
    if encrypted:
        return "encrypted: nobody but its receiver can read it"
    if signer is not None:
        return f"signed with {signer}"
    if header["alg"] == "HS256":
        return "signed with none of this Action's secrets"
    return f"algorithm {header['alg']}: not checked here"


def hs256(text: str, secret: str) -> str:
    """The third part of a compact HS256 token."""
    digest = hmac.new(secret.encode(errors="surrogatepass"), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def encoded(value: Mapping[str, Any]) -> str:
    """One part of a compact token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e12 else None
