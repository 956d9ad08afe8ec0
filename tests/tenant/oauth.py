"""/oauth/token and /oauth/revoke."""

import base64
import hashlib
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.tenant.clock import Clock
from tests.tenant.config import Client, Config
from tests.tenant.directory import Directory
from tests.tenant.errors import OAuthError
from tests.tenant.grants import Grants
from tests.tenant.logins import Login
from tests.tenant.pipeline import Completed, Denied, Pipeline
from tests.tenant.tokens import Minter
from tests.tenant.users import Users
from tests.tenant.visit import Visit, same, text, visit_of

_NO_CLIENT_GRANT = (
    'Client is not authorized to access "{audience}". '
    'You need to create a "client-grant" associated to this API. '
    "See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
)


class OAuth:
    """The endpoints that applications call from their servers."""

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        grants: Grants,
        pipeline: Pipeline,
        minter: Minter,
        users: Users,
        clock: Clock,
    ) -> None:
        self._config = config
        self._directory = directory
        self._grants = grants
        self._pipeline = pipeline
        self._minter = minter
        self._users = users
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.post("/oauth/token", self.token),
            web.post("/oauth/revoke", self.revoke),
        ]

    async def token(self, request: web.Request) -> web.Response:
        """Answer one token request, JSON or form, with Basic, posted or no client authentication."""
        visit = await visit_of(request)
        client = self._authenticate(request, visit)
        grant = text(visit.body, "grant_type")
        if not grant:
            raise OAuthError("invalid_request", "Missing required parameter: grant_type", status=400)
        if grant not in client.grants:
            denied = f"Grant type '{grant}' not allowed for the client."
            raise OAuthError("unauthorized_client", denied)
        answer = await self._answer(visit, client=client, grant=grant)
        return web.json_response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _answer(self, visit: Visit, *, client: Client, grant: str) -> dict[str, Any]:
        if grant == "authorization_code":
            return self._code(visit, client=client)
        if grant == "refresh_token":
            return await self._refresh(visit, client=client)
        if grant == "client_credentials":
            return self._machine(visit, client=client)
        return await self._password(visit, client=client)

    def _authenticate(self, request: web.Request, visit: Visit) -> Client:
        client_id, secret = _credentials(request, visit)
        client = self._config.clients.get(client_id)
        if client is None or not same(client.secret or "", secret or ""):
            raise OAuthError(self._config.choices.client_auth_error, "Unauthorized", status=401)
        return client

    def _code(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        login = self._grants.redeem(text(visit.body, "code"))
        foreign = login is None or login.client.client_id != client.client_id
        if login is None or foreign or text(visit.body, "redirect_uri") != text(login.params, "redirect_uri"):
            raise OAuthError("invalid_grant", "Invalid authorization code")
        visit.notes.transaction_id = login.id
        _check_verifier(login, text(visit.body, "code_verifier"))
        return self._minter.for_login(login, refresh="refresh_token" in client.grants)

    async def _refresh(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        origin = self._grants.refresh(text(visit.body, "refresh_token"))
        if origin is None or origin.client.client_id != client.client_id:
            raise OAuthError("invalid_grant", "Unknown or invalid refresh token.")
        login = self._direct_login(
            visit, client=client, protocol="oauth2-refresh-token", user_id=origin.user_id
        )
        login.session = origin.session
        asked = text(visit.body, "scope").split() or origin.scopes
        login.scopes = [scope for scope in origin.scopes if scope in asked]
        login.params = {**visit.body, "audience": text(origin.params, "audience")}
        await self._run(login, visit)
        return self._minter.for_login(login, gty="refresh_token", refresh=False)

    async def _password(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        if not self._config.default_directory:
            missing = "Authorization server not configured with default connection."
            raise OAuthError("server_error", missing, status=500)
        user = self._users.by_login(text(visit.body, "username"), text(visit.body, "password"))
        if user is None:
            raise OAuthError("invalid_grant", "Wrong email or password.")
        login = self._direct_login(visit, client=client, protocol="oauth2-password", user_id=user["user_id"])
        self._users.count_login(login.user_id)
        await self._run(login, visit)
        return self._minter.for_login(login, gty="password", refresh="refresh_token" in client.grants)

    def _direct_login(self, visit: Visit, *, client: Client, protocol: str, user_id: str) -> Login:
        return Login(
            client=client,
            params=visit.body,
            actions=self._directory.actions,
            created_at=self._clock.now(),
            authority=visit.authority,
            issuer=self._directory.issuer(visit),
            protocol=protocol,
            method="POST",
            user_id=user_id,
            scopes=text(visit.body, "scope").split(),
        )

    async def _run(self, login: Login, visit: Visit) -> None:
        outcome = await self._pipeline.run(login, visit)
        if isinstance(outcome, Denied):
            impossible = outcome.error == "interaction_required"
            choices = self._config.choices
            status = int(choices.blocked_redirect_status if impossible else choices.denied_grant_status)
            raise OAuthError(outcome.error, outcome.description, status=status)
        if not isinstance(outcome, Completed):
            raise TypeError(outcome)

    def _machine(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        audience = text(visit.body, "audience")
        api = self._config.apis.get(audience)
        if api is None and not self._directory.is_management(audience, visit):
            unknown = self._config.choices.words("unknown_audience_text", audience=audience)
            raise OAuthError("access_denied", unknown)
        scopes = tuple(api.clients.get(client.client_id, "").split()) if api else client.scope
        if not scopes and (api is None or client.client_id not in api.clients):
            raise OAuthError("access_denied", _NO_CLIENT_GRANT.format(audience=audience))
        issuer = self._directory.issuer(visit)
        expired = visit.notes.expire_token
        return self._minter.for_client(
            client, issuer=issuer, audience=audience, scopes=scopes, expired=expired
        )

    async def revoke(self, request: web.Request) -> web.Response:
        """RFC 7009, refresh tokens only."""
        visit = await visit_of(request)
        self._authenticate(request, visit)
        self._grants.revoke(text(visit.body, "token"))
        return web.Response(status=200)


def _credentials(request: web.Request, visit: Visit) -> tuple[str, str | None]:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return text(visit.body, "client_id"), text(visit.body, "client_secret") or None
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return "", None
    return unquote(client_id), unquote(secret) or None


def _check_verifier(login: Login, verifier: str) -> None:
    challenge = text(login.params, "code_challenge")
    if not challenge and not verifier:
        return
    digest = hashlib.sha256(verifier.encode(errors="surrogatepass")).digest()
    transformed = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    plain = text(login.params, "code_challenge_method") in {"", "plain"}
    if not verifier or not same(verifier if plain else transformed, challenge):
        raise OAuthError("invalid_grant", "Failed to verify code verifier")
