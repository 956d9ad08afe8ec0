"""Links as a tenant's Action makes them and as attackers do, signed with the stack's own secrets."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from tests.attacks.tenants import host_of
from tests.common.session_tokens import sealed_profile, token_of
from tests.support.demo_tenant import APPLICATION
from tests.support.stack import Stack

HEADER: Mapping[str, object] = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where a tenant sends a browser, in its parts."""

    tenant: str = "acme"
    entry: str = "login"
    state: str
    token: str = field(repr=False)
    subject: str
    jti: str

    def target(self, **changes: str) -> str:
        """The address of the link; `changes` replace parameters of its query or add some."""
        query = {"state": self.state, "session_token": self.token} | changes
        return f"/start/{self.tenant}/{self.entry}?{urlencode(query)}"

    def holding(self, token: str) -> "Link":
        """The same link with another token."""
        return replace(self, token=token)

    @property
    def marks(self) -> tuple[str, ...]:
        """What a row about this link would have in it."""
        return (self.subject, self.jti, hashlib.sha256(self.state.encode()).hexdigest())

    @property
    def secrets(self) -> dict[str, str]:
        """What may be seen nowhere."""
        return {"state": self.state, "token": self.token}


@dataclass(frozen=True)
class Mint:
    """Makes links with the secrets of a stack's tenants."""

    stack: Stack

    def secret(self, tenant: str = "acme", *, name: str = "session-token") -> str:
        return self.stack.secrets.password(name if tenant == "acme" else f"{tenant}-{name}")

    def claims(
        self, *, tenant: str = "acme", profile: Mapping[str, str] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The claims of a good token of now, for somebody whom nobody has seen yet."""
        ours = tenant == "acme"
        origin = self.stack.origins.tenant if ours else f"https://{host_of(tenant)}"
        issued, jti = int(time.time()), changes.get("jti", secrets.token_urlsafe(32))
        email = f"{secrets.token_hex(6)}@acme.example"
        return {
            "iss": origin.removeprefix("http://") if ours else host_of(tenant),
            "sub": f"auth0|{secrets.token_hex(6)}",
            "iat": issued,
            "exp": issued + 120,
            "ip": "192.0.2.7",
            "v": 1,
            "aud": "waystation",
            "jti": jti,
            "steps": ["idproof:1"],
            "entry": "login",
            "continue_uri": f"{origin}/continue",
            "client_id": APPLICATION,
            "protocol": "oidc-basic-profile",
            "ui_locales": ["en"],
            "profile": self.profile({"email": email, **(profile or {})}, tenant=tenant, jti=jti),
            **changes,
        }

    def profile(self, members: Mapping[str, str], *, tenant: str, jti: object) -> str:
        name = "profile" if tenant == "acme" else f"{tenant}-profile"
        key = base64.urlsafe_b64decode(self.stack.secrets.key(name) + "=")
        # A jti that is none must be refused as such, before anybody opens the profile.
        return sealed_profile(
            json.dumps(members).encode(), key=key, jti=jti if isinstance(jti, str) else "none"
        )

    def link(self, *, tenant: str = "acme", **claims: Any) -> Link:
        """A good link; `claims` replace claims of its token, and need not be good."""
        return self.link_of(self.claims(tenant=tenant, **claims), tenant=tenant)

    def link_of(
        self, claims: Mapping[str, Any], *, tenant: str = "acme", state: str = "", **signing: Any
    ) -> Link:
        return Link(
            tenant=tenant,
            state=state or secrets.token_urlsafe(24),
            token=self.sign(json.dumps(claims).encode(), tenant=tenant, **signing),
            subject=str(claims.get("sub")),
            jti=str(claims.get("jti")),
        )

    def sign(
        self,
        payload: bytes,
        *,
        tenant: str = "acme",
        header: Mapping[str, object] | bytes = HEADER,
        secret: str = "",
        digest: str = "sha256",
    ) -> str:
        """A token of any header and payload, by default rightly signed."""
        written = header if isinstance(header, bytes) else json.dumps(header).encode()
        return token_of(payload, header=written, secret=secret or self.secret(tenant), digest=digest)
