"""The doctor's look at tenants: what a login and our services reach of each, and whether clocks agree."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp

from common.bodies import read_body_or_nothing
from common.doctor import Finding, Patient, fail, ok
from common.doctor_database import judge_clock
from common.outgoing import RefusedAddressError
from common.tenant_fields import origin_of
from common.tenant_models import Tenant

MAX_BYTES = 64 * 1024
SECONDS = aiohttp.ClientTimeout(total=8, connect=3)


class OddAnswerError(ValueError):
    """What came is not what was asked for; the text tells a status at most."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A JSON object, and how far the server's clock is ahead of ours, to the second; None if it has none."""

    content: dict[str, Any]
    ahead: float | None


# What ends a request that leads nowhere.
NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError, OddAnswerError)


@asynccontextmanager
async def open_web(patient: Patient) -> AsyncIterator[aiohttp.ClientSession]:
    """Goes where the service may go, and follows no redirect."""
    async with aiohttp.ClientSession(
        connector=patient.outgoing.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=SECONDS,
        headers={"User-Agent": "waystation-doctor", "Accept-Encoding": "identity"},
    ) as session:
        yield session


async def fetch(session: aiohttp.ClientSession, url: str) -> Answer:
    """A JSON object at an address.

    Raises:
        NO_ANSWER: one of them.
    """
    asked = time.time()
    async with session.get(url, allow_redirects=False) as response:
        if response.status != HTTPStatus.OK:
            raise OddAnswerError(f"status {response.status}")
        body = await read_body(response)
        date = response.headers.get("Date")
    try:
        content = json.loads(body)
    except ValueError:
        raise OddAnswerError("no JSON") from None
    if not isinstance(content, dict):
        raise OddAnswerError("no JSON object")
    return Answer(content=content, ahead=_ahead(date, (asked + time.time()) / 2))


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The body; nothing of one that is longer than anything that the doctor asks for."""
    return await read_body_or_nothing(response, at_most=MAX_BYTES)


def _ahead(date: str | None, now: float) -> float | None:
    """A date names the beginning of a second."""
    try:
        return parsedate_to_datetime(date or "").timestamp() + 0.5 - now
    except ValueError:
        return None


def reason_of(exc: BaseException) -> str:
    """In words without anybody's own."""
    if isinstance(exc, OddAnswerError):
        return str(exc)
    return "its address is not public" if isinstance(exc, RefusedAddressError) else type(exc).__name__


async def look_at_hosts(patient: Patient, tenant: Tenant) -> Sequence[Finding]:
    """Discovery and keys of each host that logins come from, and the clock of the first that answers."""
    async with open_web(patient) as session:
        found = [await _host(session, tenant, host) for host in tenant.hosts]
    clocks = [clock for _, clock in found if clock is not None]
    return [*(finding for finding, _ in found), *clocks[:1]]


async def _host(session: aiohttp.ClientSession, tenant: Tenant, host: str) -> tuple[Finding, Finding | None]:
    about, origin = f"tenant {tenant.key}, {host}", origin_of(host)
    try:
        told = await fetch(session, f"{origin}/.well-known/openid-configuration")
        keys = await fetch(session, f"{origin}/.well-known/jwks.json")
    except NO_ANSWER as exc:
        fix = f"Correct hosts of tenant {tenant.key}, or let us reach {host}; is it set up at Auth0?"
        return fail(about, f"discovery or keys cannot be had ({reason_of(exc)})", fix=fix), None
    clock = (
        None if told.ahead is None else judge_clock(f"clock of tenant {tenant.key}", told.ahead, coarse=1.0)
    )
    if str(told.content.get("issuer", "")).removesuffix("/") != origin:
        fix = f"Put the host of its own issuer into hosts of tenant {tenant.key}."
        return fail(about, "calls itself by another name in its discovery document", fix=fix), clock
    if not keys.content.get("keys"):
        return fail(about, "publishes no keys", fix="Ask Auth0: its tokens cannot be verified."), clock
    return ok(about, "discovery and keys are there"), clock
