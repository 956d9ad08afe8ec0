"""The Management API, as much of it as we use: PATCH /api/v2/users/{id} with one kind of write, and tickets.

One call is one request: nothing is repeated in here but what a newly fetched token may cure. What an answer
means is in its class (errors.py); its body is thrown away, since it is the whole profile of a person, but for
that of a 400, whose text alone tells why, and a ticket.
Sources: Auth0, Management API v2 (Update a user); Manage Metadata; Rate Limit Policy.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDictProxy

from common.bodies import BodyTooLongError, pieces
from common.clock import Clock
from common.messages import Kind
from common.outgoing import Outgoing
from metadata_sync.account import Account
from metadata_sync.asked import Asked
from metadata_sync.coalesce import Patch
from metadata_sync.errors import (
    CredentialsError,
    EndNotSeenError,
    NotSentError,
    PasswordRefusedError,
    RateLimitedError,
    RefusedError,
    RootSyncedError,
)
from metadata_sync.rate_headers import RateHeaders, read_rate_headers
from metadata_sync.tokens import TokenSource

DEADLINES = aiohttp.ClientTimeout(total=10, connect=3, sock_read=5)
KEEP_ALIVE_SECONDS = 15.0
THROW_AWAY_SECONDS = 0.25
THROW_AWAY_BYTES = 64 * 1024

# Auth0's text for people whose connection has "Sync user profile attributes at each login".
_ROOT_SYNCED = "The following user attributes cannot be updated"

# What Auth0's texts name of a connection's password policy, and our codes for it.
PASSWORD_POLICY = {
    "PasswordStrengthError": "password_strength",
    "PasswordNoUserInfoError": "password_no_user_info",
    "PasswordHistoryError": "password_history",
    "PasswordDictionaryError": "password_common",
}

# Long enough for a new password, and shorter than the login that it interrupts.
TICKET_SECONDS = 900

_READ = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CREATED})

REFUSALS = {
    400: "payload_refused",
    404: "user_not_found",
    409: "conflict",
    413: "payload_refused",
    422: "payload_refused",
}


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The tenant answered 200; `sent` requests were needed for it."""

    sent: int
    headers: RateHeaders


