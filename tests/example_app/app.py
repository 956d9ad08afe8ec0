"""Acme Bank: an application whose customers log in at a tenant. It knows nothing of Waystation."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

from tests.example_app.errors import LoginFailedError, LoginRefusedError, UnknownLoginError
from tests.example_app.openid import OpenID
from tests.example_app.sessions import Session, Sessions

_FOLDER = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(*, openid: OpenID, sessions: Sessions) -> web.Application:
    pages = Pages(openid=openid, sessions=sessions)
    app = web.Application(middlewares=[pages.explain_errors])
    app.add_routes(
        [
            web.get("/", pages.front),
            web.get("/login", pages.login),
            web.get("/callback", pages.callback),
            web.post("/logout", pages.logout),
            web.get("/claims", pages.claims),
            web.get("/style.css", pages.style),
        ]
    )
    return app


class Pages:
    """The handlers."""

    def __init__(self, *, openid: OpenID, sessions: Sessions) -> None:
        self._openid = openid
        self._sessions = sessions
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    async def front(self, request: web.Request) -> web.Response:
        """Who is logged in, or a way to log in."""
        return self._page("front.html", person=self._sessions.find(request).person)

    async def login(self, request: web.Request) -> web.Response:
        """Begin a login: also the tenant's default login route, so it works without a page before it."""
        session = self._sessions.find(request)
        started = await self._openid.start(step=request.query.get("step"))
        session.remember(started)
        response = _redirect(started.url)
        self._sessions.keep(session, response=response, request=request)
        return response

    async def callback(self, request: web.Request) -> web.Response:
        """Finish a login that this browser began."""
        session = self._sessions.find(request)
        started = session.started.pop(request.query.get("state", ""), None)
        if started is None and session.person is not None:
            return self._page("already.html")  # another tab of this browser was first
        if started is None:
            raise UnknownLoginError
        if error := request.query.get("error"):
            raise LoginRefusedError(error, request.query.get("error_description", ""))
        person = await self._openid.finish(started, code=request.query.get("code", ""))
        response = _redirect("/")
        self._sessions.keep(Session(person=person), response=response, request=request)
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """Forget the person here, then at the tenant."""
        person = self._sessions.find(request).person
        response = _redirect(await self._openid.logout_url(person))
        self._sessions.forget(response=response, request=request)
        return response

    async def claims(self, request: web.Request) -> web.Response:
        """The ID token's claims as JSON, for a program in this browser's place; null for nobody."""
        person = self._sessions.find(request).person
        return web.json_response(person.claims if person else None, headers=_HEADERS)

    async def style(self, _request: web.Request) -> web.Response:
        return web.Response(text=(_FOLDER / "style.css").read_text(), content_type="text/css")

    @web.middleware
    async def explain_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tell a person what happened, and offer to begin again."""
        try:
            return await handler(request)
        except LoginRefusedError as exc:
            return self._page(
                "refused.html", status=HTTPStatus.FORBIDDEN, error=exc.error, description=exc.description
            )
        except UnknownLoginError:
            return self._page("unknown_login.html", status=HTTPStatus.BAD_REQUEST)
        except LoginFailedError:
            return self._page("failed.html", status=HTTPStatus.BAD_GATEWAY)

    def _page(self, template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> web.Response:
        text = self._templates.get_template(template).render(**values)
        return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)


def _redirect(url: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={**_HEADERS, "Location": url})
