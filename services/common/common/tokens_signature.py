"""The form of a session token, its header, and its signature by one of the keys that count for a tenant.

The header says which kind of key is looked at and, for RS256, which one; what the key is good for is not the
token's to say. HS256 headers are exactly what Auth0's `encodeToken` writes, RS256 ones have `kid` besides.
Anything more (`crit`, `jku`, `jwk`, `x5u`…) is refused, so nothing is ever fetched for a token's sake but the
key set at the tenant's configured address.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.exceptions import InvalidJTIError, InvalidSubjectError
from jwt.types import Options

from common.rsa_keys import VerifyingKey
from common.tenant_tokens import SessionTokenRules
from common.tenants import Tenant
from common.tokens_claims import ClaimError, Claims, read_object
from common.tokens_refusal import Refusal, SessionTokenError

KeySet: TypeAlias = Mapping[str, VerifyingKey]

_MAX_CHARACTERS = 6000  # the longest claims have 4,900; an RS256 signature up to 683
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti"]
_OPTIONS: Options = {
    "verify_signature": True,
    "require": _REQUIRED,
    "verify_aud": True,
    "strict_aud": True,
    "verify_iss": True,
    "verify_sub": True,
    "verify_jti": True,
    # PyJWT reads the machine's clock; `_check_times` of tokens.py uses the one it is given.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a token says about its signature; `key_id` is empty for HS256."""

    algorithm: str
    key_id: str


class _StrictJWT(jwt.PyJWT):
    """PyJWT with the JSON of tokens_claims.py; `_decode_payload` is meant to be overridden, it says."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return read_object(decoded["payload"])


_JWT = _StrictJWT(options=_OPTIONS)


def read_header(text: str, *, rules: SessionTokenRules) -> Header:
    """Length and alphabet before anything is decoded; a header of exactly the members that it must have.

    Raises:
        SessionTokenError: the text is no token, or one of an algorithm that does not count here.
    """
    form = _FORM.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    if form is None:
        raise SessionTokenError(Refusal.FORM)
    try:
        members = read_object(base64.urlsafe_b64decode(form[1] + "=" * (-len(form[1]) % 4)))
        header = _header(members)
    except (ClaimError, ValueError) as exc:
        raise SessionTokenError(Refusal.HEADER) from exc
    if header.algorithm not in rules.algorithms:
        raise SessionTokenError(Refusal.HEADER)
    return header


def _header(members: Mapping[str, object]) -> Header:
    match members:
        case {"alg": "HS256", "typ": "JWT", **more} if not more:
            return Header(algorithm="HS256", key_id="")
        case {"alg": "RS256", "typ": "JWT", "kid": str(), **more} if not more:
            return Header(algorithm="RS256", key_id=Claims(members).text("kid"))
        case _:
            raise ClaimError("")


def verified_claims(text: str, *, header: Header, tenant: Tenant, fetched: KeySet) -> Mapping[str, object]:
    """The claims of a token that one of the tenant's keys has signed for it.

    Raises:
        SessionTokenError: none has, or a claim that every token has is missing or not for here.
        ClaimError: the payload is not one plain JSON object.
    """
    for key in _keys(header, rules=tenant.session_token, fetched=fetched):
        try:
            return _decoded(text, key, algorithm=header.algorithm, tenant=tenant)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, TypeError) as exc:
            raise SessionTokenError(_refusal(exc)) from exc
    raise SessionTokenError(Refusal.SIGNATURE)


def _keys(header: Header, *, rules: SessionTokenRules, fetched: KeySet) -> Iterable[bytes | RSAPublicKey]:
    if header.algorithm == "HS256":
        return [secret.reveal() for secret in rules.secrets]
    named = {**fetched, **keys_of_files(rules)}.get(header.key_id)
    if named is None:
        raise SessionTokenError(Refusal.KID)
    return [named.key]


def keys_of_files(rules: SessionTokenRules) -> KeySet:
    """The public keys that the tenants file names."""
    keys = (secret.reveal() for secret in rules.public_keys)
    return {key.id: key for key in keys}


def _decoded(text: str, key: bytes | RSAPublicKey, *, algorithm: str, tenant: Tenant) -> Mapping[str, object]:
    rules = tenant.session_token
    return _JWT.decode(
        text,
        key,
        algorithms=[algorithm],
        options=_OPTIONS,
        audience=rules.audience,
        issuer=[rules.rules.issuer] if rules.rules else list(tenant.hosts),
    )


def _refusal(exc: Exception) -> Refusal:
    match exc:
        case jwt.MissingRequiredClaimError():
            return Refusal(exc.claim)
        case jwt.InvalidIssuerError():
            return Refusal.ISS
        case jwt.InvalidAudienceError():
            return Refusal.AUD
        case InvalidSubjectError():
            return Refusal.SUB
        case InvalidJTIError():
            return Refusal.JTI
        case _:
            return Refusal.PAYLOAD
