"""What the three browser endpoints share: run Actions, then answer the browser."""

from aiohttp import web

from tests.tenant.callback import code_answer, error_answer
from tests.tenant.config import Config
from tests.tenant.devices import Devices
from tests.tenant.errors import OAuthError, PageError
from tests.tenant.grants import Grants
from tests.tenant.logins import Login, Status
from tests.tenant.pages import NO_SESSION, page
from tests.tenant.pipeline import Completed, Denied, Pipeline, Redirected
from tests.tenant.sessions import Sessions
from tests.tenant.visit import Visit


class Flow:
    """Carries a login from its Actions to the browser's next place."""

    def __init__(
        self, *, pipeline: Pipeline, grants: Grants, sessions: Sessions, devices: Devices, config: Config
    ) -> None:
        self._pipeline = pipeline
        self._grants = grants
        self._sessions = sessions
        self._devices = devices
        self._config = config

    async def go_on(self, login: Login, visit: Visit, *, resuming: bool = False) -> web.Response:
        """Run the Actions that are left and answer."""
        outcome = await self._pipeline.run(login, visit, resuming=resuming)
        match outcome:
            case Redirected(url):
                return redirect(url)
            case Denied():
                response = self._denied(login, outcome)
            case Completed():
                login.status = Status.FINISHED
                response = self._completed(login)
        login.answer = response.headers.get("Location")
        return response

    def _denied(self, login: Login, denied: Denied) -> web.Response:
        if login.device_code is None:
            return error_answer(login.params, OAuthError(denied.error, denied.description))
        self._devices.refuse(login.device_code, denied.error, denied.description)
        return page("device_done.html", refused=True)

    def _completed(self, login: Login) -> web.Response:
        if login.device_code is None:
            return code_answer(login, self._grants.new_code(login))
        self._devices.finish(login.device_code, login)
        return page("device_done.html", refused=False)

    def require_browser(self, request: web.Request, login: Login, visit: Visit) -> None:
        """Only the browser that began a login goes on with it, on the host where it began.

        Raises:
            PageError: it is another.
        """
        browser = self._sessions.browser(request)
        optional = self._config.choices.continue_cookie == "off"
        if not optional and (browser is None or browser.id != login.browser_id):
            raise self.no_session(login)
        if login.authority != visit.authority:
            raise self.no_session(login)

    def no_session(self, login: Login | None = None) -> PageError:
        """The page for a state that is unknown, used, too old or somebody else's."""
        uri = (login.client.login_uri if login else None) or self._config.default_redirection_uri
        status = int(self._config.choices.continue_error_status)
        return PageError("invalid_request", NO_SESSION, status=status, login_uri=uri)


def redirect(location: str) -> web.Response:
    """302 that nobody may cache."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})
