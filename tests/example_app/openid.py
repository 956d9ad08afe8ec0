"""OpenID Connect by Authlib: discovery, PKCE, nonce, and an ID token checked against the tenant's keys."""

from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client import BaseApp, OAuthError
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError

from tests.example_app.errors import LoginFailedError
from tests.example_app.settings import Settings


class _AuthlibApp(AsyncOAuth2Mixin, AsyncOpenIDMixin, BaseApp):  # type: ignore[misc]  # Authlib has no types
    client_cls = AsyncOAuth2Client


@dataclass(frozen=True, kw_only=True)
class Started:
    """A login on its way: where the browser goes, and what the callback must be held against."""

    url: str
    state: str
    nonce: str
    code_verifier: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who logged in: the claims of a validated ID token, and the token for a later logout."""

    claims: dict[str, Any]
    id_token: str


class OpenID:
    """One client at one tenant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._callback = f"{settings.base_url}/callback"
        self._app = _AuthlibApp(
            framework=None,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer}.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": 10.0,
                "trust_env": False,
            },
        )

    async def start(self, *, step: str | None = None) -> Started:
        """Where a login begins; with `step` it asks for that step, whatever the tenant knows already."""
        asked = {"waystation_step": step} if step else {}
        try:
            data = await self._app.create_authorization_url(self._callback, **asked)
        except httpx2.HTTPError as exc:
            raise LoginFailedError("the tenant does not answer") from exc
        return Started(**data)

    async def finish(self, started: Started, *, code: str) -> Person:
        """Redeem the code and validate the ID token.

        Raises:
            LoginFailedError: the tenant did not answer, refused the code, or its token is not for us.
        """
        try:
            token = await self._app.fetch_access_token(
                redirect_uri=self._callback, code=code, code_verifier=started.code_verifier
            )
            claims = await self._app.parse_id_token(
                token,
                nonce=started.nonce,
                claims_options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                },
            )
        except (httpx2.HTTPError, OAuthError, JoseError) as exc:
            raise LoginFailedError(type(exc).__name__) from exc
        if claims is None:
            raise LoginFailedError("no ID token")
        return Person(claims=dict(claims), id_token=token["id_token"])

    async def logout_url(self, person: Person | None) -> str:
        """The tenant's logout, which comes back to the front page."""
        data = await self._app.create_logout_url(
            post_logout_redirect_uri=self._settings.base_url,
            id_token_hint=person.id_token if person else None,
            client_id=self._settings.client_id,
        )
        return str(data["url"])
