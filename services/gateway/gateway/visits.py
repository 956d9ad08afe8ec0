"""Who is at the door: every request under /t/{id} is let in here, or turned away."""

import hmac
from dataclasses import dataclass

import structlog
from aiohttp import web

from common.clock import Clock
from gateway.browser import BrowserCookie, BrowserCookies
from gateway.errors import ForbiddenError, GoneError, NotFoundError, StalePageError
from gateway.forms import read_form
from gateway.login import Login
from gateway.logins import Logins
from gateway.shield import is_transaction_id, require_own_page
from gateway.transaction import Status


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A browser that may see this login."""

    login: Login
    cookie: BrowserCookie


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
        structlog.contextvars.bind_contextvars(
            transaction_id=login.id, tenant=login.transaction.tenant, trace_id=login.traceparent[3:35]
        )
        cookie = self._cookies.recognise(request.cookies, transaction_id)
        if cookie is None:
            raise ForbiddenError("no_cookie", login_url=login.login_url)
        if not is_claimable_by(login, cookie):
            raise ForbiddenError("other_browser", login_url=login.login_url)
        if login.transaction.status is Status.EXPIRED or self._clock.now() >= login.transaction.deadline:
            raise GoneError("expired", login_url=login.login_url)
        return Visit(login=login, cookie=cookie)

    async def admit_form(self, request: web.Request) -> tuple[Visit, dict[str, str]]:
        """The visit and the fields of a POST from a page of ours.

        Raises:
            ForbiddenError: it comes from elsewhere, or its page was made for another cookie.
        """
        require_own_page(request, public_base_url=self._public_base_url)
        visit = await self.admit(request)
        form = await read_form(request)
        token = form.get("csrf", "")
        if not self._cookies.is_csrf_token(token, visit.login.id, cookie=visit.cookie):
            raise StalePageError("csrf", again_url=f"/t/{visit.login.id}")
        return visit, form


def is_claimable_by(login: Login, cookie: BrowserCookie) -> bool:
    """Whether the login is this browser's, or nobody's yet."""
    claimed_by = login.transaction.claimed_by
    return claimed_by is None or hmac.compare_digest(claimed_by, cookie.browser)
