"""The pages for people under /__control/: logins, what came and went, and answers by hand."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.tenant.answers import BREAKS, PLACES, Draft, compose, first_draft, read_draft
from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.errors import ControlError
from tests.tenant.grants import Grants
from tests.tenant.jwtview import view
from tests.tenant.logins import Login, Logins, Status
from tests.tenant.pages import page
from tests.tenant.sessions import Sessions
from tests.tenant.story import chapters, summary
from tests.tenant.tokens import Minter
from tests.tenant.visit import Visit, text, visit_of

TRY_OUT = "/__control/callback"


class Desk:
    """Server-rendered pages; scripts only count down what the page already says."""

    def __init__(
        self,
        *,
        config: Config,
        logins: Logins,
        sessions: Sessions,
        grants: Grants,
        minter: Minter,
        clock: Clock,
    ) -> None:
        self._config = config
        self._logins = logins
        self._sessions = sessions
        self._grants = grants
        self._minter = minter
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """All pages."""
        return [
            web.get("/__control", self.index),
            web.get("/__control/", self.index),
            web.get("/__control/logins/{id}", self.login),
            web.post("/__control/logins/{id}/answer", self.answer),
            web.get(TRY_OUT, self.callback),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """Open logins, then those that are over."""
        visit = await visit_of(request)
        lines = [self._summary(login) for login in reversed(self._logins.all())]
        return self._page(
            "desk.html",
            open_logins=[line for line in lines if line["open"]],
            closed_logins=[line for line in lines if not line["open"]],
            beginnings=self._beginnings(visit),
            people=[user for user in self._config.users if user.get("password")],
        )

    def _summary(self, login: Login) -> dict[str, Any]:
        return summary(login, now=self._clock.now(), lifetime=self._config.choices.transaction_lifetime)

    def _beginnings(self, visit: Visit) -> list[dict[str, str]]:
        """Links that begin a login of each application whose callback is this desk."""
        return [
            {"name": client.name or client.client_id, "url": f"/authorize?{urlencode(params)}"}
            for client in self._config.clients.values()
            if TRY_OUT in client.callbacks
            for params in [
                {
                    "client_id": client.client_id,
                    "redirect_uri": f"{visit.origin}{TRY_OUT}",
                    "response_type": "code",
                    "scope": "openid profile email",
                    "state": secrets.token_urlsafe(16),
                }
            ]
        ]

    async def login(self, request: web.Request) -> web.Response:
        """One login: its story, and a form to answer if it waits."""
        login = self._find(request)
        waits = self._summary(login)["open"] and login.status is Status.SUSPENDED
        return self._story(request, login, draft=first_draft(login) if waits else None)

    async def answer(self, request: web.Request) -> web.Response:
        """What is about to be sent, with the button that sends it."""
        login = self._find(request)
        if login.status is not Status.SUSPENDED:
            raise ControlError("this login does not wait for an answer", status=409)
        draft = read_draft((await visit_of(request)).body)
        try:
            made = compose(draft, login, now=self._clock.now())
        except ControlError as exc:
            return self._story(request, login, draft=draft, mistake=str(exc), status=exc.status)
        secrets_of = login.actions[login.position].secrets
        return self._page(
            "answer.html", login=self._summary(login), answer=made, token=view(made.token, secrets_of)
        )

    async def callback(self, request: web.Request) -> web.Response:
        """The end of a login that began here: the application's view of it."""
        visit = await visit_of(request)
        login = self._grants.redeem(text(visit.query, "code"))
        tokens = self._minter.for_login(login, refresh=False) if login is not None else {}
        shown = {name: view(tokens[name], {}) for name in ("id_token", "access_token") if name in tokens}
        return self._page("outcome.html", query=visit.query, login_id=login and login.id, tokens=shown)

    def _find(self, request: web.Request) -> Login:
        wanted = request.match_info["id"]
        for login in self._logins.all():
            if login.id == wanted:
                return login
        raise ControlError("there is no such login", status=404)

    def _story(
        self,
        request: web.Request,
        login: Login,
        *,
        draft: Draft | None,
        mistake: str | None = None,
        status: int = 200,
    ) -> web.Response:
        browser = self._sessions.browser(request)
        return self._page(
            "story.html",
            status=status,
            login=self._summary(login),
            details=login,
            chapters=chapters(login),
            draft=draft,
            mistake=mistake,
            own_browser=browser is not None and browser.id == login.browser_id,
            cookie_wanted=self._config.choices.continue_cookie == "required",
            secret_names=list(login.actions[login.position].secrets) if draft else [],
            breaks=BREAKS,
            places=PLACES,
        )

    def _page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        response = page(template, status=status, nonce=nonce, now=self._clock.now(), **values)
        response.headers.update(_protection(nonce))
        return response


def _protection(nonce: str) -> Mapping[str, str]:
    """Nothing from elsewhere runs here, and nobody can put these pages into a frame."""
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
