"""A browser without a window: cookies, redirects one by one, forms as the page has them."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from bs4 import BeautifulSoup, Tag
from yarl import URL

from tests.support.errors import JourneyError
from tests.support.loopback import loopback_connector
from tests.support.waiting import wait_until

_MOST_REDIRECTS = 15
_LISTEN_SECONDS = 5.0
_EVENT_SOURCE = re.compile(r'new EventSource\("([^"]+)"\)')
_REDIRECTS = {301, 302, 303, 307, 308}
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) WaystationDemo/1.0",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en",
}


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One request and what came of it.

    Attributes:
        act: what the person did last.
        path: without its query, which may hold tokens.
    """

    number: int
    act: str
    who: str
    method: str
    path: str
    status: int
    what: str
    milliseconds: float


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a person would see now."""

    url: URL
    who: str
    status: int
    html: BeautifulSoup

    @property
    def title(self) -> str:
        heading = self.html.find("title")
        return heading.get_text(" ", strip=True) if heading else ""

    def has(self, selector: str) -> bool:
        return self.html.select_one(selector) is not None

    def form(self, selector: str) -> Tag:
        """The form at a CSS selector.

        Raises:
            JourneyError: the page has none.
        """
        found = self.html.select_one(selector)
        if found is None:
            raise JourneyError(
                f'The {self.who} showed "{self.title}" ({self.status}), which has no {selector}.'
            )
        return found


class Visitor:
    """One browser: what it is told to open, and which forms it sends."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        names: Mapping[str, str],
        on_hop: Callable[[Hop], None] = lambda _hop: None,
    ) -> None:
        self._session = session
        self._names = names
        self._on_hop = on_hop
        self._hops = 0
        self._act = ""

    def act(self, text: str) -> None:
        """Say what the person does now; the hops that follow carry it."""
        self._act = text

    async def open(self, url: str | URL) -> Page:
        """Go there and follow every redirect."""
        return await self._go("GET", URL(url, encoded=True), data=None, origin=None)

    async def submit(self, page: Page, selector: str, values: Mapping[str, str] | None = None) -> Page:
        """Send a form of the page with what it holds, and `values` typed into it."""
        form = page.form(selector)
        data = _filled(form, values or {})
        action = page.url.join(URL(str(form.get("action") or page.url), encoded=True))
        method = str(form.get("method", "get")).upper()
        if method == "GET":
            return await self.open(action.with_query(data))
        return await self._go(method, action, data=data, origin=str(page.url.origin()))

    async def follow_until(self, page: Page, selector: str, *, deadline: float) -> Page:
        """Follow a page that renews itself, by its event stream, until the selector is there.

        Raises:
            DeadlineError: it is not after `deadline` seconds.
        """

        async def renewed() -> Page | None:
            nonlocal page
            if not page.has(selector):
                await self._listen(page)
                page = await self.open(page.url)
            return page if page.has(selector) else None

        return await wait_until(renewed, deadline, what=f"{selector} after “{page.title}”") or page

    async def _listen(self, page: Page) -> None:
        """Until the page's stream sends its first event, or a while has passed."""
        stream = _EVENT_SOURCE.search(str(page.html))
        if stream is None:
            raise JourneyError(f"The {page.who} showed “{page.title}”, which waits for nothing.")
        url = page.url.join(URL(stream[1], encoded=True))
        began = time.perf_counter()
        heard = "silence"
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(_LISTEN_SECONDS),
                self._session.get(url, headers={"Accept": "text/event-stream"}) as response,
            ):
                async for line in response.content:
                    if line.startswith(b"event:"):
                        heard = line.decode().removeprefix("event:").strip()
                        break
        seen = Page(url=url, who=page.who, status=200, html=BeautifulSoup("", "html.parser"))
        took = (time.perf_counter() - began) * 1000
        self._report("GET", seen, what=f"event stream: {heard}", took=took)

    async def _go(self, method: str, url: URL, *, data: dict[str, str] | None, origin: str | None) -> Page:
        for _ in range(_MOST_REDIRECTS):
            page, target = await self._request(method, url, data=data, origin=origin)
            if target is None:
                return page
            method, url, data, origin = "GET", target, None, None
        raise JourneyError(f"The {self._who(url)} redirected more than {_MOST_REDIRECTS} times.")

    async def _request(
        self, method: str, url: URL, *, data: dict[str, str] | None, origin: str | None
    ) -> tuple[Page, URL | None]:
        headers = {"Origin": origin} if origin else {}
        began = time.perf_counter()
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                text = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise JourneyError(f"The {self._who(url)} did not answer: {type(exc).__name__}.") from exc
        took = (time.perf_counter() - began) * 1000
        page = Page(
            url=url, who=self._who(url), status=response.status, html=BeautifulSoup(text, "html.parser")
        )
        target = _target(url, response)
        what = f"page “{page.title}”" if target is None else f"on to the {self._who(target)}, {target.path}"
        self._report(method, page, what=what, took=took)
        return page, target

    def _report(self, method: str, page: Page, *, what: str, took: float) -> None:
        self._hops += 1
        self._on_hop(
            Hop(
                number=self._hops,
                act=self._act,
                who=page.who,
                method=method,
                path=page.url.path,
                status=page.status,
                what=what,
                milliseconds=took,
            )
        )

    def _who(self, url: URL) -> str:
        return self._names.get(str(url.origin()), url.authority)


def new_session(*, origins: list[str]) -> aiohttp.ClientSession:
    """A session whose cookie jar takes `Secure` cookies from these loopback origins, as browsers do."""
    jar = aiohttp.CookieJar(
        unsafe=True, quote_cookie=False, treat_as_secure_origin=[URL(origin) for origin in origins]
    )
    return aiohttp.ClientSession(
        connector=loopback_connector(),
        cookie_jar=jar,
        headers=_HEADERS,
        timeout=aiohttp.ClientTimeout(total=30),
        trust_env=False,
    )


def _target(url: URL, response: aiohttp.ClientResponse) -> URL | None:
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or location is None:
        return None
    return url.join(URL(location, encoded=True))


def _filled(form: Tag, values: Mapping[str, str]) -> dict[str, str]:
    """What a browser sends: the fields, what was typed, and the first button that has a name.

    A box is ticked by its value, and loses its tick by an empty one.
    """
    fields: dict[str, str] = {}
    boxes = {str(box["name"]) for box in form.select("input[type=checkbox][name]")}
    for choice in form.select("select[name]"):
        chosen = choice.select_one("option[selected]")
        fields[str(choice["name"])] = str(chosen["value"]) if chosen else ""
    for field in form.select("input[name], textarea[name]"):
        if field.get("type") == "checkbox" and not field.has_attr("checked"):
            continue
        typed: Any = field.get("value", "") if field.name == "input" else field.get_text()
        fields[str(field["name"])] = str(typed)
    button = form.select_one("button[name]")
    if button is not None:
        fields[str(button["name"])] = str(button.get("value", ""))
    unknown = set(values) - set(fields) - boxes
    if unknown:
        raise JourneyError(f"The form has no field {', '.join(sorted(unknown))}.")
    sent = fields | {name: value.replace("\n", "\r\n") for name, value in values.items()}
    return {name: value for name, value in sent.items() if value or name not in boxes}