@dataclass(frozen=True, kw_only=True)
class _Response:
    """`text` is that of a refusal: what it says may be personal, and is compared with fixed words only."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Ticket(Accepted):
    """The tenant answered 201; whoever has `url` can set the password of that user once."""

    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class _Call:
    operation: str
    method: str
    path: str
    body: Mapping[str, Any] = field(repr=False)


class ManagementClient:
    """Writes to any tenant's users."""

    def __init__(self, *, session: aiohttp.ClientSession, tokens: TokenSource) -> None:
        self._session = session
        self._tokens = tokens

    async def patch_user(self, account: Account, user_id: str, *, patch: Patch) -> Accepted:
        """Set the patch's keys of one user.

        Raises:
            ManagementError: one of its classes, for everything but a 200.
        """
        body = patch.body() if patch.kind is Kind.ROOT else {str(patch.kind): patch.body()}
        response, sent = await self._patch(account, user_id, body=body)
        if response.status == HTTPStatus.BAD_REQUEST and _ROOT_SYNCED in response.text:
            headers = read_rate_headers(response.headers)
            raise RootSyncedError("attributes_synced", sent=sent, headers=headers)
        return _judged(response, sent=sent)

    async def change_password(
        self, account: Account, user_id: str, *, connection: str, password: str
    ) -> Accepted:
        """Give one user of a database connection a new password.

        Raises:
            ManagementError: one of its classes, for everything but a 200.
        """
        body = {"password": password, "connection": connection}
        response, sent = await self._patch(account, user_id, body=body)
        if response.status == HTTPStatus.BAD_REQUEST:
            code = next((code for name, code in PASSWORD_POLICY.items() if name in response.text), None)
            headers = read_rate_headers(response.headers)
            raise PasswordRefusedError(code or "password_refused", sent=sent, headers=headers)
        return _judged(response, sent=sent)

    async def create_password_ticket(self, account: Account, user_id: str, *, result_url: str) -> Ticket:
        """The address of the tenant's own page for a new password, which comes back to `result_url`.

        Raises:
            ManagementError: one of its classes, for everything but a 201.
        """
        body = {"user_id": user_id, "result_url": result_url, "ttl_sec": TICKET_SECONDS}
        call = _Call(
            operation="create_ticket", method="POST", path="/api/v2/tickets/password-change", body=body
        )
        response, sent = await self._make(account, call)
        headers = read_rate_headers(response.headers)
        if response.status == HTTPStatus.FORBIDDEN:
            # A scope that nothing else needs: the tenant's other writes go on.
            raise RefusedError("ticket_forbidden", sent=sent, headers=headers)
        if response.status != HTTPStatus.CREATED:
            _judged(response, sent=sent)
        try:
            return Ticket(sent=sent, headers=headers, url=str(json.loads(response.text)["ticket"]))
        except (ValueError, LookupError, TypeError):
            raise EndNotSeenError("unreadable_answer", sent=sent, headers=headers) from None

    async def _patch(
        self, account: Account, user_id: str, *, body: Mapping[str, Any]
    ) -> tuple[_Response, int]:
        path = f"/api/v2/users/{quote(user_id, safe='')}"
        return await self._make(account, _Call(operation="patch_user", method="PATCH", path=path, body=body))

    async def _make(self, account: Account, call: _Call) -> tuple[_Response, int]:
        """The response, and how many requests were sent for it."""
        token = await self._tokens.token(account)
        response, sent = await self._send(account, call, token=token, sent=1), 1
        if response.status == HTTPStatus.UNAUTHORIZED:
            token = await self._tokens.token(account, refused=token)
            response, sent = await self._send(account, call, token=token, sent=2), 2
        return response, sent

    async def _send(self, account: Account, call: _Call, *, token: str, sent: int) -> _Response:
        with Asked(call.operation, host=account.domain, resend=sent - 1) as asked:
            response = await self._sent(account, call, token=token, sent=sent)
            asked.answered(response.status)
            return response

    async def _sent(self, account: Account, call: _Call, *, token: str, sent: int) -> _Response:
        try:
            async with self._session.request(
                call.method,
                account.url(call.path),
                json=call.body,
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
            ) as response:
                text = await _read(response)
                return _Response(status=response.status, headers=response.headers, text=text)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            raise NotSentError("unreachable", sent=sent - 1) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise EndNotSeenError("no_answer", sent=sent) from exc


@asynccontextmanager
async def open_management_client(
    clock: Clock, *, outgoing: Outgoing, deadlines: aiohttp.ClientTimeout = DEADLINES
) -> AsyncIterator[ManagementClient]:
    """A client with its own connections, for all tenants."""
    async with aiohttp.ClientSession(
        connector=outgoing.connector(limit=0, keep_alive=KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=deadlines,
        headers={"User-Agent": "waystation-metadata-sync", "Accept-Encoding": "identity"},
    ) as session:
        # aiohttp would repeat what it takes for idempotent on a dropped connection, unseen by our budget.
        session._retry_connection = False  # noqa: SLF001 - there is no public name for it
        yield ManagementClient(session=session, tokens=TokenSource(session=session, clock=clock))


async def _read(response: aiohttp.ClientResponse) -> str:
    """Read to the end, so that the connection can be used again; what is not in `_READ` is thrown away."""
    body = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError, BodyTooLongError):
        async with asyncio.timeout(THROW_AWAY_SECONDS):
            async for piece in pieces(response, at_most=THROW_AWAY_BYTES):
                if response.status in _READ:
                    body += piece
    return body.decode(errors="replace")


def _judged(response: _Response, *, sent: int) -> Accepted:
    headers = read_rate_headers(response.headers)
    match response.status:
        case 200:
            return Accepted(sent=sent, headers=headers)
        case 429:
            raise RateLimitedError("rate_limited", sent=sent, headers=headers)
        case 401:
            raise CredentialsError("unauthorized", sent=sent, headers=headers)
        case 403:
            raise CredentialsError("forbidden", sent=sent, headers=headers)
        case status if status in REFUSALS:
            raise RefusedError(REFUSALS[status], sent=sent, headers=headers)
        case status:
            # A gateway between us and the tenant may have given up on a write that still happens.
            raise EndNotSeenError(f"status_{status}", sent=sent, headers=headers)
