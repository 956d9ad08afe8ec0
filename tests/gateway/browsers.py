"""A browser without a window, and requests that no browser sends."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
from bs4 import BeautifulSoup
from multidict import CIMultiDictProxy
from yarl import URL

from tests.gateway.arrivals import Redirect

_DEADLINE = 20


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; `html` is the page, `cookies` what it set."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str = field(repr=False)
    cookies: SimpleCookie = field(repr=False)

    @property
    def html(self) -> BeautifulSoup:
        return BeautifulSoup(self.text, "html.parser")

    @property
    def title(self) -> str:
        heading = self.html.find("h1")
        return heading.get_text(" ", strip=True) if heading else ""

    @property
    def location(self) -> str:
        return self.headers["Location"]

    def value(self, name: str) -> str:
        """The value of a hidden field."""
        found = self.html.select_one(f'input[name="{name}"]')
        assert found is not None, f"{self.status} {self.title} has no field {name}"
        return str(found["value"])


class Browser:
    """One cookie jar; never follows a redirect by itself."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._origin = origin

    async def request(
        self, method: str, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = URL(self._origin + path, encoded=True)
        async with self._session.request(
            method, url, data=data, headers=headers, allow_redirects=False
        ) as response:
            return Answer(
                status=response.status,
                headers=response.headers,
                text=await response.text(),
                cookies=response.cookies,
            )

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form as a page of the gateway does."""
        return await self.request("POST", path, data=dict(fields), headers={"Origin": self._origin})

    async def arrive(self, redirect: Redirect) -> str:
        """Come from the tenant; returns the id of the login."""
        answer = await self.get(redirect.path)
        assert answer.status == 303, answer.title
        return answer.location.removeprefix("/t/")

    async def look(self, login: str) -> Answer:
        """The page of the login as it is now."""
        return await self.get(f"/t/{login}")

    async def csrf(self, login: str) -> str:
        return (await self.look(login)).value("csrf")

    async def press(self, login: str, act: str, **typed: str) -> Answer:
        """Press the button `act` of the page of the login."""
        return await self.post(f"/t/{login}/{act}", {"csrf": await self.csrf(login), **typed})

    async def begin(self, redirect: Redirect) -> str:
        """Come from the tenant and say that it is one's own login."""
        login = await self.arrive(redirect)
        assert (await self.press(login, "claim")).status == 303
        return login

    def stream(self, login: str, query: str = "") -> Any:
        """The live events of the login, as a context manager of the response."""
        timeout = aiohttp.ClientTimeout(total=_DEADLINE)
        return self._session.get(f"{self._origin}/t/{login}/events{query}", timeout=timeout)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def take_cookie(self, name: str, value: str) -> None:
        """Hold a cookie as if the gateway had set it."""
        cookie: SimpleCookie = SimpleCookie({name: value})
        cookie[name]["path"] = "/"
        self._session.cookie_jar.update_cookies(cookie, URL(self._origin))

    def forget_cookies(self) -> None:
        self._session.cookie_jar.clear()


async def raw(origin: str, request: bytes) -> bytes:
    """Everything that comes back for these bytes until the server closes."""
    url = URL(origin)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(_DEADLINE):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


class SlowForm:
    """A form whose last byte comes when told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, last: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._last = last

    @classmethod
    async def begin(cls, origin: str, path: str, *, cookie: str, body: str) -> "SlowForm":
        """Send everything of the request but its last byte."""
        url = URL(origin)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = (
            f"POST {path} HTTP/1.1",
            f"Host: {url.authority}",
            f"Cookie: {cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        request = "\r\n".join((*head, "", body)).encode()
        writer.write(request[:-1])
        await writer.drain()
        return cls(reader, writer, last=request[-1:])

    async def finish(self) -> bytes:
        """Send the rest; returns what comes back."""
        self._writer.write(self._last)
        async with asyncio.timeout(_DEADLINE):
            answer = await self._reader.read()
        self._writer.close()
        await self._writer.wait_closed()
        return answer
