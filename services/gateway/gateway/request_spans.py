"""The span of a request: a part of its login's trace, as soon as it shows which login it is about."""

from http import HTTPStatus

from aiohttp import web

from common import tracing
from common.tracing import Attribute, Kind, Span


def request_span(request: web.Request, *, route: str) -> Span:
    """A span by the route's template. What sends the request may name a trace of its own, to be linked with.

    It is no parent: who asks does not decide which trace a login is in, or that it is told.
    """
    method = request.method if request.method.isalpha() else "?"

    def attributes() -> dict[str, Attribute]:
        return {"http.request.method": method, "http.route": route}

    links: tuple[str, ...] = ()
    if tracing.is_exported():
        claimed = request.headers.getall("traceparent", [])
        links = tuple(claimed) if len(claimed) == 1 and tracing.is_traceparent(claimed[0]) else ()
    return Span(
        f"{method} {route}", kind=Kind.SERVER, parent=tracing.NOBODY, links=links, attributes=attributes
    )


def note_response(span: Span, status: int) -> None:
    """Of requests that belong to no login only those that failed here are told."""
    span.note("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.error = str(status)
    elif span.parent_id is None:
        span.forget()
