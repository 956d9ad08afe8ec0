"""The calls between services that are no messages, for the gateway alone: a password, or a ticket for one.

`POST /internal/v1/password` `{tenant, transaction_id, user_id, connection, password}` with a bearer token is
answered by 200 `{outcome: "changed"|"refused", code, message}`, or by 503 `{code, retry_after}`; after code
`no_answer` the password may have been changed. `POST /internal/v1/password-ticket` `{tenant, transaction_id,
user_id, result_url}` is answered by 200 `{ticket}`, the address of the tenant's own page, or by the same 503.
Anything else is 4xx `{error}`, and never repeats what it was sent.
"""

import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

import structlog
from aiohttp import web
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from common import tracing
from common.db import DatabaseUnavailableError
from common.farewell import Farewell
from common.log import bound
from common.messages import Identifier
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from common.tracing import Kind, Span
from metadata_sync.coalesce import refuse_unfit
from metadata_sync.errors import PasswordUnavailableError, UnfitUpdateError
from metadata_sync.passwords import MESSAGES, Passwords
from metadata_sync.settings import InternalListener

PATH, TICKET_PATH = "/internal/v1/password", "/internal/v1/password-ticket"
MAX_BODY_BYTES = 8 * 1024
SHUTDOWN_SECONDS = 12

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Demand:
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    tenant: Identifier
    transaction_id: Identifier
    user_id: Identifier
    connection: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class _TicketDemand:
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    tenant: Identifier
    transaction_id: Identifier
    user_id: Identifier
    result_url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[\x21-\x7e]+$")]


_AnyDemand = TypeVar("_AnyDemand", _Demand, _TicketDemand)
_DEMAND, _TICKET_DEMAND = TypeAdapter(_Demand), TypeAdapter(_TicketDemand)


@asynccontextmanager
async def serve_internal(
    listener: InternalListener, *, tenants: TenantsWatcher, passwords: Passwords, farewell: Farewell
) -> AsyncIterator[None]:
    """Serve while the block runs; what runs is ended."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    calls = _PasswordCalls(listener.tokens, tenants=tenants, passwords=passwords)
    app.router.add_post(PATH, calls.change)
    app.router.add_post(TICKET_PATH, calls.ticket)
    app.on_response_prepare.append(farewell.end_connection)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        address = listener.address
        await web.TCPSite(runner, address.host, address.port, ssl_context=_tls(listener)).start()
        yield
    finally:
        await runner.cleanup()


class _PasswordCalls:
    def __init__(self, tokens: tuple[str, ...], *, tenants: TenantsWatcher, passwords: Passwords) -> None:
        self._digests = tuple(_digest(token) for token in tokens)
        self._tenants = tenants
        self._passwords = passwords

    async def change(self, request: web.Request) -> web.Response:
        return await self._answer(request, _DEMAND, self._change)

    async def ticket(self, request: web.Request) -> web.Response:
        return await self._answer(request, _TICKET_DEMAND, self._ticket)

    async def _answer(
        self,
        request: web.Request,
        demanded: TypeAdapter[_AnyDemand],
        act: Callable[[Tenant, _AnyDemand], Awaitable[web.Response]],
    ) -> web.Response:
        if not self._is_authorized(request.headers.get("Authorization", "")):
            return _refusal(401, "unauthorized", headers={"WWW-Authenticate": "Bearer"})
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            return _refusal(415, "not_json")
        try:
            demand = demanded.validate_json(await request.read())
            refuse_unfit(demand.user_id, {})
        except (ValidationError, UnfitUpdateError):
            # From neither: a validation error repeats what it was given.
            return _refusal(400, "malformed")
        with (
            _span(request) as span,
            bound(tenant=demand.tenant, transaction_id=demand.transaction_id, **span.log_context),
        ):
            response = await self._acted(demand, act)
            span.note("http.response.status_code", response.status)
            return response

    async def _acted(
        self, demand: _AnyDemand, act: Callable[[Tenant, _AnyDemand], Awaitable[web.Response]]
    ) -> web.Response:
        tenant = self._tenants.current.get(demand.tenant)
        if tenant is None:
            return _refusal(404, "tenant_unknown")
        try:
            return await act(tenant, demand)
        except PasswordUnavailableError as exc:
            return _unavailable(exc.reason, retry_after=exc.retry_after)
        except DatabaseUnavailableError:
            return _unavailable("database_unavailable", retry_after=1)

    def _is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        digest = _digest(token)
        known = [hmac.compare_digest(digest, one) for one in self._digests]
        return scheme.lower() == "bearer" and any(known)

    async def _ticket(self, tenant: Tenant, demand: _TicketDemand) -> web.Response:
        url = await self._passwords.ticket(tenant, demand.user_id, result_url=demand.result_url)
        log.info("password.ticket_made")
        return web.json_response({"ticket": url})

    async def _change(self, tenant: Tenant, demand: _Demand) -> web.Response:
        code = await self._passwords.change(
            tenant, demand.user_id, connection=demand.connection, password=demand.password
        )
        if code is None:
            log.info("password.changed")
            return web.json_response(
                {"outcome": "changed", "code": "changed", "message": "Password changed."}
            )
        log.info("password.refused", reason=code)
        return web.json_response({"outcome": "refused", "code": code, "message": MESSAGES[code]})


def _span(request: web.Request) -> Span:
    """A part of what the gateway does, who alone has the token."""
    asked = request.headers.get("traceparent", tracing.NOBODY)
    return Span(f"POST {request.path}", kind=Kind.SERVER, parent=asked)


def _unavailable(reason: str, *, retry_after: int) -> web.Response:
    log.warning("password.unavailable", reason=reason)
    return web.json_response(
        {"code": reason, "retry_after": retry_after}, status=503, headers={"Retry-After": str(retry_after)}
    )


def _refusal(status: int, error: str, *, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": error}, status=status, headers=headers)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _tls(listener: InternalListener) -> ssl.SSLContext | None:
    if listener.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(listener.certificate, listener.private_key)
    return context
