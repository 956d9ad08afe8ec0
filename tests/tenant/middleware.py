"""What every request passes: the call log, planted faults, rate limits, and errors by name."""

import asyncio
import json
import socket
import struct
import time
from typing import Any

import jwt
from aiohttp import web
from aiohttp.typedefs import Handler

from tests.tenant.calllog import CallLog
from tests.tenant.client_auth import basic_credentials
from tests.tenant.errors import ApiError, ControlError, OAuthError, PageError, TenantError
from tests.tenant.faults import Call, Fault, Faults
from tests.tenant.keys import Keys
from tests.tenant.pages import page
from tests.tenant.ratelimit import Limiter, Verdict
from tests.tenant.settings import Choices
from tests.tenant.visit import NOTES, Notes, parse_body, text

_STATUS_NAMES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
_LIMITED = frozenset({"/authorize", "/oauth/token", "/.well-known/jwks.json", "/u/login", "/continue"})
_CONTROL = "/__control"
_MANAGEMENT = "/api/v2"


class Middleware:
    """The four layers, outermost first."""

    def __init__(
        self, *, log: CallLog, faults: Faults, limiter: Limiter, keys: Keys, choices: Choices
    ) -> None:
        self._log = log
        self._faults = faults
        self._limiter = limiter
        self._keys = keys
        self._choices = choices

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Write the exchange to the call log."""
        notes = request[NOTES] = Notes()
        if request.path.startswith(_CONTROL):
            return await handler(request)
        started = time.time()
        body = await request.read()
        response = await handler(request)
        gone = request.transport is None or request.transport.is_closing()
        self._log.add(request, body=body, notes=notes, started=started, response=None if gone else response)
        return response

    @web.middleware
    async def fault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the first planted fault that fits."""
        if not self._faults.any or request.path.startswith(_CONTROL):
            return await handler(request)
        rule = self._faults.find(await _call(request))
        if rule is None:
            return await handler(request)
        request[NOTES].fault = rule.id
        return await self._apply(rule, request, handler)

    async def _apply(self, rule: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        notes = request[NOTES]
        notes.stale_read, notes.expire_token = rule.stale_read, rule.expire_token
        if rule.rotate_jwks:
            self._keys.rotate()
        await asyncio.sleep(rule.delay)
        response = await handler(request) if rule.runs_handler else web.Response(status=502)
        if rule.status is not None:
            response = _planted(rule)
        elif rule.headers:
            response.headers.update(rule.headers)
        if rule.truncate is not None:
            return await _truncate(request, response, rule)
        if rule.reset is not None:
            _reset(request)
        return response

    @web.middleware
    async def limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Take from the bucket of the endpoint, and tell what is left in it."""
        verdict = self._verdict(request)
        if verdict is None:
            return await handler(request)
        request[NOTES].rate_limit = vars(verdict)
        response = await handler(request) if verdict.allowed else self._too_many(request, verdict)
        response.headers.update(verdict.headers)
        return response

    def _verdict(self, request: web.Request) -> Verdict | None:
        if request.path.startswith(_MANAGEMENT):
            users = request.path.startswith((f"{_MANAGEMENT}/users/", f"{_MANAGEMENT}/users-by-email"))
            return self._limiter.management(
                request.method, users=users or request.path == f"{_MANAGEMENT}/users"
            )
        if request.path in _LIMITED:
            return self._limiter.authentication(request.path)
        return None

    def _too_many(self, request: web.Request, verdict: Verdict) -> web.Response:
        message = "Global limit has been reached"
        body: dict[str, Any] = {"error": "too_many_requests", "error_description": message}
        if request.path.startswith(_MANAGEMENT):
            body = {"statusCode": 429, "error": "Too Many Requests"}
            if self._choices.limit_body == "full":
                body |= {"message": message, "errorCode": "too_many_requests"}
        response = web.json_response(body, status=429)
        if self._choices.retry_after == "on":
            response.headers["Retry-After"] = str(max(1, verdict.reset - int(time.time())))
        return response

    @web.middleware
    async def errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn named errors into the answers that Auth0 gives."""
        try:
            return await handler(request)
        except TenantError as exc:
            return _answer(exc)
        except web.HTTPException as exc:
            if request.path.startswith(_MANAGEMENT):
                return _api(ApiError(exc.status, exc.reason))
            return web.Response(status=exc.status, text=exc.text)


def _answer(error: TenantError) -> web.Response:
    match error:
        case PageError():
            return _page(error)
        case OAuthError():
            body = {"error": error.error, "error_description": error.description}
            headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
            return web.json_response(body, status=error.status, headers=headers)
        case ApiError():
            return _api(error)
        case ControlError():
            return web.json_response({"error": str(error)}, status=error.status)
        case _:
            raise error


def _page(error: PageError) -> web.Response:
    if error.login_uri is not None:
        return web.Response(status=302, headers={"Location": error.login_uri, "Cache-Control": "no-store"})
    return page("error.html", status=error.status, error=error.error, description=error.description)


def _api(error: ApiError) -> web.Response:
    body: dict[str, Any] = {
        "statusCode": error.status,
        "error": _STATUS_NAMES.get(error.status, "Error"),
        "message": error.message,
    }
    if error.code is not None:
        body["errorCode"] = error.code
    if error.status == 401:
        body["attributes"] = {"error": error.message}
    return web.json_response(body, status=error.status)


def _planted(rule: Fault) -> web.Response:
    body = rule.body if isinstance(rule.body, str) else json.dumps(rule.body if rule.body is not None else {})
    response = web.Response(status=rule.status or 200, text=body, content_type="application/json")
    response.headers.update(rule.headers)
    return response


async def _truncate(request: web.Request, response: web.StreamResponse, rule: Fault) -> web.StreamResponse:
    """Cut the body; with `reset` the full length is announced and the connection breaks in the middle."""
    whole = response.body if isinstance(response, web.Response) else b""
    data = whole if isinstance(whole, bytes | bytearray) else b""
    cut = web.StreamResponse(status=response.status, headers=response.headers)
    cut.content_length = len(data) if rule.reset is not None else min(len(data), rule.truncate or 0)
    await cut.prepare(request)
    await cut.write(bytes(data[: rule.truncate]))
    if rule.reset is not None:
        _reset(request)
    return cut


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _call(request: web.Request) -> Call:
    body = parse_body(await request.read(), content_type=request.content_type)
    client_id = request.query.get("client_id", "") or text(body, "client_id") or _client_of(request)
    user_id = request.match_info.get("user_id", "")
    return Call(
        method=request.method,
        path=request.path,
        raw_path=request.raw_path,
        client_id=client_id,
        user_id=user_id,
    )


def _client_of(request: web.Request) -> str:
    if (basic := basic_credentials(request)) is not None:
        return basic[0]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return ""
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("azp", ""))
    except (jwt.InvalidTokenError, ValueError):
        return ""
