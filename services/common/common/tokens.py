"""The token that comes with the browser (Action to gateway), verified; and the one that goes back with it.

The session token is made by Auth0's `api.redirect.encodeToken`: HS256, `iss` the bare tenant host, `sub`,
`iat`, `exp`, `ip`, and what our Action adds; or by the Action alone, RS256 and otherwise the same. PyJWT
checks the signature, that the claims are there, audience and issuer. What it takes too lightly is checked
here, and so is all time, against the caller's clock. Left to itself it would take `exp` as a string or in the
year 9999, an empty `sub` or `jti`, doubled keys, UTF-16, any `typ`, headers that point to keys, and padding,
which makes the text of a token malleable (see also RFC 8725).

Header and signature are in tokens_signature.py, the claims of a session token in tokens_session.py, the
answer token in tokens_answer.py, the encrypted profile in profile.py.
"""

from datetime import datetime, timedelta
from types import MappingProxyType

from common.profile import LoginConnection, PlainValue, Profile, ProfileError, open_profile
from common.rsa_keys import VerifyingKey
from common.tenants import Tenant, Tenants
from common.tokens_answer import Answer, AnswerStep, sign_answer_token
from common.tokens_claims import ClaimError, Claims
from common.tokens_refusal import Refusal, SessionTokenError, SessionTokenExpiredError
from common.tokens_rules import read_rules_token
from common.tokens_session import RequestedStep, SessionToken, read_session_token
from common.tokens_signature import KeySet, keys_of_files, read_header, verified_claims

__all__ = [
    "LEEWAY",
    "Answer",
    "AnswerStep",
    "KeySet",
    "LoginConnection",
    "PlainValue",
    "Profile",
    "ProfileError",
    "Refusal",
    "RequestedStep",
    "SessionToken",
    "SessionTokenError",
    "SessionTokenExpiredError",
    "key_to_fetch",
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
_NO_KEYS: KeySet = MappingProxyType[str, VerifyingKey]({})


def key_to_fetch(text: str, *, tenant: Tenant) -> str | None:
    """The id of the key that this token names and that has to be looked up at `jwks_url`, if any has.

    Raises:
        SessionTokenError: the token need not be looked at any further.
    """
    rules = tenant.session_token
    name = read_header(text, rules=rules).key_id
    return name if name and rules.jwks_url and name not in keys_of_files(rules) else None


def verify_session_token(
    text: str, *, tenants: Tenants, now: datetime, tenant_key: str, fetched: KeySet = _NO_KEYS
) -> SessionToken:
    """The token's claims, all of them verified for that tenant at that time.

    `fetched` are the keys at its `jwks_url`, where `key_to_fetch` named one.

    Raises:
        SessionTokenExpiredError: it was good until some time ago.
        SessionTokenError: it is refused for anything else.
    """
    tenant = tenants.get(tenant_key)
    if tenant is None:
        raise SessionTokenError(Refusal.TENANT)
    header = read_header(text, rules=tenant.session_token)
    try:
        claims = Claims(verified_claims(text, header=header, tenant=tenant, fetched=fetched))
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


def _check_times(claims: Claims, now: datetime) -> None:
    """Everything about time except that the token is over: that is asked last."""
    today, issued, expires = now.timestamp(), claims.integer("iat"), claims.integer("exp")
    if not 0 < issued <= today + _MAX_AHEAD_SECONDS:
        raise ClaimError("iat")
    if not 0 < expires - issued <= _MAX_AGE_SECONDS:
        raise ClaimError("exp")
    if claims.has("nbf") and claims.integer("nbf") > today + LEEWAY.total_seconds():
        raise ClaimError("nbf")
