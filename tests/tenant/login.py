"""/u/login: the page where a person names themselves."""

from typing import Any

from aiohttp import web

from tests.tenant.config import Config
from tests.tenant.flow import Flow, redirect
from tests.tenant.logins import Login, Logins, Status
from tests.tenant.pages import page
from tests.tenant.sessions import Sessions
from tests.tenant.users import Users
from tests.tenant.visit import Visit, text, visit_of


class LoginPage:
    """GET and POST /u/login."""

    def __init__(
        self, *, config: Config, sessions: Sessions, logins: Logins, users: Users, flow: Flow
    ) -> None:
        self._config = config
        self._sessions = sessions
        self._logins = logins
        self._users = users
        self._flow = flow

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/u/login", self.show),
            web.post("/u/login", self.submit),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form, with the username that the application hinted at."""
        visit = await visit_of(request)
        login = self._login(request, visit, state=text(visit.query, "state"))
        return self._form(login, username=text(login.params, "login_hint"))

    async def submit(self, request: web.Request) -> web.Response:
        """Check the password and go to /authorize/resume."""
        visit = await visit_of(request)
        state = text(visit.body, "state") or text(visit.query, "state")
        login = self._login(request, visit, state=state)
        username = text(visit.body, "username")
        user = self._users.by_login(username, text(visit.body, "password"))
        if user is None:
            status = int(self._config.choices.wrong_password_status)
            return self._form(login, username=username, error="Wrong email or password", status=status)
        return self._logged_in(request, visit, login=login, user=user)

    def _login(self, request: web.Request, visit: Visit, *, state: str) -> Login:
        login = self._logins.find(state, status=Status.LOGIN)
        if login is None:
            raise self._flow.no_session(self._logins.any_with(state))
        visit.notes.transaction_id = login.id
        self._flow.require_browser(request, login, visit)
        return login

    def _form(
        self, login: Login, *, username: str, error: str | None = None, status: int = 200
    ) -> web.Response:
        return page(
            "login.html",
            status=status,
            tenant=self._config.friendly_name,
            application=login.client.name,
            state=login.state,
            username=username,
            error=error,
        )

    def _logged_in(
        self, request: web.Request, visit: Visit, *, login: Login, user: dict[str, Any]
    ) -> web.Response:
        browser = self._sessions.browser(request) or self._sessions.known(login.browser_id)
        login.user_id = user["user_id"]
        login.status = Status.AUTHENTICATED
        if not user.get("blocked"):  # whoever is blocked gets no session, and hears of it after this
            login.session = self._sessions.log_in(browser, user_id=login.user_id)
            self._users.count_login(login.user_id)
        response = redirect(f"{visit.origin}/authorize/resume?state={login.state}")
        self._sessions.set_cookies(response, browser=browser, visit=visit)
        return response
