"""/oauth/token and /oauth/revoke."""

import base64
import hashlib
from typing import Any

from aiohttp import web

from tests.tenant.client_auth import ClientAuth, check_grant
from tests.tenant.clock import Clock
from tests.tenant.config import DEVICE_GRANT, Client, Config
from tests.tenant.devices import Devices
from tests.tenant.directory import Directory
from tests.tenant.errors import OAuthError
from tests.tenant.grants import Grants
from tests.tenant.logins import REFRESH_PROTOCOL, Login
from tests.tenant.pipeline import Completed, Denied, Pipeline
from tests.tenant.tokens import Minter
from tests.tenant.users import Users
from tests.tenant.visit import Visit, same, text, visit_of

_BAD_REFRESH = "Unknown or invalid refresh token."
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
        devices: Devices,
        client_auth: ClientAuth,
        clock: Clock,
    ) -> None:
        self._config = config
        self._directory = directory
        self._grants = grants
        self._pipeline = pipeline
        self._minter = minter
        self._users = users
        self._devices = devices
        self._client_auth = client_auth
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
        client = self._client_auth.client(request, visit)
        grant = text(visit.body, "grant_type")
        if not grant:
            raise OAuthError("invalid_request", "Missing required parameter: grant_type", status=400)
        check_grant(client, grant)
        answer = await self._answer(visit, client=client, grant=grant)
        return web.json_response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _answer(self, visit: Visit, *, client: Client, grant: str) -> dict[str, Any]:
        if grant == "authorization_code":
            return self._code(visit, client=client)
        if grant == "refresh_token":
            return await self._refresh(visit, client=client)
        if grant == "client_credentials":
            return self._machine(visit, client=client)
        if grant == DEVICE_GRANT:
            return self._device(visit, client=client)
        return await self._password(visit, client=client)

    def _code(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        login = self._grants.redeem(text(visit.body, "code"))
        foreign = login is None or login.client.client_id != client.client_id
        if login is None or foreign or text(visit.body, "redirect_uri") != text(login.params, "redirect_uri"):
            raise OAuthError("invalid_grant", "Invalid authorization code")
        visit.notes.transaction_id = login.id
        _check_verifier(login, text(visit.body, "code_verifier"))
        return self._minter.for_login(login, refresh="refresh_token" in client.grants)

    def _device(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        login = self._devices.poll(text(visit.body, "device_code"), client=client)
        visit.notes.transaction_id = login.id
        return self._minter.for_login(login, refresh="refresh_token" in client.grants)

    async def _refresh(self, visit: Visit, *, client: Client) -> dict[str, Any]:
        token = text(visit.body, "refresh_token")
        origin = self._grants.refresh(token)
        if origin is None or origin.client.client_id != client.client_id:
            raise OAuthError("invalid_grant", _BAD_REFRESH)
        login = self._direct_login(visit, client=client, protocol=REFRESH_PROTOCOL, user_id=origin.user_id)
        login.session, login.organization = origin.session, origin.organization
        asked = text(visit.body, "scope").split() or origin.scopes
        login.scopes = [scope for scope in origin.scopes if scope in asked]
        login.params = {**visit.body, "audience": text(origin.params, "audience")}
        await self._run(login, visit)
        answer = self._minter.for_login(login, gty="refresh_token", refresh=False)
        if client.rotating:
            answer["refresh_token"] = self._rotated(token)
        return answer

    def _rotated(self, token: str) -> str:
        """Somebody else may have used the token while Actions ran."""
        if self._grants.refresh(token) is None:
            raise OAuthError("invalid_grant", _BAD_REFRESH)
        return self._grants.rotate(token)

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
            scopes=self._config.granted_scopes(
                text(visit.body, "scope"), audience=text(visit.body, "audience")
            ),
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
        self._client_auth.client(request, visit)
        self._grants.revoke(text(visit.body, "token"))
        return web.Response(status=200)


def _check_verifier(login: Login, verifier: str) -> None:
    challenge = text(login.params, "code_challenge")
    if not challenge and not verifier:
        return
    digest = hashlib.sha256(verifier.encode(errors="surrogatepass")).digest()
    transformed = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    plain = text(login.params, "code_challenge_method") in {"", "plain"}
    if not verifier or not same(verifier if plain else transformed, challenge):
        raise OAuthError("invalid_grant", "Failed to verify code verifier")
