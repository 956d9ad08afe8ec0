"""Who is at the door: every request under /t/{id} is let in here, or turned away."""

from aiohttp import web

from common.clock import Clock
from gateway.browser import BrowserCookies
from gateway.errors import ForbiddenError, GoneError, NotFoundError, StalePageError
from gateway.forms import read_form
from gateway.login import Login
from gateway.logins import Logins, name_in_log
from gateway.owner import Visit, require_own
from gateway.pages import PAGE
from gateway.shield import is_transaction_id, require_own_page
from gateway.transaction import Status


class Doorkeeper:
    """Lets the browser in that claimed a login, and before that any that has arrived with it."""

    def __init__(
        self, *, logins: Logins, cookies: BrowserCookies, clock: Clock, public_base_url: str
    ) -> None:
        self._logins = logins
        self._cookies = cookies
        self._clock = clock
        self._public_base_url = public_base_url

    async def admit(self, request: web.Request) -> Visit:
        """The visit of a GET.

        Raises:
            NotFoundError: no such login.
            ForbiddenError: not this browser's.
            GoneError: it is over.
        """
        transaction_id = request.match_info["id"]
        if not is_transaction_id(transaction_id):
            raise NotFoundError("malformed_id")
        login = await self._logins.get(transaction_id)
        introduce(login, request)
        cookie = self._cookies.recognise(request.cookies, transaction_id)
        if cookie is None:
            raise ForbiddenError("no_cookie", login_url=login.login_url)
        require_own(login, cookie)
        if login.transaction.status is Status.DISPLACED:
            raise GoneError("displaced", login_url=login.login_url)
        if login.transaction.status is Status.CANCELLED:
            raise GoneError("cancelled", login_url=login.login_url)
        if login.transaction.status is Status.EXPIRED or self._clock.now() >= login.transaction.deadline:
            raise GoneError("expired", login_url=login.login_url)
        return Visit(login=login, cookie=cookie, language=request[PAGE].language.tag)

    async def admit_form(self, request: web.Request) -> tuple[Visit, dict[str, str]]:
        """The visit and the fields of a POST from a page of ours.

        Raises:
            ForbiddenError: it comes from elsewhere, or its page was made for another cookie.
        """
        require_own_page(request, public_base_url=self._public_base_url)
        # A body can take its time to come, and the login may be another browser's by then.
        form = await read_form(request)
        visit = await self.admit(request)
        token = form.get("csrf", "")
        if not self._cookies.is_csrf_token(token, visit.login.id, cookie=visit.cookie):
            raise StalePageError("csrf", again_url=f"/t/{visit.login.id}")
        return visit, form


def introduce(login: Login, request: web.Request) -> None:
    """Everything that this request logs or shows from now on is about that login."""
    name_in_log(login)
    page = request[PAGE]
    request[PAGE] = page.of(login.settings, ui_locales=login.ui_locales, address=f"/t/{login.id}")
