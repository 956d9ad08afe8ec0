"""Every request that the tenant answered, for tests to read."""

import asyncio
import hashlib
import itertools
import re
import time
from collections import deque
from typing import Any

from aiohttp import web

from tests.tenant.clock import iso
from tests.tenant.visit import Notes

_KEPT = 10_000
_HASHED = frozenset({"authorization"})


class CallLog:
    """Entries in order of their answers, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self._arrived = asyncio.Event()

    def add(
        self,
        request: web.Request,
        *,
        body: bytes,
        notes: Notes,
        started: float,
        response: web.StreamResponse | None,
    ) -> None:
        """Record one exchange; no response means that the connection was reset."""
        ended = time.time()
        self._entries.append(
            {
                "seq": next(self._numbers),
                "t_in": iso(started),
                "t_out": iso(ended),
                "ms": round((ended - started) * 1000, 3),
                "listener": request.scheme,
                "method": request.method,
                "raw_path": request.raw_path,
                "headers": _headers(request),
                "body": body.decode(errors="replace"),
                "status": response.status if response is not None else None,
                "location": response.headers.get("Location") if response is not None else None,
                "rate_limit": notes.rate_limit,
                "fault": notes.fault,
                "actions": notes.actions,
                "warnings": notes.warnings,
                "transaction_id": notes.transaction_id,
            }
        )
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def read(self, *, since: int, wait: float, match: re.Pattern[str] | None) -> list[dict[str, Any]]:
        """Entries after number `since`; with `wait`, up to that many seconds until there is one."""
        deadline = time.monotonic() + wait
        while True:
            arrived = self._arrived
            found = [entry for entry in self._entries if entry["seq"] > since and _matches(entry, match)]
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            try:
                async with asyncio.timeout(left):
                    await arrived.wait()
            except TimeoutError:
                continue

    def clear(self) -> None:
        """Forget all entries; numbers go on."""
        self._entries.clear()


def _matches(entry: dict[str, Any], match: re.Pattern[str] | None) -> bool:
    return match is None or match.search(f"{entry['method']} {entry['raw_path']}") is not None


def _headers(request: web.Request) -> dict[str, str]:
    return {
        name: hashlib.sha256(value.encode(errors="replace")).hexdigest() if name.lower() in _HASHED else value
        for name, value in request.headers.items()
    }
