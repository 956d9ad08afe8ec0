"""Browsers, known by cookie, and the sessions that people have in them."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.tenant.clock import Clock, iso
from tests.tenant.settings import Choices
from tests.tenant.states import identifier
from tests.tenant.visit import Visit


@dataclass
class Session:
    """One person logged in; `methods` is what Actions see as `event.authentication.methods`."""

    id: str
    user_id: str
    created_at: float
    used_at: float
    methods: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Browser:
    """Whoever holds the cookie."""

    id: str
    session: Session | None = None


class Sessions:
    """All browsers of the tenant."""

    def __init__(self, *, clock: Clock, choices: Choices) -> None:
        self._clock = clock
        self._choices = choices
        self._browsers: dict[str, Browser] = {}
        self._cookies = (choices.session_cookie, f"{choices.session_cookie}_compat")

    def browser(self, request: web.Request) -> Browser | None:
        """The browser that this request's cookie names."""
        for name in self._cookies:
            found = self._browsers.get(request.cookies.get(name, ""))
            if found is not None:
                return found
        return None

    def browser_or_new(self, request: web.Request) -> Browser:
        """The same, or one that has not been seen before."""
        found = self.browser(request)
        if found is None:
            found = Browser(identifier())
            self._browsers[found.id] = found
        return found

    def known(self, browser_id: str) -> Browser:
        """A browser that has been given its cookie already."""
        return self._browsers[browser_id]

    def session(self, browser: Browser | None) -> Session | None:
        """The browser's session while neither of its two lifetimes has passed."""
        if browser is None or browser.session is None:
            return None
        now, session = self._clock.now(), browser.session
        too_old = now - session.created_at > self._choices.session_lifetime
        if too_old or now - session.used_at > self._choices.session_idle_lifetime:
            browser.session = None
            return None
        session.used_at = now
        return session

    def log_in(self, browser: Browser, *, user_id: str, method: str = "pwd") -> Session:
        """Begin a session, in place of the one before."""
        now = self._clock.now()
        browser.session = Session(identifier(), user_id, now, now, [{"name": method, "timestamp": iso(now)}])
        return browser.session

    def log_out(self, browser: Browser | None) -> None:
        """End the session of one browser."""
        if browser is not None:
            browser.session = None

    def end_sessions_of(self, user_id: str) -> None:
        """End every session of a person, as a new password does."""
        for browser in self._browsers.values():
            if browser.session is not None and browser.session.user_id == user_id:
                browser.session = None

    def set_cookies(self, response: web.StreamResponse, *, browser: Browser, visit: Visit) -> None:
        """The session cookie with SameSite=None and its fallback without.

        Over loopback http too: Chromium keeps Secure cookies there; only so a cross-site POST carries them.
        """
        lax = self._choices.cookie_mode == "lax_on_http" and visit.scheme == "http"
        for name in self._cookies:
            same_site = "Lax" if lax else "None" if name == self._cookies[0] else None
            response.set_cookie(
                name,
                browser.id,
                path="/",
                httponly=True,
                secure=not lax,
                samesite=same_site,
                max_age=3 * 86400,
            )
