"""What guards every request: our host only, our own pages only, and headers on every answer."""

import re
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.browser import COOKIE_PREFIX
from gateway.errors import BadRequestError, ForbiddenError

NONCE = web.RequestKey("nonce", str)
SERVER = "waystation"
_COOKIE_NAME = re.compile(rf"(?:^|;)\s*({COOKIE_PREFIX}[^=;\s]*)\s*=")


def security_headers(nonce: str, *, referrer_policy: str = "same-origin") -> dict[str, str]:
    """Headers of every page.

    There is no `form-action`: browsers apply it to the whole chain of redirects that a submit begins, which
    here ends at the tenant and then at the application.
    """
    policy = (
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'",
        f"style-src 'self' 'nonce-{nonce}'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": referrer_policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Strict-Transport-Security": "max-age=31536000",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": SERVER,
    }


def guard(*, public_base_url: str) -> Middleware:
    """Refuse requests for another host."""
    authority = urlsplit(public_base_url).netloc

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.version < (1, 1) or request.headers.getall("Host", []) != [authority]:
            raise BadRequestError("host")
        if not request.raw_path.startswith("/"):
            raise BadRequestError("absolute_form")
        if _has_doubled_cookie(request):
            raise ForbiddenError("no_cookie")
        return await handler(request)

    return middleware


def _has_doubled_cookie(request: web.Request) -> bool:
    """Browsers send a `__Host-` cookie once: of two, one was put there by somebody else."""
    names = _COOKIE_NAME.findall(request.headers.get("Cookie", ""))
    return len(set(names)) < len(names)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """`on_response_prepare`: also for errors and for streams; a page may have set its own stricter ones."""
    # Whatever a page at the tenant's link loads or leads to is not to learn the token in its address.
    referrer = "no-referrer" if request.path.startswith("/start/") else "same-origin"
    for name, value in security_headers(request.get(NONCE, ""), referrer_policy=referrer).items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = SERVER


def require_own_page(request: web.Request, *, public_base_url: str) -> None:
    """A POST must come from a page of ours.

    Raises:
        ForbiddenError: Origin or Sec-Fetch-Site say that it does not.
    """
    if any(origin != public_base_url for origin in request.headers.getall("Origin", [])):
        raise ForbiddenError("foreign_origin")
    if not {*request.headers.getall("Sec-Fetch-Site", [])} <= {"same-origin", "none"}:
        raise ForbiddenError("foreign_site")


_ID = re.compile(r"[A-Za-z0-9_-]{22}")


def is_transaction_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
