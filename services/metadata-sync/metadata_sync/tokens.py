"""Access tokens for the Management API: one per domain and client, fetched once for all who wait."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.bodies import BodyTooLongError, read_body
from common.clock import Clock
from metadata_sync.account import Account
from metadata_sync.asked import Asked
from metadata_sync.errors import CredentialsError, NotSentError, RateLimitedError
from metadata_sync.rate_headers import read_rate_headers

EARLY_SECONDS = 60.0
MAX_BODY_BYTES = 64 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


class _TokenAnswer(BaseModel):
    """RFC 6749, 5.1."""

    model_config = ConfigDict(extra="ignore")

    access_token: str = Field(max_length=8192, pattern=rf"^{_TOKEN.pattern}$")
    expires_in: float = Field(gt=0, le=30 * 86_400)


@dataclass(frozen=True, kw_only=True)
class _Cached:
    text: str = field(repr=False)
    until: float


class TokenSource:
    """Keeps tokens until a minute before they expire, or until the tenant refuses them."""

    def __init__(self, *, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._cached: dict[tuple[str, str], _Cached] = {}
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, account: Account, *, refused: str | None = None) -> str:
        """A token, a newer one than `refused`: of many whose token was refused, one fetches another.

        Raises:
            CredentialsError: the tenant does not know our client, its secret or its grant.
            RateLimitedError: it asks us to wait.
            NotSentError: it gave no answer that holds a token.
        """
        key = (account.domain, account.client_id)
        async with self._locks[key]:
            cached = self._cached.get(key)
            if cached is None or cached.text == refused or self._clock.monotonic() >= cached.until:
                cached = await self._fetch(account)
                self._cached[key] = cached
        return cached.text

    async def _fetch(self, account: Account) -> _Cached:
        asked_at = self._clock.monotonic()
        body = await self._ask(account)
        try:
            answer = _TokenAnswer.model_validate_json(body)
        except ValidationError:
            raise NotSentError("token_unreadable") from None
        lifetime = max(answer.expires_in - EARLY_SECONDS, answer.expires_in / 2)
        return _Cached(text=answer.access_token, until=asked_at + lifetime)

    async def _ask(self, account: Account) -> bytes:
        form = {
            "grant_type": "client_credentials",
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "audience": account.audience,
        }
        with Asked("token", host=account.domain) as asked:
            try:
                async with self._session.post(
                    account.url("/oauth/token"), json=form, allow_redirects=False
                ) as response:
                    asked.answered(response.status)
                    _judge(response)
                    return await read_body(response, at_most=MAX_BODY_BYTES)
            except (aiohttp.ClientError, TimeoutError, OSError) as exc:
                raise NotSentError("token_unavailable") from exc
            except BodyTooLongError as exc:
                raise NotSentError("token_unreadable") from exc


def _judge(response: aiohttp.ClientResponse) -> None:
    match response.status:
        case 200:
            return
        case 429:
            # This is the Authentication API's limit: its counts say nothing about ours.
            headers = replace(read_rate_headers(response.headers), limit=None, remaining=None)
            raise RateLimitedError("token_rate_limited", headers=headers)
        case 400 | 401 | 403 | 404:
            raise CredentialsError("token_refused")
        case _:
            raise NotSentError("token_unavailable")
