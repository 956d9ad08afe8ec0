"""The personal part of a session token: a JWE (RFC 7516) that only the gateway opens.

`alg` is `dir`, `enc` is A256GCM, and the protected header names the `jti` of the token around it, so that a
profile cannot be moved into another token. The Action puts in only what the due steps need.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter
from pydantic_core import to_json

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
_LONGEST = 300
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ATTRIBUTE = re.compile(
    r"given_name|family_name|name|nickname|phone_number|picture|username|email"
    r"|user_metadata\.[A-Za-z_][A-Za-z0-9_-]{0,63}"
)
_MOST_ATTRIBUTES = 20

PlainValue: TypeAlias = str | int | float | bool


class ProfileError(WaystationError):
    """The profile is refused; `reason` is `form`, `key`, `header`, `content` or a field's name."""

    def __init__(self, reason: str) -> None:
        super().__init__("the profile in the session token is refused")
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class LoginConnection:
    """Through what the person logged in; `strategy` as Auth0 writes it (`auth0` is a database of its own)."""

    name: str
    strategy: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Profile:
    """What the tenant knows about the person, as far as the due steps need it; None where it was not sent.

    `known` has the attributes that the Action's PROFILE_FIELDS name, `user_metadata.KEY` for those that are
    no root attribute; `omitted` names those that the person has and that could not come along.
    """

    email: str | None = None
    email_verified: bool | None = None
    given_name: str | None = None
    family_name: str | None = None
    birthdate: date | None = None
    username: str | None = None
    connection: LoginConnection | None = None
    known: Mapping[str, PlainValue] | None = None
    omitted: tuple[str, ...] | None = None

    def to_json(self) -> bytes:
        """What `read_profile` reads: the members that are there."""
        return to_json({name: value for name, value in vars(self).items() if value is not None})


def open_profile(text: str, *, keys: Iterable[Secret[bytes]], jti: str) -> Profile:
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
        return read_profile(opened.plaintext or b"")
    except ClaimError as exc:
        raise ProfileError(exc.name or "content") from exc


def _decrypt(text: str, keys: Iterable[Secret[bytes]]) -> jwe.CompactEncryption:
    for key in keys:
        try:
            return jwe.decrypt_compact(text, OctKey.import_key(key.reveal()), registry=_REGISTRY)
        except (JoseError, InvalidTag, ValueError, TypeError):
            continue
    raise ProfileError("key")


def read_profile(content: bytes) -> Profile:
    """The profile that this JSON object is.

    Raises:
        ClaimError: it has a member that no profile has, or one that is not what it must be.
    """
    members = read_object(content)
    if not members.keys() <= Profile.__dataclass_fields__.keys():
        raise ClaimError("")
    claims = Claims(members)

    def text(name: str) -> str | None:
        return claims.text(name, at_most=_LONGEST) if claims.has(name) else None

    return Profile(
        email=text("email"),
        email_verified=claims.boolean("email_verified") if claims.has("email_verified") else None,
        given_name=text("given_name"),
        family_name=text("family_name"),
        birthdate=_birthdate(claims) if claims.has("birthdate") else None,
        username=text("username"),
        connection=_connection(claims.members("connection")) if claims.has("connection") else None,
        known=_known(claims.members("known")) if claims.has("known") else None,
        omitted=_omitted(claims) if claims.has("omitted") else None,
    )


def _connection(members: Mapping[str, object]) -> LoginConnection:
    claims = Claims(members)
    try:
        return LoginConnection(name=claims.text("name"), strategy=claims.text("strategy"))
    except ClaimError as exc:
        raise ClaimError("connection") from exc


def _known(members: Mapping[str, object]) -> Mapping[str, PlainValue]:
    if len(members) > _MOST_ATTRIBUTES or not all(_ATTRIBUTE.fullmatch(name) for name in members):
        raise ClaimError("known")
    return {name: _plain(members, name) for name in members}


def _plain(members: Mapping[str, object], name: str) -> PlainValue:
    value = members[name]
    try:
        if isinstance(value, str):
            return Claims(members).text(name, at_most=_LONGEST)
    except ClaimError as exc:
        raise ClaimError("known") from exc
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ClaimError("known")


def _omitted(claims: Claims) -> tuple[str, ...]:
    return claims.texts("omitted", pattern=_ATTRIBUTE, at_most=_MOST_ATTRIBUTES)


def _birthdate(claims: Claims) -> date:
    try:
        return date.fromisoformat(claims.matching("birthdate", _DATE))
    except ValueError as exc:
        raise ClaimError("birthdate") from exc
