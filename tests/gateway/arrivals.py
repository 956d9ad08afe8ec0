"""What the tenant's redirect brings: a state, and a session token as the Action makes it."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from common.clock import Clock
from tests.common.session_tokens import sealed_profile, token

PROFILE = {
    "email": "anna@acme.example",
    "given_name": "Anna Maria",
    "family_name": "Eriksson",
    "birthdate": "1974-08-12",
}


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Where the tenant sends the browser."""

    state: str = field(repr=False)
    session_token: str = field(repr=False)
    jti: str
    tenant: str = "acme"
    entry: str = "login"

    @property
    def path(self) -> str:
        query = urlencode({"state": self.state, "session_token": self.session_token})
        return f"/start/{self.tenant}/{self.entry}?{query}"


def redirect(
    clock: Clock,
    *,
    state: str | None = None,
    jti: str | None = None,
    profile: dict[str, str] | None = None,
    tenant: str = "acme",
    entry: str = "login",
    **claims: Any,
) -> Redirect:
    """A good arrival of now; `claims` replace claims of its token."""
    jti = jti or secrets.token_urlsafe(16)
    issued = int(clock.now().timestamp())
    sealed = sealed_profile(json.dumps(PROFILE if profile is None else profile).encode(), jti=jti)
    changes: dict[str, Any] = {
        "iat": issued,
        "exp": issued + 120,
        "jti": jti,
        "profile": sealed,
        "ui_locales": ["en"],
    } | claims
    return Redirect(
        state=state or secrets.token_urlsafe(24),
        session_token=token(**changes),
        jti=jti,
        tenant=tenant,
        entry=entry,
    )
