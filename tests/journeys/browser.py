"""A browser with a person before it: they do on each page what it asks for, to the end of a login."""

from typing import Any

import aiohttp
from yarl import URL

from tests.journeys.people import Answers
from tests.support.journey import Page, Visitor, new_session
from tests.support.site import Site
from tests.support.waiting import wait_until

PASSWORD = "form:has(input[type=password])"
CLAIM, IDENTITY, DECLINE = "form#claim", "form#identity", "form#decline"
WAIT, CONTINUE, HAND_BACK = ".wait", "form#continue", "form#hand-back"
LOGGED_IN, REFUSED = "form#logout", "#reason"

_PATIENCE_SECONDS = 30.0


class Browser(Visitor):
    """One browser: `address` is what a reload asks for, `visited` every address that it has asked for."""

    def __init__(self, stack: Site, session: aiohttp.ClientSession) -> None:
        origins = stack.origins
        names = {origins.app: "application", origins.tenant: "tenant", origins.gateway: "gateway"}
        super().__init__(session, names=names)
        self.session = session
        self.origins = origins
        self.address = URL(f"{origins.app}/login")
        self.visited: list[URL] = []

    async def begin(self, answers: Answers) -> Page:
        """From the application's login button, over the password, to wherever the tenant sends us."""
        page = await self.open(f"{self.origins.app}/login")
        return await self.answer(page, answers) if page.has(PASSWORD) else page

    async def reload(self) -> Page:
        return await self.open(self.address)

    async def answer(self, page: Page, answers: Answers) -> Page:
        """Do the one thing that a page asks for."""
        if page.has(PASSWORD):
            person = answers.person
            return await self.submit(page, PASSWORD, {"username": person.email, "password": person.password})
        if page.has(IDENTITY):
            if answers.declines:
                return await self.submit(page, DECLINE)
            return await self.submit(page, IDENTITY, {"mrz": answers.lines})
        if page.has(WAIT):
            return await self.look_again()
        return await self.submit(page, next(form for form in (CLAIM, CONTINUE, HAND_BACK) if page.has(form)))

    async def look_again(self) -> Page:
        """Reload a waiting page, as it asks to where there is no JavaScript, until it is another."""

        async def gone_on() -> Page | None:
            page = await self.reload()
            return None if page.has(WAIT) else page

        page = await wait_until(gone_on, _PATIENCE_SECONDS, what="the waiting page to go on", every=0.1)
        assert page is not None
        return page

    async def walk(self, page: Page, answers: Answers, *, to: str = LOGGED_IN) -> Page:
        """Go on until a page has `to`, or asks for nothing more."""
        while not page.has(to) and asks_for_something(page):
            page = await self.answer(page, answers)
        return page

    async def log_in(self, answers: Answers, *, to: str = LOGGED_IN) -> Page:
        """A login from its beginning to a page that has `to`, or to its end."""
        return await self.walk(await self.begin(answers), answers, to=to)

    @property
    def link(self) -> URL:
        """Where the tenant has sent this browser last: the address with the session token."""
        return next(url for url in reversed(self.visited) if url.path.startswith("/start/"))

    async def claims(self) -> dict[str, Any] | None:
        """What the application's ID token says; None while nobody is logged in there."""
        async with self.session.get(f"{self.origins.app}/claims") as response:
            claims: dict[str, Any] | None = await response.json()
        return claims

    async def _request(
        self, method: str, url: URL, *, data: dict[str, str] | None, origin: str | None
    ) -> tuple[Page, URL | None]:
        if method == "GET":
            self.address = url
        self.visited.append(url)
        return await super()._request(method, url, data=data, origin=origin)


def new_browser_session(stack: Site) -> aiohttp.ClientSession:
    """Cookies of one browser, `Secure` ones included."""
    origins = stack.origins
    return new_session(origins=[origins.app, origins.tenant, origins.gateway])


def asks_for_something(page: Page) -> bool:
    return any(page.has(place) for place in (PASSWORD, CLAIM, IDENTITY, WAIT, CONTINUE, HAND_BACK))


def transaction_of(page: Page) -> str:
    """The id in /t/{id}."""
    return page.url.parts[2]


def reason_of(page: Page) -> str:
    """Why the application says that the login was refused."""
    return page.form(REFUSED).get_text(strip=True)
