"""What is fuzzed: each target takes any bytes, and raises only where something is wrong with us."""

import asyncio
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDict

from common.messages import (
    MalformedMessageError,
    UnknownMessageError,
    decode,
    encode,
    exchange_of,
    routing_key_of,
)
from common.mrz import MrzError, parse_mrz
from common.tenants import Tenants, load_tenants
from common.tokens import ProfileError, SessionTokenError, profile_in, verify_session_token
from gateway.errors import PageError
from gateway.forms import MAX_FIELDS, MAX_FORM_BYTES, read_form
from tests.common.session_tokens import HEADER, JTI, NOW, claims, sealed_profile, token, token_of
from tests.common.tenants_on_disk import SESSION_SECRET, section, write_tenants
from tests.contracts.examples import examples
from tests.support.zones import Format, Zone

TODAY = date(2026, 11, 22)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader of foreign bytes; `seeds` are good inputs, `words` what takes long to guess."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...]
    longest: int


def read_any_form(data: bytes) -> None:
    """The first line is Content-Type, the rest the body: fields, or a page that says what is wrong."""
    content_type, _, body = data.partition(b"\n")
    headers = CIMultiDict({"Content-Type": content_type.decode("utf-8", "surrogateescape")})
    try:
        fields = _loop().run_until_complete(_read_form(headers, body))
    except PageError as exc:
        _require(400 <= exc.status < 500)
        return
    assert len(body) <= MAX_FORM_BYTES
    assert len(fields) <= MAX_FIELDS
    assert not any("\x00" in text for pair in fields.items() for text in pair)
    again = urlencode(fields).encode()
    if len(again) <= MAX_FORM_BYTES:
        assert _loop().run_until_complete(_read_form(headers, again)) == fields


async def _read_form(headers: CIMultiDict[str], body: bytes) -> dict[str, str]:
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), limit=2**16, loop=loop)
    content.feed_data(body)
    content.feed_eof()
    return await read_form(cast("web.Request", _Posted(headers=headers, content=content)))


@dataclass(frozen=True, kw_only=True)
class _Posted:
    """As much of a request as a form needs; its headers may hold what no text can be encoded from."""

    headers: CIMultiDict[str]
    content: StreamReader
    content_length: int | None = None


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def read_any_token(data: bytes) -> None:
    """Header and payload, a line each, rightly signed, or one line that is a token: ours, or none."""
    header, has_payload, payload = data.partition(b"\n")
    text = token_of(payload, header=header) if has_payload else header.decode("utf-8", "surrogateescape")
    for tenant in _tenants():
        try:
            found = verify_session_token(text, tenants=_tenants(), now=NOW, tenant_key=tenant.key)
        except SessionTokenError as exc:
            _require(str(exc) == "the session token is refused")
            continue
        assert found.tenant == tenant.key
        assert found.issuer in tenant.hosts
        assert found.continue_uri == f"https://{found.issuer}/continue"
        assert NOW - timedelta(seconds=930) < found.expires_at <= NOW + timedelta(seconds=960)
        for name in (found.subject, found.jti, found.client_id, found.protocol):
            assert 0 < len(name) <= 255
            assert not re.search(r"[\x00-\x1f\x7f]", name)
        try:
            profile_in(found, tenant)
        except ProfileError:
            continue


@cache
def _tenants() -> Tenants:
    """One tenant with our Action, and one with the contract of the former Rules."""
    rules = {"issuer": "some-rule", "steps": ["idproof:1"], "client_id": "app1"}
    with tempfile.TemporaryDirectory() as folder:
        session = {**section()["session_token"], "rules": rules}
        other = section("old.eu.auth0.com", session_token=session)
        path = write_tenants(Path(folder), {"acme": section(), "old": other})
        return load_tenants(path, production=True)


def read_any_zone(data: bytes) -> None:
    """UTF-8 text, as pasted: a document, or a list of what is wrong."""
    try:
        mrz = parse_mrz(data.decode("utf-8", "surrogateescape"), today=TODAY)
    except MrzError as exc:
        _require(bool(exc.problems))
        return
    assert parse_mrz("\n".join(mrz.lines), today=TODAY) == mrz
    assert mrz.document_number
    born = mrz.date_of_birth.complete
    assert born is None or born <= TODAY


