"""The calls to another service that are no messages: a new password, or a ticket for one, by metadata-sync.

A password is in memory here while the call runs; it is never stored, queued or logged.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal, NoReturn

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.bodies import read_body_or_nothing
from common.tracing import Kind, Span
from gateway.errors import PasswordCallError, PasswordUnavailableError, PasswordUnknownError
from gateway.settings import PasswordCallSettings

# A little longer than metadata-sync takes for its one attempt.
DEADLINES = aiohttp.ClientTimeout(total=13, connect=3)
MAX_BODY_BYTES = 16 * 1024
_NO_ANSWER = "no_answer"


@dataclass(frozen=True, kw_only=True)
class PasswordAnswer:
    """What the tenant or the directory made of the new password; `code` says why it refused."""

    is_changed: bool
    code: str


class _Ended(BaseModel):
    # Its message is English; our pages say in the person's language what the code means.
    model_config = ConfigDict(extra="ignore")
    outcome: Literal["changed", "refused"]
    code: Annotated[str, Field(max_length=100)]


class _Unavailable(BaseModel):
    model_config = ConfigDict(extra="ignore")
    code: Annotated[str, Field(max_length=100)]
    retry_after: Annotated[int, Field(ge=0, le=86_400)]


class _Ticket(BaseModel):
    model_config = ConfigDict(extra="ignore")
    ticket: Annotated[str, Field(max_length=2000, pattern=r"^https?://[\x21-\x7e]+$")]


class PasswordCalls:
    """Asks metadata-sync to change passwords, or to have the tenant do it."""

    def __init__(self, *, session: aiohttp.ClientSession, settings: PasswordCallSettings) -> None:
        self._session = session
        self._settings = settings

    async def change(
        self, *, tenant: str, transaction_id: str, user_id: str, connection: str, password: str
    ) -> PasswordAnswer:
        """Change it, in one attempt.

        Raises:
            PasswordUnavailableError: certainly not changed; worth another try after `retry_after` seconds.
            PasswordUnknownError: perhaps changed: the person should try the new password.
            PasswordCallError: metadata-sync does not accept the call; trying again does not help.
        """
        demand = {
            "tenant": tenant,
            "transaction_id": transaction_id,
            "user_id": user_id,
            "connection": connection,
            "password": password,
        }
        return _judged(*await self._ask("password", demand))

    async def ticket(self, *, tenant: str, transaction_id: str, user_id: str, result_url: str) -> str:
        """The address of the tenant's own page for a new password, which leads back to `result_url`.

        Raises:
            PasswordUnavailableError: there is none now; worth another try after `retry_after` seconds.
            PasswordUnknownError: there is none that we know of; worth another try.
            PasswordCallError: metadata-sync does not accept the call; trying again does not help.
        """
        demand = {
            "tenant": tenant,
            "transaction_id": transaction_id,
            "user_id": user_id,
            "result_url": result_url,
        }
        status, body = await self._ask("password-ticket", demand)
        if status != HTTPStatus.OK:
            _raise_for(status, body)
        try:
            return _Ticket.model_validate_json(body).ticket
        except ValidationError:
            raise PasswordUnknownError("not an answer of metadata-sync") from None

    async def _ask(self, what: str, demand: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with Span(f"POST /internal/v1/{what}", kind=Kind.CLIENT) as span:
            status, body = await self._answer(what, demand, traceparent=span.traceparent)
            span.note("http.response.status_code", status)
            return status, body

    async def _answer(self, what: str, demand: Mapping[str, str], *, traceparent: str) -> tuple[int, bytes]:
        try:
            async with self._session.post(
                f"{self._settings.url}/internal/v1/{what}",
                json=demand,
                headers={"Authorization": f"Bearer {self._settings.token}", "traceparent": traceparent},
                allow_redirects=False,
            ) as response:
                return response.status, await read_body_or_nothing(response, at_most=MAX_BODY_BYTES)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            raise PasswordUnavailableError(retry_after=1) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise PasswordUnknownError("no answer") from exc


@asynccontextmanager
async def open_password_calls(settings: PasswordCallSettings) -> AsyncIterator[PasswordCalls]:
    """Calls, each with a connection of its own; a CA file of the settings is trusted, not the system's.

    One that was kept may be closing just now: then nobody would know whether the password was changed.
    """
    tls = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=DEADLINES,
        headers={"User-Agent": "waystation-gateway"},
    ) as session:
        yield PasswordCalls(session=session, settings=settings)


def _judged(status: int, body: bytes) -> PasswordAnswer:
    if status != HTTPStatus.OK:
        _raise_for(status, body)
    try:
        ended = _Ended.model_validate_json(body)
    except ValidationError:
        raise PasswordUnknownError("not an answer of metadata-sync") from None
    return PasswordAnswer(is_changed=ended.outcome == "changed", code=ended.code)


def _raise_for(status: int, body: bytes) -> NoReturn:
    """What an answer means that is no 200."""
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise PasswordCallError(f"status {status}")
    if status != HTTPStatus.SERVICE_UNAVAILABLE:
        raise PasswordUnknownError(f"status {status}")
    try:
        unavailable = _Unavailable.model_validate_json(body)
    except ValidationError:
        raise PasswordUnknownError("not an answer of metadata-sync") from None
    if unavailable.code == _NO_ANSWER:
        raise PasswordUnknownError("the tenant gave no answer")
    raise PasswordUnavailableError(retry_after=unavailable.retry_after)
