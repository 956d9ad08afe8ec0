"""One HTTP request as the rest of the emulator sees it: parsed once, after its body has been read."""

import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.tenant.errors import PageError

_AUTHORITY = re.compile(r"(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
_DOCUMENTATION_ASN = "64496"  # RFC 5398
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass
class Notes:
    """What handlers tell the call log about their request."""

    transaction_id: str | None = None
    fault: int | None = None
    rate_limit: dict[str, int] | None = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stale_read: float = 0
    expire_token: bool = False


NOTES = web.RequestKey("notes", Notes)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Facts of a request that Actions may see; `authority` has no default port, `origin` has the scheme."""

    method: str
    scheme: str
    authority: str
    ip: str
    country: str
    asn: str
    user_agent: str
    language: str
    query: dict[str, Any]
    body: dict[str, Any]
    notes: Notes

    @property
    def origin(self) -> str:
        """Scheme and authority, without a slash."""
        return f"{self.scheme}://{self.authority}"


async def visit_of(request: web.Request) -> Visit:
    """Collect the facts; headers `X-Emulator-Ip`, `-Country` and `-Asn` move a test elsewhere."""
    language = request.headers.get("Accept-Language", "")
    return Visit(
        method=request.method,
        scheme=request.scheme,
        authority=authority_of(request),
        ip=request.headers.get("X-Emulator-Ip") or request.remote or "",
        country=request.headers.get("X-Emulator-Country", "US"),
        asn=request.headers.get("X-Emulator-Asn", _DOCUMENTATION_ASN),
        user_agent=request.headers.get("User-Agent", ""),
        language=language.partition(",")[0].partition(";")[0],
        query=_collect(list(request.query.items())),
        body=parse_body(await request.read(), content_type=request.content_type),
        notes=request[NOTES],
    )


def authority_of(request: web.Request) -> str:
    """The host that was called, with its port unless it is the scheme's own.

    Raises:
        PageError: the Host header is not a host.
    """
    host = request.headers.get("Host", "")
    if not _AUTHORITY.fullmatch(host):
        raise PageError("invalid_request", "The Host header is not a host.", status=400)
    return host.removesuffix(_DEFAULT_PORTS[request.scheme])


def parse_body(raw: bytes, *, content_type: str) -> dict[str, Any]:
    """A form or a JSON object; anything else is an empty body."""
    try:
        if content_type == "application/x-www-form-urlencoded":
            return _collect(parse_qsl(raw.decode(), keep_blank_values=True))
        if content_type == "application/json":
            value = json.loads(raw)
            return value if isinstance(value, dict) else {}
    except ValueError:
        return {}
    return {}


def _collect(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Doubled names become a list, as Node's query parser makes them."""
    collected: dict[str, Any] = {}
    for name, value in pairs:
        if name not in collected:
            collected[name] = value
        elif isinstance(collected[name], list):
            collected[name].append(value)
        else:
            collected[name] = [collected[name], value]
    return collected


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time, whatever characters somebody sent."""
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))


def text(values: dict[str, Any], name: str) -> str:
    """One parameter as text; absent or doubled ones are empty."""
    value = values.get(name, "")
    return value if isinstance(value, str) else ""
