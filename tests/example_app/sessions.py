import secrets
from dataclasses import dataclass, field

from aiohttp import web

from tests.example_app.openid import Person, Started

COOKIE = "acme"
_MOST_STARTED = 5


@dataclass
class Session:
    """One browser: who is logged in, and the logins that it has begun, by their state."""

    person: Person | None = None
    started: dict[str, Started] = field(default_factory=dict)

    def remember(self, started: Started) -> None:
        """Keep a login for its callback; of too many the oldest is forgotten."""
        self.started[started.state] = started
        while len(self.started) > _MOST_STARTED:
            del self.started[next(iter(self.started))]


class Sessions:
    """Every browser, known by a cookie; forgotten when the application ends."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._sessions: dict[str, Session] = {}

    def find(self, request: web.Request) -> Session:
        """The browser's session, or an empty one that nobody remembers."""
        return self._sessions.get(request.cookies.get(COOKIE, ""), Session())

    def keep(self, session: Session, *, response: web.Response, request: web.Request) -> None:
        """Store under a new id, so that an id from before the login is worth nothing after it."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        session_id = secrets.token_urlsafe(24)
        self._sessions[session_id] = session
        response.set_cookie(COOKIE, session_id, httponly=True, samesite="Lax", secure=self._secure, path="/")

    def forget(self, *, response: web.Response, request: web.Request) -> None:
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        response.del_cookie(COOKIE, path="/")
