"""The personal part of a session token: a JWE (RFC 7516) that only the gateway opens.

`alg` is `dir`, `enc` is A256GCM, and the protected header names the `jti` of the token around it, so that a
profile cannot be moved into another token. The Action puts in only what the due steps need.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cryptography.exceptions import InvalidTag
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from common.errors import WaystationError
from common.tenant_secrets import Secret
from common.tokens_claims import ClaimError, Claims, read_object

# Direct encryption: the second part, an encrypted key, is empty. Nonce of 96, tag of 128 bits: RFC 7518, 5.3.
JWE = re.compile(
    r"[A-Za-z0-9_-]{1,512}\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{1,3000}\.[A-Za-z0-9_-]{22}", re.ASCII
)
_ALGORITHM, _ENCRYPTION = "dir", "A256GCM"
_REGISTRY = jwe.JWERegistry(
    header_registry={"jti": HeaderParameter("JWT ID of the token around it", "str", required=True)},
    algorithms=[_ALGORITHM, _ENCRYPTION],
    strict_check_header=True,
)
_FIELDS = frozenset({"email", "given_name", "family_name", "birthdate"})
_LONGEST = 300
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ProfileError(WaystationError):
    """The profile is refused; `reason` is `form`, `key`, `header`, `content` or a field's name."""

    def __init__(self, reason: str) -> None:
        super().__init__("the profile in the session token is refused")
        self.reason = reason


@dataclass(frozen=True, kw_only=True, repr=False)
class Profile:
    """What the tenant knows about the person, as far as the due steps need it."""

    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birthdate: date | None = None


def open_profile(text: str, *, keys: Iterable[Secret], jti: str) -> Profile:
    """Decrypt with any of the keys, for the token with that `jti`.

    Raises:
        ProfileError: none of the keys opens it, it belongs to another token, or its content is not a profile.
    """
    if not JWE.fullmatch(text):
        raise ProfileError("form")
    opened = _decrypt(text, keys)
    if opened.protected != {"alg": _ALGORITHM, "enc": _ENCRYPTION, "jti": jti}:
        raise ProfileError("header")
    try:
        return _profile(read_object(opened.plaintext or b""))
    except ClaimError as exc:
        raise ProfileError(exc.name or "content") from exc


def _decrypt(text: str, keys: Iterable[Secret]) -> jwe.CompactEncryption:
    for key in keys:
        try:
            return jwe.decrypt_compact(text, OctKey.import_key(key.reveal()), registry=_REGISTRY)
        except (JoseError, InvalidTag, ValueError, TypeError):
            continue
    raise ProfileError("key")


def _profile(members: dict[str, object]) -> Profile:
    if not members.keys() <= _FIELDS:
        raise ClaimError("")
    claims = Claims(members)

    def text(name: str) -> str | None:
        return claims.text(name, at_most=_LONGEST) if claims.has(name) else None

    return Profile(
        email=text("email"),
        given_name=text("given_name"),
        family_name=text("family_name"),
        birthdate=_birthdate(claims) if claims.has("birthdate") else None,
    )


def _birthdate(claims: Claims) -> date:
    try:
        return date.fromisoformat(claims.matching("birthdate", _DATE))
    except ValueError as exc:
        raise ClaimError("birthdate") from exc
