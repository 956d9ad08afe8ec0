"""The one call to another service that is no message: a new password, through metadata-sync to the tenant.

A password is in memory here while the call runs; it is never stored, queued or logged.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import PasswordCallError, PasswordUnavailableError, PasswordUnknownError
from gateway.settings import PasswordCallSettings

# A little longer than metadata-sync takes for its one attempt.
DEADLINES = aiohttp.ClientTimeout(total=13, connect=3)
MAX_BODY_BYTES = 16 * 1024
_NO_ANSWER = "no_answer"


@dataclass(frozen=True, kw_only=True)
class PasswordAnswer:
    """What the tenant made of the new password; `code` and `message` say why it refused, for people."""

    is_changed: bool
    code: str
    message: str


class _Ended(BaseModel):
    model_config = ConfigDict(extra="ignore")
    outcome: Literal["changed", "refused"]
    code: Annotated[str, Field(max_length=100)]
    message: Annotated[str, Field(max_length=1000)]


class _Unavailable(BaseModel):
    model_config = ConfigDict(extra="ignore")
    code: Annotated[str, Field(max_length=100)]
    retry_after: Annotated[int, Field(ge=0, le=86_400)]


class PasswordCalls:
    """Asks metadata-sync to change passwords."""

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
        try:
            async with self._session.post(
                f"{self._settings.url}/internal/v1/password",
                json=demand,
                headers={"Authorization": f"Bearer {self._settings.token}"},
                allow_redirects=False,
            ) as response:
                return _judged(response.status, await response.content.read(MAX_BODY_BYTES))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            raise PasswordUnavailableError(retry_after=1) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise PasswordUnknownError("no answer") from exc


@asynccontextmanager
async def open_password_calls(settings: PasswordCallSettings) -> AsyncIterator[PasswordCalls]:
    """Calls with connections of their own; a CA file of the settings is trusted instead of the system's."""
    tls = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=DEADLINES,
        headers={"User-Agent": "waystation-gateway"},
    ) as session:
        yield PasswordCalls(session=session, settings=settings)


def _judged(status: int, body: bytes) -> PasswordAnswer:
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise PasswordCallError(f"status {status}")
    try:
        match status:
            case 200:
                ended = _Ended.model_validate_json(body)
                return PasswordAnswer(
                    is_changed=ended.outcome == "changed", code=ended.code, message=ended.message
                )
            case 503:
                unavailable = _Unavailable.model_validate_json(body)
            case _:
                raise PasswordUnknownError(f"status {status}")
    except ValidationError:
        raise PasswordUnknownError("not an answer of metadata-sync") from None
    if unavailable.code == _NO_ANSWER:
        raise PasswordUnknownError("the tenant gave no answer")
    raise PasswordUnavailableError(retry_after=unavailable.retry_after)
