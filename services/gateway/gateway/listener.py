"""Where browsers connect. What arrives there and is no HTTP is answered and logged as plainly as the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from aiohttp import web

from common.settings import Address
from gateway.live import Bell
from gateway.shield import security_headers

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 15

log = structlog.stdlib.get_logger()


@asynccontextmanager
async def serve_browsers(app: web.Application, *, address: Address, bell: Bell) -> AsyncIterator[None]:
    """Serve while the block runs; at its end whoever waits is sent home, and what has begun is finished."""
    runner = _Runner(
        app,
        access_log=None,
        # Compressed bodies are refused, so nobody has to look into one, not even to drop it.
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
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
            log.warning("request.unreadable", http_response_status_code=status)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; all that is left is to close")
        return _plain(
            status, "Something went wrong on our side." if failed_here else "This is not a request."
        )


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
                return _plain(exc.status, "This is not expected here.")

        return _Server(handle, request_factory=made.request_factory, **made._kwargs)  # noqa: SLF001 - the framework has no other way to choose the class of connections


def _plain(status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text, headers=security_headers(""))
    response.force_close()
    return response
