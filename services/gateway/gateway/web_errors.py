"""Every way a request can fail becomes a page, and one line in the log."""

import time
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from common.db import DatabaseUnavailableError
from common.vault import VaultError
from gateway.errors import (
    SAME_ADDRESS,
    BadRequestError,
    ConflictError,
    MethodError,
    NotFoundError,
    PageError,
    TooManyError,
    TryAgainError,
    UnforeseenError,
)
from gateway.jwks_fetch import KeySetUnavailableError
from gateway.metrics import REQUEST_DURATION
from gateway.pages import PAGE, render
from gateway.request_spans import note_response, request_span

RETRY_AFTER_SECONDS = "5"

log = structlog.stdlib.get_logger()


@web.middleware
async def one_line_per_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log what was served: the route's template, never the path, the query or a header."""
    started = time.perf_counter()
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    with request_span(request, route=route) as span:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**span.log_context)
        response = await handler(request)
        note_response(span, response.status)
    seconds = time.perf_counter() - started
    REQUEST_DURATION.labels(_known(request.method), route, str(response.status)).observe(seconds)
    log.info(
        "request.served",
        http_request_method=request.method if request.method.isalpha() else "?",
        http_route=route,
        http_response_status_code=response.status,
        duration_ms=round(seconds * 1000, 1),
    )
    return response


def _known(method: str) -> str:
    """Of methods there are as many as anybody likes to send."""
    return method if method in hdrs.METH_ALL else "other"


@web.middleware
async def errors_as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the page of a `PageError`; what nobody foresaw is a 500 with a trace in the log."""
    try:
        return await handler(request)
    except PageError as exc:
        log.warning("request.refused", code=exc.code, http_response_status_code=exc.status)
        return error_page(request, exc)
    except web.HTTPException as exc:
        return _framework_error(request, exc)
    except (DatabaseUnavailableError, KeySetUnavailableError, ConflictError) as exc:
        log.warning("request.not_possible_now", error_type=type(exc).__name__)
        return error_page(request, TryAgainError("try_again", again_url=SAME_ADDRESS))
    except VaultError:
        log.exception("vault.does_not_open")
        return error_page(request, TryAgainError("vault", again_url=SAME_ADDRESS))
    except Exception:
        log.exception("request.failed")
        return error_page(request, UnforeseenError("unforeseen"))


def error_page(request: web.Request, error: PageError) -> web.Response:
    html = render("error", page=request[PAGE], error=error)
    response = web.Response(text=html, content_type="text/html", status=error.status)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(error, TooManyError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _framework_error(request: web.Request, exc: web.HTTPException) -> web.StreamResponse:
    if exc.status == HTTPStatus.METHOD_NOT_ALLOWED:
        response = error_page(request, MethodError("method"))
        response.headers["Allow"] = exc.headers.get("Allow", "")
        return response
    if exc.status == HTTPStatus.NOT_FOUND:
        return error_page(request, NotFoundError("unknown_path"))
    log.warning("request.refused", code="framework", http_response_status_code=exc.status)
    return error_page(request, BadRequestError("framework"))
