"""The token that comes with the browser (Action to gateway), verified; and the one that goes back with it.

The session token is made by Auth0's `api.redirect.encodeToken`: HS256, `iss` the bare tenant host, `sub`,
`iat`, `exp`, `ip`, and what our Action adds. PyJWT checks the signature, that the claims are there, audience
and issuer. What it takes too lightly is checked here, and so is all time, against the caller's clock. Left to
itself it would take `exp` as a string or in the year 9999, an empty `sub` or `jti`, doubled keys, UTF-16, any
`typ`, headers that point to keys, and padding, which makes the text of a token malleable (see also RFC 8725).

The claims of a session token are in tokens_session.py, the answer token in tokens_answer.py, the encrypted
profile in profile.py.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError
from jwt.types import Options

from common.errors import WaystationError
from common.profile import LoginConnection, PlainValue, Profile, ProfileError, open_profile
from common.tenants import Tenant, Tenants
from common.tokens_answer import Answer, AnswerStep, sign_answer_token
from common.tokens_claims import ClaimError, Claims, read_object
from common.tokens_rules import read_rules_token
from common.tokens_session import RequestedStep, SessionToken, read_session_token

__all__ = [
    "LEEWAY",
    "Answer",
    "AnswerStep",
    "LoginConnection",
    "PlainValue",
    "Profile",
    "ProfileError",
    "Refusal",
    "RequestedStep",
    "SessionToken",
    "SessionTokenError",
    "SessionTokenExpiredError",
    "open_profile",
    "profile_in",
    "sign_answer_token",
    "verify_session_token",
]

# How much our clock and the tenant's may differ where it only decides that a token is over or not yet begun;
# whoever remembers a jti must remember it for this much longer than `exp`.
LEEWAY = timedelta(seconds=30)
_MAX_AGE_SECONDS = 900
_MAX_AHEAD_SECONDS = 60
_MAX_CHARACTERS = 5000
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
    # PyJWT reads the machine's clock; `_check_times` uses the one it is given.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


class Refusal(StrEnum):
    """Why a session token was refused: for the log, never for the browser. Most are the claim at fault."""

    TENANT = "tenant"
    FORM = "form"
    HEADER = "header"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    ISS = "iss"
    SUB = "sub"
    AUD = "aud"
    JTI = "jti"
    IAT = "iat"
    EXP = "exp"
    NBF = "nbf"
    V = "v"
    IP = "ip"
    STEPS = "steps"
    ENTRY = "entry"
    CONTINUE_URI = "continue_uri"
    CLIENT_ID = "client_id"
    PROTOCOL = "protocol"
    UI_LOCALES = "ui_locales"
    REQUESTED = "requested"
    AUTHORIZE = "authorize"
    AUTHORIZE_AGAIN = "authorize_again"
    EMAIL = "email"
    PROFILE = "profile"
    EXPIRED = "expired"


class SessionTokenError(WaystationError):
    """The session token is refused; outside there is one answer for every `reason`."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__("the session token is refused")
        self.reason = reason


class SessionTokenExpiredError(SessionTokenError):
    """Nothing is wrong with the token but its age: the browser that already claimed its login may go on."""

    def __init__(self, token: SessionToken) -> None:
        super().__init__(Refusal.EXPIRED)
        self.token = token


class _StrictJWT(jwt.PyJWT):
    """PyJWT with the JSON of tokens_claims.py; `_decode_payload` is meant to be overridden, it says."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return read_object(decoded["payload"])


_JWT = _StrictJWT(options=_OPTIONS)


def verify_session_token(text: str, *, tenants: Tenants, now: datetime, tenant_key: str) -> SessionToken:
    """The token's claims, all of them verified for that tenant at that time.

    Raises:
        SessionTokenExpiredError: it was good until some time ago.
        SessionTokenError: it is refused for anything else.
    """
    tenant = tenants.get(tenant_key)
    if tenant is None:
        raise SessionTokenError(Refusal.TENANT)
    _check_form(text, algorithm=tenant.session_token.alg)
    try:
        claims = Claims(_verified(text, tenant))
        _check_times(claims, now)
        token = _read(claims, tenant)
    except ClaimError as exc:
        raise SessionTokenError(Refusal(exc.name or "payload")) from exc
    if now >= token.expires_at + LEEWAY:
        raise SessionTokenExpiredError(token)
    return token


def _read(claims: Claims, tenant: Tenant) -> SessionToken:
    contract = tenant.session_token.rules
    if contract is None:
        return read_session_token(claims, tenant=tenant)
    return read_rules_token(claims, tenant=tenant, contract=contract)


def profile_in(token: SessionToken, tenant: Tenant) -> Profile:
    """What the token tells of the person.

    Raises:
        ProfileError: its sealed profile is none for this tenant and token.
    """
    if token.profile_jwe is None:
        return Profile(email=token.email)
    return open_profile(token.profile_jwe, keys=tenant.profile_keys, jti=token.jti)


def _check_form(text: str, *, algorithm: str) -> None:
    """Length and alphabet before anything is decoded; a header of exactly the members that Auth0 writes."""
    form = _FORM.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    if form is None:
        raise SessionTokenError(Refusal.FORM)
    try:
        header = read_object(base64.urlsafe_b64decode(form[1] + "=" * (-len(form[1]) % 4)))
    except (ClaimError, ValueError) as exc:
        raise SessionTokenError(Refusal.HEADER) from exc
    if header != {"alg": algorithm, "typ": "JWT"}:
        raise SessionTokenError(Refusal.HEADER)


def _verified(text: str, tenant: Tenant) -> Mapping[str, object]:
    rules = tenant.session_token
    for secret in rules.secrets:
        try:
            return _JWT.decode(
                text,
                secret.reveal(),
                algorithms=[rules.alg],
                options=_OPTIONS,
                audience=rules.audience,
                issuer=[rules.rules.issuer] if rules.rules else list(tenant.hosts),
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, TypeError) as exc:
            raise SessionTokenError(_refusal(exc)) from exc
    raise SessionTokenError(Refusal.SIGNATURE)


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


def _check_times(claims: Claims, now: datetime) -> None:
    """Everything about time except that the token is over: that is asked last."""
    today, issued, expires = now.timestamp(), claims.integer("iat"), claims.integer("exp")
    if not 0 < issued <= today + _MAX_AHEAD_SECONDS:
        raise ClaimError("iat")
    if not 0 < expires - issued <= _MAX_AGE_SECONDS:
        raise ClaimError("exp")
    if claims.has("nbf") and claims.integer("nbf") > today + LEEWAY.total_seconds():
        raise ClaimError("nbf")
