"""Requests that nobody's browser makes by itself, and what each is answered with."""

import gzip
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from yarl import URL

from tests.journeys.browser import Browser
from tests.support.stack import Stack

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A login of somebody at the identity page, whose browser knows cookie and form."""

    stack: Stack
    browser: Browser
    id: str
    csrf: str

    @property
    def state(self) -> str:
        return self.browser.link.query["state"]

    @property
    def token(self) -> str:
        return self.browser.link.query["session_token"]

    def start(self, tenant: str = "acme", entry: str = "login", **query: str) -> str:
        """The link that brought the browser here, with other parts."""
        there = URL(self.stack.origins.gateway) / "start" / tenant / entry
        return str(there.with_query({"state": self.state, "session_token": self.token, **query}))

    def minted(self, *, secret: str = "", header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token like this login's, of another jti, apart from `changes`, and rightly signed."""
        claims = jwt.decode(self.token, options={"verify_signature": False}) | {
            "jti": secrets.token_urlsafe(32)
        }
        key = secret or self.stack.secrets.password("session-token")
        return jwt.encode(claims | changes, key, algorithm="HS256", headers=header)


@dataclass(frozen=True, kw_only=True)
class BadRequest:
    """What is asked for, and how: `address` gives a path or a whole link, `way_on` where the page leads."""

    name: str
    address: Callable[[Situation], str]
    status: int
    code: str
    method: str = "GET"
    body: Callable[[Situation], bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    with_cookie: bool = True
    way_on: str = ""
    also_told: tuple[str, ...] = ()


def _start(name: str, status: int, code: str, address: Callable[[Situation], str], **more: Any) -> BadRequest:
    return BadRequest(
        name=f"start: {name}", status=status, code=code, address=address, with_cookie=False, **more
    )


def _page(name: str, status: int, code: str, **more: Any) -> BadRequest:
    defaults: dict[str, Any] = {"address": lambda now: f"/t/{now.id}"}
    return BadRequest(name=f"page: {name}", status=status, code=code, **(defaults | more))


def _form(
    name: str,
    status: int,
    code: str,
    body: Callable[[Situation], bytes],
    *,
    content_type: str = FORM,
    **more: Any,
) -> BadRequest:
    headers = {"Content-Type": content_type} | more.pop("headers", {})
    defaults: dict[str, Any] = {"address": lambda now: f"/t/{now.id}/idproof/submit"}
    return BadRequest(
        name=f"form: {name}",
        status=status,
        code=code,
        method="POST",
        body=body,
        headers=headers,
        **(defaults | more),
    )


def _good(now: Situation) -> bytes:
    return f"csrf={now.csrf}&mrz=P%3C".encode()


_PAST = int(time.time()) - 4000

STARTS = [
    _start("no state", 400, "state_count", lambda now: f"/start/acme/login?session_token={now.token}"),
    _start("no token", 400, "session_token_count", lambda now: f"/start/acme/login?state={now.state}"),
    _start("two states", 400, "state_count", lambda now: f"{now.start()}&state=x"),
    _start("two tokens", 400, "session_token_count", lambda now: f"{now.start()}&session_token={now.token}"),
    _start("an empty state", 400, "state", lambda now: now.start(state="")),
    _start("a state of 3,000 characters", 400, "state", lambda now: now.start(state="s" * 3000)),
    _start("a NUL in the state", 400, "state", lambda now: now.start(state="a\0b")),
    _start("letters in the state that are none", 400, "state", lambda now: now.start(state="żółw")),
    _start("a token that is none", 400, "session_token_form", lambda now: now.start(session_token="x")),
    _start("an oversized token", 400, "session_token_form", lambda now: now.start(session_token="x." * 2200)),
    _start("a padded token", 400, "session_token_form", lambda now: now.start(session_token=f"{now.token}=")),
    _start(
        "a token of another key",
        401,
        "session_token_signature",
        lambda now: now.start(session_token=now.minted(secret="k" * 32)),
    ),
    _start(
        "a foreign token",
        401,
        "session_token_iss",
        lambda now: now.start(session_token=now.minted(iss="evil.example")),
    ),
    _start(
        "a token for somebody else",
        401,
        "session_token_aud",
        lambda now: now.start(session_token=now.minted(aud="another")),
    ),
    _start(
        "a token of another kind",
        401,
        "session_token_header",
        lambda now: now.start(session_token=now.minted(header={"typ": "at+jwt"})),
    ),
    _start(
        "an expired token",
        401,
        "session_token_expired",
        lambda now: now.start(state="new", session_token=now.minted(iat=_PAST, exp=_PAST + 120)),
        way_on="application",
    ),
    _start(
        "a token of another entry",
        401,
        "session_token_entry",
        lambda now: now.start(entry="other"),
        way_on="application",
    ),
    _start(
        "a profile that was sealed for another token",
        401,
        "profile",
        lambda now: now.start(state="new", session_token=now.minted()),
        also_told=("profile.refused",),
        way_on="application",
    ),
    _start(
        "a step that is not configured",
        409,
        "step_not_configured",
        lambda now: now.start(state="new", session_token=now.minted(steps=["terms:3"])),
        way_on="application",
    ),
    _start(
        "a revision that is not configured",
        409,
        "step_not_configured",
        lambda now: now.start(state="new", session_token=now.minted(steps=["idproof:2"])),
        way_on="application",
    ),
    _start(
        "a replayed token with another state",
        409,
        "state_does_not_fit",
        lambda now: now.start(state="another"),
        way_on="application",
    ),
    _start("a claimed login", 403, "other_browser", lambda now: now.start(), way_on="application"),
    _start("an unknown tenant", 404, "unknown_tenant", lambda now: now.start(tenant="nobody")),
    _start("a malformed tenant", 404, "", lambda now: now.start(tenant="ACME")),
    _start("a malformed entry", 404, "", lambda now: now.start(entry="Log in")),
    _start("a POST", 405, "", lambda now: now.start(), method="POST"),
    _start("a HEAD", 405, "", lambda now: now.start(), method="HEAD"),
]

PAGES = [
    _page("unknown login", 404, "unknown_transaction", address=lambda _: "/t/AAAAAAAAAAAAAAAAAAAAAA"),
    _page("malformed login", 404, "malformed_id", address=lambda _: "/t/short"),
    _page("NUL in the login", 404, "malformed_id", address=lambda _: "/t/AAAAAAAAAAAAAAAAAAAA%00A"),
    _page("unknown path", 404, "", address=lambda _: "/nowhere"),
    _page("no cookie", 403, "no_cookie", with_cookie=False, way_on="application"),
    _page(
        "forged cookie",
        403,
        "no_cookie",
        with_cookie=False,
        headers={"Cookie": "__Host-ws-AAAAAAAAAAAA=1.2.3"},
        way_on="application",
    ),
    _page("another host", 400, "host", headers={"Host": "evil.example"}),
    _page("a POST", 405, "", method="POST"),
    _page(
        "no cookie for the stream",
        403,
        "no_cookie",
        with_cookie=False,
        way_on="application",
        address=lambda now: f"/t/{now.id}/events",
    ),
]

FORMS = [
    _form("no csrf token", 403, "csrf", lambda _: b"mrz=P%3C", way_on="login"),
    _form("wrong csrf token", 403, "csrf", lambda _: b"csrf=x&mrz=P%3C", way_on="login"),
    _form("no cookie", 403, "no_cookie", _good, with_cookie=False, way_on="application"),
    _form("a foreign origin", 403, "foreign_origin", _good, headers={"Origin": "https://evil.example"}),
    _form("a sandboxed origin", 403, "foreign_origin", _good, headers={"Origin": "null"}),
    _form("a foreign site", 403, "foreign_site", _good, headers={"Sec-Fetch-Site": "cross-site"}),
    _form("garbage", 400, "form_damaged", lambda _: b"\xff\xfe\x00garbage"),
    _form("no pairs", 400, "form_damaged", lambda _: b"garbage"),
    _form("broken UTF-8", 400, "form_damaged", lambda now: _good(now) + b"&x=%ff%fe"),
    _form("NUL", 400, "form_damaged", lambda now: _good(now) + b"%00"),
    _form("a doubled field", 400, "form_damaged", lambda now: _good(now) + b"&mrz=again"),
    _form("many fields", 413, "form_fields", lambda now: _good(now) + b"&a=" * 20),
    _form("17 KiB", 413, "form_size", lambda now: _good(now) + b"A" * 17 * 1024),
    _form("multipart", 415, "form_type", _good, content_type="multipart/form-data; boundary=x"),
    _form("JSON", 415, "form_type", lambda _: b"{}", content_type="application/json"),
    _form("no type", 415, "form_type", _good, content_type=""),
    _form("another charset", 415, "form_charset", _good, content_type=f"{FORM}; charset=utf-16"),
    _form("an unknown charset", 415, "form_charset", _good, content_type=f"{FORM}; charset=bogus"),
    _form(
        "gzip",
        415,
        "form_type",
        lambda now: gzip.compress(_good(now)),
        headers={"Content-Encoding": "gzip"},
    ),
    _form(
        "broken gzip", 415, "form_type", lambda _: b"\x1f\x8b garbage", headers={"Content-Encoding": "gzip"}
    ),
    _form(
        "a hand-back too early",
        409,
        "not_ready",
        _good,
        address=lambda now: f"/t/{now.id}/continue",
        way_on="login",
    ),
    _form("unknown login", 404, "unknown_transaction", _good, address=lambda _: f"/t/{'A' * 22}/claim"),
    _form("a form that there is not", 404, "", _good, address=lambda now: f"/t/{now.id}/bribe"),
]
