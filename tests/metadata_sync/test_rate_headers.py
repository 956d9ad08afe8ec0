"""Reading what the tenant says of its limit."""

import pytest
from multidict import CIMultiDict

from metadata_sync.rate_headers import RateHeaders, read_rate_headers

DATE = "Sun, 22 Nov 2026 12:00:00 GMT"
NOON = 1_795_348_800.0


def test_all_headers_are_read() -> None:
    """Limit, remaining and reset as numbers, Retry-After in seconds, Date as seconds since 1970."""
    headers = CIMultiDict(
        {
            "X-RateLimit-Limit": "50",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1795348801",
            "Retry-After": "7",
            "Date": DATE,
        }
    )
    assert read_rate_headers(headers) == RateHeaders(
        limit=50, remaining=0, reset=NOON + 1, retry_after=7, date=NOON
    )


def test_retry_after_may_be_a_date() -> None:
    """An HTTP date counts from the response's own date."""
    headers = CIMultiDict({"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT", "Date": DATE})
    assert read_rate_headers(headers).retry_after == 30


@pytest.mark.parametrize("text", ["", "-1", "1.5", "many", "１２", "9" * 400, "1e9", "\udcff"])  # noqa: RUF001 - digits that are not ASCII
def test_nonsense_is_absence(text: str) -> None:
    """A header that cannot be read is as good as none."""
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "Retry-After", "Date")
    assert read_rate_headers(CIMultiDict(dict.fromkeys(names, text))) == RateHeaders()
