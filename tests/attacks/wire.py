"""Requests exactly as they are written here, byte for byte, and what comes back: no client tidies them up."""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from bs4 import BeautifulSoup
from multidict import CIMultiDict
from yarl import URL

FORM = "application/x-www-form-urlencoded"

_SECONDS = 30.0
_END_OF_HEAD = b"\r\n\r\n"
# Every client has an address of its own, so that no limit for addresses adds up over the tests.
_ADDRESSES = (f"127.{64 + n // 64516 % 128}.{n // 254 % 254 + 1}.{n % 254 + 1}" for n in itertools.count())


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; `target` is what stands in its first line."""

    method: str = "GET"
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def wire(self, host: str) -> bytes:
        """As it travels; `Host` and `Content-Length` are added where they are not given."""
        given = {name.lower() for name, _ in self.headers}
        added = [("Host", host)] if "host" not in given else []
        if (self.body or self.method == "POST") and not given & {"content-length", "transfer-encoding"}:
            added.append(("Content-Length", str(len(self.body))))
        lines = [f"{name}: {value}" for name, value in (*added, *self.headers, ("Connection", "close"))]
        head = "\r\n".join((f"{self.method} {self.target} HTTP/1.1", *lines))
        return head.encode("utf-8", "surrogateescape") + _END_OF_HEAD + self.body

    def with_headers(self, **headers: str) -> "Request":
        more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return Request(method=self.method, target=self.target, headers=self.headers + more, body=self.body)


def form(target: str, fields: Mapping[str, str] | bytes, **headers: str) -> Request:
    """A form as a page sends it, or any bytes in its place."""
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    request = Request(method="POST", target=target, headers=(("Content-Type", FORM),), body=body)
    return request.with_headers(**headers)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer; `body` without its transfer encoding."""

    status: int
    headers: CIMultiDict[str]
    body: bytes = field(repr=False)

    @cached_property
    def text(self) -> str:
        return self.body.decode()

    @cached_property
    def html(self) -> BeautifulSoup:
        return BeautifulSoup(self.text, "html.parser")

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def cookies(self) -> SimpleCookie:
        jar: SimpleCookie = SimpleCookie()
        for line in self.headers.getall("Set-Cookie", []):
            jar.load(line)
        return jar

    def value(self, name: str) -> str:
        """The value of a hidden field."""
        found = self.html.select_one(f'input[name="{name}"]')
        assert found is not None, f"{self.status} {self.title} has no field {name}"
        return str(found["value"])

    @property
    def title(self) -> str:
        heading = self.html.find("h1")
        return heading.get_text(" ", strip=True) if heading else ""


class Client:
    """Somebody at an address of their own, with the cookies that they were given."""

    def __init__(self, origin: str, *, address: str | None = None) -> None:
        self.origin = origin
        self.address = address or next(_ADDRESSES)
        self.cookies: dict[str, str] = {}

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    async def send(self, request: Request | bytes) -> Answer:
        """Send it, with the cookies unless it brings its own, and keep those of the answer."""
        if isinstance(request, Request):
            has_cookies = any(name.lower() == "cookie" for name, _ in request.headers)
            if self.cookies and not has_cookies:
                request = request.with_headers(Cookie=_line(self.cookies))
            received = await self.raw(request.wire(self.host), answers=1)
        else:
            received = await self.raw(request)
        (answer,) = answers_in(received)
        self._keep(answer)
        return answer

    async def get(self, target: str, **headers: str) -> Answer:
        return await self.send(Request(target=target).with_headers(**headers))

    async def post(self, target: str, fields: Mapping[str, str] | bytes, **headers: str) -> Answer:
        """A form from a page of the gateway."""
        return await self.send(form(target, fields, **({"Origin": self.origin} | headers)))

    async def raw(self, sent: bytes, *, answers: int | None = None) -> bytes:
        """Everything that comes back: so many whole answers, or until the server closes."""
        url = URL(self.origin)
        reader, writer = await asyncio.open_connection(url.host, url.port, local_addr=(self.address, 0))
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(sent)
                return await _received(reader, answers, has_body=not sent.startswith(b"HEAD "))
        finally:
            writer.close()

    def _keep(self, answer: Answer) -> None:
        for name, morsel in answer.cookies.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


async def _received(reader: asyncio.StreamReader, answers: int | None, *, has_body: bool) -> bytes:
    """A server that refuses may close before all was sent, which arrives as a reset."""
    received = b""
    try:
        while chunk := await reader.read(65536):
            received += chunk
            if answers and _whole(received, has_body=has_body) >= answers:
                return received
    except ConnectionResetError:
        assert received, "the connection was reset without an answer"
    return received


def _whole(received: bytes, *, has_body: bool) -> int:
    """How many whole answers that is; one whose end the server's closing tells is never whole."""
    found = 0
    while _END_OF_HEAD in received:
        answer, received = _first(received)
        if "Content-Length" not in answer.headers:
            break
        if has_body and len(answer.body) < int(answer.headers["Content-Length"]):
            break
        found += 1
    return found


def answers_in(received: bytes) -> list[Answer]:
    """All answers that came over one connection."""
    answers = []
    while received:
        answer, received = _first(received)
        answers.append(answer)
    assert answers, "there was no answer"
    return answers


def _first(received: bytes) -> tuple[Answer, bytes]:
    head, _, rest = received.partition(_END_OF_HEAD)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict(_pairs(lines))
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        body, rest = _dechunked(rest)
    else:
        length = int(headers.get("Content-Length", len(rest)))
        body, rest = rest[:length], rest[length:]
    return Answer(status=int(first.split(" ")[1]), headers=headers, body=body), rest


def _pairs(lines: Iterable[str]) -> list[tuple[str, str]]:
    split = (line.partition(":") for line in lines)
    return [(name, value.strip()) for name, _, value in split]


def _dechunked(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size or b"0", 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if length == 0:
            return body, rest


def _line(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
