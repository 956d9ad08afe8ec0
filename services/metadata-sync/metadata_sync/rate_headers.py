"""What a Management API response says of its rate limit.

`x-ratelimit-limit`, `-remaining` and `-reset` (UNIX seconds of the next refill) are on every response;
`Retry-After` (seconds or a date, RFC 9110, 10.2.3) is documented for quotas only. Source: Auth0, Rate Limit
Policy. What cannot be read is treated as absent: a wrong header must not stop a tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_PLAUSIBLE = 1e10


@dataclass(frozen=True, kw_only=True)
class RateHeaders:
    """Seconds since 1970 by the tenant's clock for `reset` and `date`; `retry_after` in seconds from now."""

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    retry_after: float | None = None
    date: float | None = None


def read_rate_headers(headers: Mapping[str, str]) -> RateHeaders:
    """Read them from a case-insensitive mapping."""
    date = _moment(headers.get("Date"))
    return RateHeaders(
        limit=_number(headers.get("x-ratelimit-limit")),
        remaining=_number(headers.get("x-ratelimit-remaining")),
        reset=_number(headers.get("x-ratelimit-reset")),
        retry_after=_retry_after(headers.get("Retry-After"), date=date),
        date=date,
    )


def _number(text: str | None) -> float | None:
    if text is None or not text.isascii() or not text.isdecimal():
        return None
    value = float(text)
    return value if value <= MAX_PLAUSIBLE else None


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _retry_after(text: str | None, *, date: float | None) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    until = _moment(text)
    return max(0.0, until - date) if until is not None and date is not None else None
