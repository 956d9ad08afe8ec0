"""The kept mails over HTTP: a page for people, JSON for tests."""

from pathlib import Path

import jinja2
from aiohttp import web

from tests.mail.kept import Kept, text_of

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(kept: Kept) -> web.Application:
    pages = Pages(kept)
    app = web.Application()
    app.add_routes([web.get("/", pages.page), web.get("/mails", pages.mails)])
    return app


class Pages:
    """Handlers; `?to=ADDRESS` leaves the mails of everybody else out."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        environment.filters["text"] = text_of
        self._template = environment.get_template("page.html")

    async def page(self, request: web.Request) -> web.Response:
        to = request.query.get("to")
        newest_first = reversed(self._kept.mails(to=to))
        text = self._template.render(mails=[mail.message for mail in newest_first], to=to)
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def mails(self, request: web.Request) -> web.Response:
        kept = self._kept.mails(to=request.query.get("to"))
        # As bytes they would not be JSON; what is not ASCII in a mail is UTF-8 (RFC 6532).
        contents = [mail.content.decode(errors="surrogateescape") for mail in kept]
        return web.json_response({"mails": contents}, headers=_HEADERS)