def read_any_message(data: bytes) -> None:
    """The body of a message from the broker: a message that can be sent on as it is, or a named error."""
    try:
        message = decode(data)
    except (MalformedMessageError, UnknownMessageError) as exc:
        _require(len(str(exc)) <= 200)
        return
    assert decode(encode(message)) == message
    exchange_of(message)
    routing_key_of(message)


def _require(what_must_hold: bool) -> None:  # noqa: FBT001 - as `assert` takes it
    assert what_must_hold


def _form_seeds() -> list[bytes]:
    urlencoded = b"application/x-www-form-urlencoded"
    fields = [b"", b"csrf=abc", b"csrf=abc&mrz=P%3CUTO%0AL898&x=", b"a=%00", b"a=b&a=c", b"a=%FF", b"+=%2B"]
    types = [urlencoded, urlencoded + b"; charset=utf-8", urlencoded + b';charset="UTF8"', b"text/plain", b""]
    return [kind + b"\n" + body for kind in types for body in fields]


def _token_seeds() -> list[bytes]:
    header = json.dumps(HEADER).encode()
    issued = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
    old = {
        "iss": "some-rule",
        "sub": "auth0|1",
        "aud": "waystation",
        "jti": JTI,
        "iat": issued,
        "exp": issued + 300,
        "email": "anna@acme.example",
        "authorize_again": "https://old.eu.auth0.com/authorize?client_id=app1&prompt=none&scope=openid",
    }
    profile = sealed_profile(b'{"email": "anna@acme.example"}')
    more = claims(requested=["idproof"], authorize={"scope": "openid"}, profile=profile)
    payloads = [claims(), more, old]
    signed = [header + b"\n" + json.dumps(payload).encode() for payload in payloads]
    return [*signed, b'{"alg":"none"}\n{}', token(secret=SESSION_SECRET).encode(), b"a.b.c"]


def _zone_seeds() -> list[bytes]:
    codes: dict[Format, str] = {"TD3": "P", "TD1": "ID", "TD2": "AC", "MRV-A": "V", "MRV-B": "VN"}
    return [Zone(format=which, code=code).text().encode() for which, code in codes.items()]


def _message_seeds() -> list[bytes]:
    return [example.json for example in examples()]


TARGETS = {
    "form": Target(
        run=read_any_form,
        seeds=_form_seeds,
        words=("application/x-www-form-urlencoded", "charset=", "utf-8", "csrf=", "&", "=", "%0A", "%00"),
        longest=2_000,
    ),
    "token": Target(
        run=read_any_token,
        seeds=_token_seeds,
        words=(
            *(
                "alg",
                "typ",
                "kid",
                "crit",
                "b64",
                "zip",
                "jku",
                "jwk",
                "x5c",
                "HS256",
                "RS256",
                "none",
                "JWT",
            ),
            *(
                *claims(),
                "authorize",
                "requested",
                "nbf",
                "email",
                "authorize_again",
                "prompt",
                "request_uri",
            ),
            *("acme.eu.auth0.com", "https://acme.eu.auth0.com/continue", "1e999", "NaN", "null", "true"),
        ),
        longest=3_000,
    ),
    "mrz": Target(
        run=read_any_zone,
        seeds=_zone_seeds,
        words=("<<", "P<UTO", "ID", "V<", "AC", "D<<", "FRA", "740812", "120415", "<<<<<<<<", "\n", " "),
        longest=300,
    ),
    "message": Target(
        run=read_any_message,
        seeds=_message_seeds,
        words=(
            *("type", "v", "event_id", "tenant", "transaction_id", "occurred_at", "traceparent", "user_id"),
            *("keys", "rev", "value", "outcome", "approved", "sealed", "personal", "deadline", "waiting"),
            *("2026-11-22T12:00:00Z", "1e999", "null", "true", "-0"),
        ),
        longest=3_000,
    ),
}
