"""The claims of a session token, version 1."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from common.profile import JWE
from common.tenant_fields import origin_of
from common.tenants import Tenant
from common.tokens_claims import ClaimError, Claims

_STEP = re.compile(r"([a-z][a-z0-9-]{0,31}):([1-9][0-9]{0,5})")
_ENTRY = re.compile(r"[a-z0-9-]{1,32}")
_LOCALE = re.compile(r"[A-Za-z0-9-]{1,35}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, kw_only=True)
class RequestedStep:
    """A step that is due, and the revision that its result must at least have."""

    name: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class SessionToken:
    """The claims of a verified token. Whether the tenant has configured the `steps` is not asked here.

    `requested` names those of them that the application asked for in this login, whatever the records say;
    `authorize` has the parameters of the authorization request where `password` may have to repeat it. A
    token in the form of the former Rules (tokens_rules.py) has no `ip`, and instead of a sealed profile at
    most an `email`.
    """

    tenant: str
    jti: str
    subject: str
    issuer: str
    issued_at: datetime
    expires_at: datetime
    ip: str | None = field(repr=False)
    steps: tuple[RequestedStep, ...]
    entry: str
    continue_uri: str
    client_id: str
    protocol: str
    ui_locales: tuple[str, ...]
    requested: frozenset[str] = frozenset()
    authorize: Mapping[str, str] | None = field(default=None, repr=False)
    profile_jwe: str | None = field(repr=False)
    email: str | None = field(default=None, repr=False)


def read_session_token(claims: Claims, *, tenant: Tenant) -> SessionToken:
    """The claims, typed.

    Raises:
        ClaimError: one of them is not what it must be for this tenant.
    """
    if claims.integer("v") != 1:
        raise ClaimError("v")
    return SessionToken(
        tenant=tenant.key,
        jti=claims.text("jti"),
        subject=claims.text("sub"),
        issuer=_issuer(claims, tenant),
        issued_at=datetime.fromtimestamp(claims.integer("iat"), UTC),
        expires_at=datetime.fromtimestamp(claims.integer("exp"), UTC),
        ip=_ip(claims),
        steps=_steps(claims),
        entry=claims.matching("entry", _ENTRY),
        continue_uri=_continue_uri(claims),
        client_id=claims.text("client_id"),
        protocol=claims.text("protocol"),
        ui_locales=claims.texts("ui_locales", pattern=_LOCALE, at_most=20),
        requested=_requested(claims) if claims.has("requested") else frozenset(),
        authorize=claims.text_map("authorize", at_most=20) if claims.has("authorize") else None,
        profile_jwe=claims.matching("profile", JWE),
    )


def _issuer(claims: Claims, tenant: Tenant) -> str:
    issuer = claims.text("iss")
    if issuer not in tenant.hosts:
        raise ClaimError("iss")
    return issuer


def _ip(claims: Claims) -> str:
    text = claims.text("ip", at_most=45)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as exc:
        raise ClaimError("ip") from exc


def read_steps(texts: Iterable[str]) -> tuple[RequestedStep, ...]:
    """`name:revision` each, all of them in that form.

    Raises:
        ClaimError: there is none, or one of them twice.
    """
    written = [_STEP.fullmatch(text) for text in texts]
    steps = tuple(RequestedStep(name=step[1], revision=int(step[2])) for step in written if step)
    if not steps or len({step.name for step in steps}) < len(steps):
        raise ClaimError("steps")
    return steps


def _steps(claims: Claims) -> tuple[RequestedStep, ...]:
    return read_steps(claims.texts("steps", pattern=_STEP, at_most=10))


def _requested(claims: Claims) -> frozenset[str]:
    requested = frozenset(claims.texts("requested", pattern=_NAME, at_most=10))
    if not requested <= {step.name for step in _steps(claims)}:
        raise ClaimError("requested")
    return requested


def _continue_uri(claims: Claims) -> str:
    """Compared, never used as it came: exactly this tenant host's own address, or the token is refused."""
    expected = f"{origin_of(claims.text('iss'))}/continue"
    if claims.text("continue_uri", at_most=2000) != expected:
        raise ClaimError("continue_uri")
    return expected
