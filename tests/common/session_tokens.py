"""Session tokens as the Action makes them, and as nobody should."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from common.tenants import Tenants
from common.tokens import Refusal, SessionToken, SessionTokenError, verify_session_token
from tests.common.tenants_on_disk import PROFILE_KEY, SESSION_SECRET

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JTI = "q1w2e3r4t5y6u7i8o9p0aA"
HEADER = {"alg": "HS256", "typ": "JWT"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sealed_profile(content: bytes = b"{}", *, key: bytes = PROFILE_KEY, **header: Any) -> str:
    """A profile in the Action's form; `header` adds to or replaces members of its protected header."""
    registry = jwe.JWERegistry(
        header_registry={"jti": HeaderParameter("", lambda _: None)},
        algorithms=["dir", "A256GCM", "A128GCM", "A256KW", "DEF"],
        strict_check_header=False,
    )
    protected = {"alg": "dir", "enc": "A256GCM", "jti": JTI, **header}
    return jwe.encrypt_compact(protected, content, OctKey.import_key(key), registry=registry)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token at NOW."""
    issued = int(NOW.timestamp())
    return {
        "iss": "acme.eu.auth0.com",
        "sub": "auth0|65f0c0ffee",
        "iat": issued,
        "exp": issued + 120,
        "ip": "192.0.2.7",
        "v": 1,
        "aud": "waystation",
        "jti": JTI,
        "steps": ["idproof:1"],
        "entry": "login",
        "continue_uri": "https://acme.eu.auth0.com/continue",
        "client_id": "app1",
        "protocol": "oidc-basic-profile",
        "ui_locales": ["de", "en"],
        "profile": sealed_profile(),
        **changes,
    }


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in claims().items() if name not in names}


def token_of(
    payload: bytes, *, header: bytes | None = None, secret: str = SESSION_SECRET, digest: str = "sha256"
) -> str:
    """Any payload and any header, rightly signed."""
    signed = f"{b64(json.dumps(HEADER).encode() if header is None else header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def token(*, header: Mapping[str, object] | None = None, secret: str = SESSION_SECRET, **changes: Any) -> str:
    """A good token, apart from `changes`."""
    return token_of(
        json.dumps(claims(**changes)).encode(),
        header=json.dumps({**HEADER, **(header or {})}).encode(),
        secret=secret,
    )


def verified(text: str, tenants: Tenants, *, now: datetime = NOW, tenant: str = "acme") -> SessionToken:
    return verify_session_token(text, tenants=tenants, now=now, tenant_key=tenant)


def refusal(text: str, tenants: Tenants, *, now: datetime = NOW, tenant: str = "acme") -> Refusal:
    """The reason for which that token is refused, and nothing but a refusal."""
    with pytest.raises(SessionTokenError) as refused:
        verified(text, tenants, now=now, tenant=tenant)
    assert str(refused.value) == "the session token is refused"
    return refused.value.reason
