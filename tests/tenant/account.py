"""/userinfo, /v2/logout and /oidc/logout."""

from urllib.parse import urlencode

import jwt
from aiohttp import web

from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.directory import Directory
from tests.tenant.errors import PageError
from tests.tenant.flow import redirect
from tests.tenant.keys import Keys
from tests.tenant.ratelimit import Limiter
from tests.tenant.sessions import Sessions
from tests.tenant.tokens import profile_claims
from tests.tenant.users import Users
from tests.tenant.visit import NOTES, Visit, text, visit_of


class Account:
    """What a logged-in person's application asks for afterwards."""

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        sessions: Sessions,
        users: Users,
        keys: Keys,
        limiter: Limiter,
        clock: Clock,
    ) -> None:
        self._config = config
        self._directory = directory
        self._sessions = sessions
        self._users = users
        self._keys = keys
        self._limiter = limiter
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/userinfo", self.userinfo),
            web.post("/userinfo", self.userinfo),
            web.get("/v2/logout", self.logout),
            web.get("/oidc/logout", self.oidc_logout),
            web.post("/oidc/logout", self.oidc_logout),
        ]

    async def userinfo(self, request: web.Request) -> web.Response:
        """OpenID Connect Core 5.3."""
        visit = await visit_of(request)
        found = self._bearer(request, visit)
        if found is None:
            headers = {"WWW-Authenticate": 'Bearer realm="Users", error="invalid_token"'}
            refusal = self._config.choices.userinfo_refusal_text
            return web.Response(text=refusal, status=401, headers=headers)
        user_id, scopes = found
        verdict = self._limiter.userinfo(user_id)
        request[NOTES].rate_limit = vars(verdict)
        if not verdict.allowed:
            body = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
            return web.json_response(body, status=429, headers=verdict.headers)
        user = self._users.get(user_id) or {}
        return web.json_response({"sub": user_id, **profile_claims(user, scopes)}, headers=verdict.headers)

    def _bearer(self, request: web.Request, visit: Visit) -> tuple[str, list[str]] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            scheme, token = "bearer", text(visit.body, "access_token")
        try:
            claims = self._keys.verify(token) if scheme.lower() == "bearer" else {}
        except jwt.InvalidTokenError:
            return None
        audience = claims.get("aud", [])
        audiences = audience if isinstance(audience, list) else [audience]
        current = claims.get("exp", 0) > self._clock.now()
        if not current or f"{self._directory.issuer(visit)}userinfo" not in audiences:
            return None
        return (claims["sub"], claims["scope"].split()) if self._users.get(claims["sub"]) else None

    async def logout(self, request: web.Request) -> web.Response:
        """Auth0's own /v2/logout."""
        visit = await visit_of(request)
        client_id, target = text(visit.query, "client_id"), text(visit.query, "returnTo")
        allowed = self._allowed(client_id)
        if target and target not in allowed:
            listed = f'The "returnTo" querystring parameter "{target}" is not defined as a valid URL'
            raise PageError("invalid_request", listed, status=400)
        self._sessions.log_out(self._sessions.browser(request))
        target = target or (allowed[0] if client_id and allowed else "")
        return redirect(target) if target else web.Response(text=self._config.choices.logout_text)

    async def oidc_logout(self, request: web.Request) -> web.Response:
        """OpenID Connect RP-initiated logout."""
        visit = await visit_of(request)
        params = visit.body if request.method == "POST" else visit.query
        client_id = text(params, "client_id") or self._client_of(text(params, "id_token_hint"))
        target = text(params, "post_logout_redirect_uri")
        if target and target not in self._allowed(client_id):
            raise PageError("invalid_request", "post_logout_redirect_uri is not allowed", status=400)
        self._sessions.log_out(self._sessions.browser(request))
        if not target:
            return web.Response(text=self._config.choices.logout_text)
        state = text(params, "state")
        separator = "&" if "?" in target else "?"
        return redirect(f"{target}{separator}{urlencode({'state': state})}" if state else target)

    def _client_of(self, hint: str) -> str:
        try:
            return str(self._keys.verify(hint)["aud"]) if hint else ""
        except jwt.InvalidTokenError as exc:
            raise PageError("invalid_request", "Invalid id_token_hint", status=400) from exc

    def _allowed(self, client_id: str) -> tuple[str, ...]:
        if client_id:
            client = self._config.clients.get(client_id)
            return client.logout_urls if client else ()
        return self._config.logout_urls
