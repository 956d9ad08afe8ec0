"""What a form may be, and how everything else is refused."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, FormData, web

from common.clock import SystemClock
from common.settings import Address
from gateway.errors import PageError
from gateway.forms import read_form
from gateway.gate import Gate
from gateway.limits_settings import LimitSettings
from gateway.listener import serve_browsers
from gateway.live import Bell
from tests.gateway.browsers import raw
from tests.support.ports import free_port

URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """A server that answers with the fields that it read, or with the code of the refusal."""

    async def echo(request: web.Request) -> web.Response:
        try:
            return web.json_response(await read_form(request, within=0.3))
        except PageError as exc:
            return web.Response(status=exc.status, text=exc.code)

    app = web.Application()
    app.add_routes([web.post("/", echo)])
    address = Address(host="127.0.0.1", port=free_port())
    gate = Gate(LimitSettings(), monotonic=SystemClock().monotonic)
    async with serve_browsers(app, address=address, bell=Bell(), gate=gate):
        yield f"http://127.0.0.1:{address.port}"


async def answer(origin: str, body: object, **headers: str) -> tuple[int, str]:
    named = {"Content-Type": URLENCODED, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        ClientSession() as session,
        session.post(origin + "/", data=body, headers=named, skip_auto_headers=["Content-Type"]) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"mrz=P%3CSWE+A%0D%0AB", {"mrz": "P<SWE A\r\nB"}),
        (b"a=%C3%A5%E2%80%AE%F0%9F%91%A9", {"a": "å\u202e👩"}),
        (b"a;b=1", {"a;b": "1"}),
        (b"&".join(b"f%d=x" % number for number in range(20)), {f"f{number}": "x" for number in range(20)}),
        (b"a=" + b"x" * (16 * 1024 - 2), {"a": "x" * (16 * 1024 - 2)}),
    ],
)
async def test_what_is_read(origin: str, body: bytes, fields: dict[str, str]) -> None:
    """A urlencoded form in UTF-8 of up to 16 KiB and 20 fields is read as it is."""
    status, text = await answer(origin, body)
    assert (status, json.loads(text)) == (200, fields)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded; charset=utf-8",
        'application/x-www-form-urlencoded;charset="UTF-8"',
        "Application/X-WWW-Form-Urlencoded",
    ],
)
async def test_ways_to_say_it(origin: str, content_type: str) -> None:
    """Upper case and a spelled-out charset change nothing."""
    assert (await answer(origin, b"a=1", Content_Type=content_type))[0] == 200


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json", "form_type"),
        ("text/plain", "form_type"),
        ("multipart/form-data; boundary=x", "form_type"),
        ("multipart/form-data", "form_type"),
        ("", "form_type"),
        ("application/x-www-form-urlencoded2", "form_type"),
        ("application/x-www-form-urlencoded; charset=latin-1", "form_charset"),
        ("application/x-www-form-urlencoded; charset=utf-7", "form_charset"),
        ("application/x-www-form-urlencoded; charset=bogus\udcff", "form_charset"),
        ("application/x-www-form-urlencoded; charset=utf-16; charset=utf-8", "form_charset"),
    ],
)
async def test_other_types(origin: str, content_type: str, code: str) -> None:
    """JSON, text, multipart and other charsets are 415, whatever the body."""
    head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n"
    head += f"Content-Type: {content_type}"
    reply = await raw(origin, head.encode("utf-8", "surrogateescape") + b"\r\n\r\na=1")
    assert reply.startswith(b"HTTP/1.1 415 ")
    assert reply.endswith(code.encode())


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", "bogus"])
async def test_compressed_bodies(origin: str, encoding: str) -> None:
    """A body that says it is encoded is 415; it is not unpacked, so that it cannot be a bomb."""
    bomb = gzip.compress(bytes(20_000_000))
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {URLENCODED}\r\n"
    head += f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
    reply = await raw(origin, head.encode() + bomb)
    assert reply.startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize(
    "body",
    [
        b"a",
        b"a=1&&b=2",
        b"a=1&",
        b"=&=",
        b"a=1&a=2",
        b"csrf=1&csrf=1",
        b"a=%00",
        b"%00=a",
        b"a=%FF",
        b"a=%C3",
        b"a=%ED%A0%80",
        b"a=\xc3\xa5",
        b"a=\xff",
        b"\x00",
        b'{"a": 1}',
    ],
)
async def test_damaged_bodies(origin: str, body: bytes) -> None:
    """Doubled fields, NUL, invalid UTF-8, bare bytes and what is no form at all are 400."""
    assert await answer(origin, body) == (400, "form_damaged")


async def test_multipart_as_a_client_sends_it(origin: str) -> None:
    """A file upload is 415."""
    form = FormData()
    form.add_field("file", b"x" * 100, filename="a.txt")
    async with ClientSession() as session, session.post(origin + "/", data=form) as response:
        assert response.status == 415


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a=" + b"x" * (16 * 1024 - 1), "form_size"),
        (b"a=" + b"x" * 70_000, "form_size"),
        (b"&".join(b"f%d=x" % number for number in range(21)), "form_fields"),
        (b"&".join(b"f%d=x" % number for number in range(1001)), "form_fields"),
        (b"&" * 1000, "form_fields"),
    ],
)
async def test_too_much(origin: str, body: bytes, code: str) -> None:
    """More than 16 KiB or 20 fields is 413."""
    assert await answer(origin, body) == (413, code)


async def test_chunks(origin: str) -> None:
    """A body in chunks is read like any other, and cut off like any other."""

    async def chunks(count: int) -> AsyncIterator[bytes]:
        yield b"a="
        for _ in range(count):
            yield b"x" * 1000

    assert await answer(origin, chunks(3)) == (200, json.dumps({"a": "x" * 3000}))
    assert await answer(origin, chunks(70)) == (413, "form_size")


async def test_a_body_that_trickles(origin: str) -> None:
    """Who sends a form drop by drop is not waited for."""
    reply = await _begun(origin, b"Content-Length: 10\r\n\r\na=1")
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"form_too_slow" in reply


async def test_a_body_that_breaks_off(origin: str) -> None:
    """A form whose chunks are damaged on the way is 400."""
    reply = await _begun(origin, b"Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\nzz\r\n")
    assert reply.startswith(b"HTTP/1.0 400 ")
    assert b"zz" not in reply


async def _begun(origin: str, rest: bytes) -> bytes:
    """What comes back for a request that never ends; aiohttp lingers for its body, so read the head only."""
    host, _, port = origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {URLENCODED}\r\n".encode() + rest)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.read(100)
    finally:
        writer.close()
        await writer.wait_closed()
