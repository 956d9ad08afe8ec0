"""What all pages share: for whom each is, the style sheet, a tenant's pictures, the choice of a language."""

import re
import secrets
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from common.clock import Clock
from common.tenant_pictures import Picture
from common.tenants_watcher import TenantsWatcher
from gateway.errors import BadRequestError, NotFoundError
from gateway.forms import read_form
from gateway.pages import PAGE, Page
from gateway.pages.assets import find_asset
from gateway.pages.languages import Languages, accepted
from gateway.shield import NONCE, is_transaction_id, require_own_page

LANGUAGE_COOKIE = "__Host-language"
_REMEMBERED_SECONDS = 365 * 24 * 60 * 60
_FOR_EVER = "public, max-age=31536000, immutable"
_ADDRESS = re.compile(r"/t/([A-Za-z0-9_-]+)")
# An SVG that somebody opens by its address shows its shapes, and nothing of it runs.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


def page_for_each_request(*, languages: Languages, tenants: TenantsWatcher, clock: Clock) -> Middleware:
    """Say for whom an answer is, before anything can fail: errors are pages as well."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[NONCE] = secrets.token_urlsafe(16)
        request[PAGE] = Page(
            nonce=request[NONCE],
            now=clock.now(),
            languages=languages,
            chosen=request.cookies.get(LANGUAGE_COOKIE),
            accepted=accepted(request.headers.get("Accept-Language", "")),
            tenant=tenants.current.get(request.match_info.get("tenant", "")),
        )
        return await handler(request)

    return middleware


class Looks:
    """The routes of everything that is no page of a login."""

    def __init__(self, *, languages: Languages, tenants: TenantsWatcher, public_base_url: str) -> None:
        self._languages = languages
        self._tenants = tenants
        self._public_base_url = public_base_url

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/assets/{name}", self.asset, allow_head=False),
            web.get("/brand/{tenant}/{kind:logo|favicon}/{name}", self.picture, allow_head=False),
            web.post("/language", self.choose),
        ]

    async def asset(self, request: web.Request) -> web.Response:
        """A file of ours; while two releases run, one may be asked for the other's: nobody keeps that."""
        name = request.match_info["name"]
        asset = find_asset(name)
        if asset is None:
            raise NotFoundError("unknown_asset")
        takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "").lower()
        content = asset.gzipped if takes_gzip else asset.content
        response = _file(content, content_type=asset.content_type, is_current=name == asset.name)
        response.headers["Vary"] = "Accept-Encoding"
        if takes_gzip:
            response.headers["Content-Encoding"] = "gzip"
        return response

    async def picture(self, request: web.Request) -> web.Response:
        """A tenant's logo or favicon as its newest file has it."""
        picture = self._picture(request.match_info["tenant"], request.match_info["kind"])
        if picture is None or picture.content is None:
            raise NotFoundError("unknown_picture")
        return _file(
            picture.content,
            content_type=picture.content_type,
            is_current=request.match_info["name"] == picture.name,
        )

    def _picture(self, key: str, kind: str) -> Picture | None:
        tenant = self._tenants.current.get(key)
        branding = tenant.branding if tenant else None
        if branding is None:
            return None
        return branding.logo if kind == "logo" else branding.favicon

    async def choose(self, request: web.Request) -> web.Response:
        """Remember a language for this browser, and go back to the page."""
        require_own_page(request, public_base_url=self._public_base_url)
        form = await read_form(request)
        language, address = self._languages.get(form.get("language")), _ADDRESS.fullmatch(form.get("to", ""))
        if language is None or address is None or not is_transaction_id(address[1]):
            raise BadRequestError("language")
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address[0]})
        response.set_cookie(
            LANGUAGE_COOKIE,
            language.tag,
            max_age=_REMEMBERED_SECONDS,
            path="/",
            secure=True,
            httponly=True,
            samesite="Lax",
        )
        return response


def _file(content: bytes, *, content_type: str, is_current: bool) -> web.Response:
    headers = {"Cache-Control": _FOR_EVER if is_current else "no-store"}
    if content_type.startswith("image/"):
        headers["Content-Security-Policy"] = _PICTURE_POLICY
    charset = "utf-8" if content_type.startswith("text/") else None
    return web.Response(body=content, content_type=content_type, charset=charset, headers=headers)
