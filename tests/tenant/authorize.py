"""/authorize: the beginning of a login."""

from typing import Any

from aiohttp import web

from tests.tenant.callback import RESPONSE_MODES, error_answer
from tests.tenant.clock import Clock
from tests.tenant.config import Client, Config, Organization
from tests.tenant.directory import Directory
from tests.tenant.errors import OAuthError, PageError
from tests.tenant.flow import Flow, redirect
from tests.tenant.logins import DEVICE_PROTOCOL, Login, Logins
from tests.tenant.organizations import Organizations
from tests.tenant.sessions import Browser, Session, Sessions
from tests.tenant.users import Users
from tests.tenant.visit import Visit, text, visit_of


class Authorize:
    """GET and POST /authorize."""

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        sessions: Sessions,
        logins: Logins,
        users: Users,
        flow: Flow,
        clock: Clock,
    ) -> None:
        self._config = config
        self._organizations = Organizations(config)
        self._directory = directory
        self._sessions = sessions
        self._logins = logins
        self._users = users
        self._flow = flow
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/authorize", self.handle, allow_head=False),
            web.post("/authorize", self.handle),
        ]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with the login page, the application's callback or an Action's redirect."""
        visit = await visit_of(request)
        params = visit.body if request.method == "POST" else visit.query
        client = self._client(params, visit)
        try:
            _check(params)
            self._check_audience(visit, text(params, "audience"))
            organization = self._organizations.wanted(client, params)
            return await self.begin(request, visit, client=client, params=params, organization=organization)
        except OAuthError as exc:
            return error_answer(params, exc)

    def _client(self, params: dict[str, Any], visit: Visit) -> Client:
        choices = self._config.choices
        client = self._config.clients.get(text(params, "client_id"))
        if client is None:
            unknown = choices.words("unknown_client_text", client_id=text(params, "client_id"))
            raise PageError("invalid_request", unknown, status=int(choices.unknown_client_status))
        uri = text(params, "redirect_uri")
        if uri not in client.callbacks_at(visit.origin):
            listed = choices.words("callback_mismatch_text", redirect_uri=uri)
            raise PageError("invalid_request", listed, status=int(choices.callback_mismatch_status))
        return client

    def _check_audience(self, visit: Visit, audience: str) -> None:
        """A tenant file that lists its APIs knows no others."""
        apis = self._config.apis
        if audience and apis and audience not in apis and not self._directory.is_management(audience, visit):
            raise OAuthError("access_denied", f"Service not found: {audience}")

    async def begin(
        self,
        request: web.Request,
        visit: Visit,
        *,
        client: Client,
        params: dict[str, Any],
        organization: Organization | None = None,
        device_code: str | None = None,
    ) -> web.Response:
        """Begin a login in this browser, for an application or for a device.

        Raises:
            OAuthError: login_required, prompt=none finds nobody logged in.
        """
        browser = self._sessions.browser_or_new(request)
        session = self._usable_session(browser, params)
        if session is None and text(params, "prompt") == "none":
            raise OAuthError("login_required", "Login required")
        login = self._new_login(visit, browser=browser, client=client, params=params)
        login.organization = organization
        if device_code is not None:
            login.protocol, login.device_code = DEVICE_PROTOCOL, device_code
        if session is None:
            response = redirect(f"{visit.origin}/u/login?state={self._logins.wait_for_login(login)}")
        else:
            login.session, login.user_id = session, session.user_id
            response = await self._flow.go_on(login, visit)
        self._sessions.set_cookies(response, browser=browser, visit=visit)
        return response

    def _usable_session(self, browser: Browser, params: dict[str, Any]) -> Session | None:
        session = self._sessions.session(browser)
        if session is None or "login" in text(params, "prompt").split():
            return None
        if self._users.get(session.user_id) is None:
            return None
        max_age = text(params, "max_age")
        if max_age and self._clock.now() - session.created_at > int(max_age):
            return None
        return session

    def _new_login(self, visit: Visit, *, browser: Browser, client: Client, params: dict[str, Any]) -> Login:
        login = Login(
            client=client,
            params=params,
            actions=self._directory.actions,
            created_at=self._clock.now(),
            authority=visit.authority,
            issuer=self._directory.issuer(visit),
            method=visit.method,
            browser_id=browser.id,
            scopes=self._config.granted_scopes(text(params, "scope"), audience=text(params, "audience")),
        )
        visit.notes.transaction_id = login.id
        self._logins.add(login)
        return login


def _check(params: dict[str, Any]) -> None:
    response_type = text(params, "response_type")
    if not response_type:
        raise OAuthError("invalid_request", "Missing required parameter: response_type")
    if response_type != "code":
        raise OAuthError("unsupported_response_type", f"Unsupported response type: {response_type}")
    mode = text(params, "response_mode")
    if mode and mode not in RESPONSE_MODES:
        raise OAuthError("invalid_request", f"Unsupported response mode: {mode}")
    method = text(params, "code_challenge_method")
    if method and method not in {"S256", "plain"}:
        raise OAuthError("invalid_request", f"Unsupported code_challenge_method: {method}")
    if not (text(params, "max_age") or "0").isdecimal():
        raise OAuthError("invalid_request", "max_age must be a number of seconds")
