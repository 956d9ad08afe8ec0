"""The limit per address, asked before anything else is done for a request."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import TooManyError
from gateway.gate import Gate
from gateway.pages import PAGE, render
from gateway.shield import NONCE

FORWARDED_FOR = "X-Forwarded-For"
# The address of whoever asks, as our proxies tell it; empty where none is configured.
CLIENT = web.RequestKey("client", str)
_GUESSES = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    }
)
_NONCE_HERE = "nonce-of-this-answer"


def limit_addresses(gate: Gate) -> Middleware:
    """Answer 429 to an address that asks too often, at less than what serving it would cost."""
    pages = _Pages()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = gate.client(request.remote or "", request.headers.getall(FORWARDED_FOR, ()))
        seconds = gate.ask(client)
        if seconds:
            return pages.answer(request, TooManyError("limit_address", seconds=seconds))
        request[CLIENT] = str(client) if gate.knows_clients else ""
        response = await handler(request)
        if response.status in _GUESSES:
            gate.refused(client)
        return response

    return middleware


class _Pages:
    """The page of the refusal, rendered once for each language."""

    def __init__(self) -> None:
        self._rendered: dict[str, str] = {}

    def answer(self, request: web.Request, error: TooManyError) -> web.Response:
        page = replace(request[PAGE], nonce=_NONCE_HERE, tenant=None)
        tag = page.language.tag
        if tag not in self._rendered:
            self._rendered[tag] = render("error", page=page, error=error)
        html = self._rendered[tag].replace(_NONCE_HERE, request[NONCE])
        headers = {"Retry-After": str(error.retry_after)}
        return web.Response(text=html, content_type="text/html", status=error.status, headers=headers)
