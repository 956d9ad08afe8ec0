"""Where browsers connect. What arrives there and is no HTTP is answered and logged as plainly as the rest."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from common.settings import Address
from gateway.errors import BadRequestError, PageError, UnforeseenError
from gateway.gate import Gate
from gateway.live import Bell
from gateway.pages import Page, render
from gateway.pages.languages import load_languages
from gateway.shield import security_headers

KEEP_ALIVE_SECONDS = 75
# Until the first request of a connection has its last header; a later one has as long as keep-alive lasts.
HEAD_SECONDS = 15.0
LINGER_SECONDS = 5.0  # for the rest of a body that nobody wanted
SHUTDOWN_SECONDS = 15
_LANGUAGES = load_languages()  # who sends no HTTP has told us no language
MAX_LINE_BYTES = 16 * 1024  # a link that is too long still gets its page; a good one has 6 KB at most

log = structlog.stdlib.get_logger()


@asynccontextmanager
async def serve_browsers(
    app: web.Application,
    *,
    address: Address,
    bell: Bell,
    gate: Gate,
    head_seconds: float = HEAD_SECONDS,
) -> AsyncIterator[None]:
    """Serve while the block runs; at its end whoever waits is sent home, and what has begun is finished."""
    runner = _Runner(
        app,
        gate=gate,
        head_seconds=head_seconds,
        access_log=None,
        # Compressed bodies are refused, so nobody has to look into one, not even to drop it.
        auto_decompress=False,
        max_line_size=MAX_LINE_BYTES,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        yield
    finally:
        bell.close()
        await runner.cleanup()


class _Connection(web.RequestHandler):
    """The framework's own words about a damaged request repeat parts of it, to the browser and in the log."""

    def __init__(self, manager: web.Server, *, gate: Gate, head_seconds: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self._gate = gate
        self._head_seconds = head_seconds
        self._peer = ""
        self._place: bytes | None = None
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._place = self._gate.connect(self._peer)
        if self._place is None:
            self.force_close()
        else:
            self._head_timer = self._loop.call_later(self._head_seconds, self._close_unless_asked)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._place:
            self._gate.disconnect(self._place)
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._place = self._head_timer = None
        super().connection_lost(exc)

    def _note_unreadable(self, status: int) -> None:
        """It has no headers, so nobody but the peer can have sent it."""
        client = self._gate.client(self._peer)
        if not self._gate.ask(client):
            self._gate.refused(client)
            log.warning("request.unreadable", http_response_status_code=status)

    def _close_unless_asked(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - what must not be repeated
    ) -> web.StreamResponse:
        failed_here = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if failed_here:
            log.error("request.failed", exc_info=exc)
        else:
            self._note_unreadable(status)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; all that is left is to close")
        return _page(status, UnforeseenError("http") if failed_here else BadRequestError("http"))


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await made.request_handler(request)
            except web.HTTPException as exc:  # an unmet `Expect`: it never gets as far as our pages
                log.warning("request.unreadable", http_response_status_code=exc.status)
                return _page(exc.status, BadRequestError("http"))

        return _Server(handle, request_factory=made.request_factory, **made._kwargs)  # noqa: SLF001 - the framework has no other way to choose the class of connections


def _page(status: int, error: PageError) -> web.Response:
    """The page of an error for which no application is known; the connection ends with it."""
    nonce = secrets.token_urlsafe(16)
    page = Page(nonce=nonce, now=datetime.now(UTC), languages=_LANGUAGES)
    html = render("error", page=page, error=error)
    headers = security_headers(nonce)
    response = web.Response(status=status, text=html, content_type="text/html", headers=headers)
    response.force_close()
    return response
