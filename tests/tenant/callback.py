"""The way back to the application, in the response mode it asked for."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from tests.tenant.errors import OAuthError
from tests.tenant.logins import Login
from tests.tenant.pages import page
from tests.tenant.visit import text

RESPONSE_MODES = ("query", "fragment", "form_post", "web_message")


def answer(params: dict[str, Any], values: dict[str, str]) -> web.Response:
    """Send `values` and the application's own state to its redirect_uri.

    Args:
        params: those of /authorize; redirect_uri has been checked.
        values: `code`, or `error` and `error_description`.
    """
    state = text(params, "state")
    sent = {**values, "state": state} if state else values
    uri = text(params, "redirect_uri")
    match text(params, "response_mode"):
        case "form_post":
            return page("form_post.html", uri=uri, values=sent)
        case "web_message":
            message = {"type": "authorization_response", "response": sent}
            return page("web_message.html", message=_script_json(message), origin=_script_json(_origin(uri)))
        case "fragment":
            return _redirect(urlunsplit(urlsplit(uri)._replace(fragment=_encoded(sent.items()))))
        case _:
            return _redirect(_with_query(uri, sent))


def error_answer(params: dict[str, Any], error: OAuthError) -> web.Response:
    """The same for an error."""
    return answer(params, {"error": error.error, "error_description": error.description})


def code_answer(login: Login, code: str) -> web.Response:
    """The same for the end of a login."""
    return answer(login.params, {"code": code})


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _with_query(uri: str, values: dict[str, str]) -> str:
    parts = urlsplit(uri)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *values.items()]
    return urlunsplit(parts._replace(query=_encoded(query)))


def _encoded(pairs: Iterable[tuple[str, str]]) -> str:
    return urlencode(list(pairs), errors="replace")  # an Action's reason may hold half a character


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _script_json(value: Any) -> str:
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
