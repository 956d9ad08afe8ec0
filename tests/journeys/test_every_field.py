"""Every field of every form that asks a person for something, with what nobody types by accident."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from bs4 import BeautifulSoup
from yarl import URL

from tests.journeys.browser import CLAIM, IDENTITY, LOGGED_IN, Browser, transaction_of
from tests.journeys.people import honest, new_person
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.naughty import naughty_strings

_MARKUP = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"
_MOST_BYTES = 7_000  # two such fields are a form that is read
# A few of each kind; the tests of the rules take the whole list.
_NAUGHTY = (
    *(typed for typed in naughty_strings()[3::28] if len(quote_plus(typed)) < _MOST_BYTES),
    _MARKUP,
    "a" + "\u0301" * 1_000,
    "W" * (_MOST_BYTES - 1),
    "\u202eevil\u2066",
    "a\r\nSet-Cookie: b=c\r\n\r\n",
    " ",
)
_NAMELESS = {"given_name": "", "family_name": "", "name": "", "user_metadata": {}}


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of a step: what is typed into one of `fields` goes into all of them.

    What else the page has in its fields stays, so that no form is whole.
    """

    step: str
    selector: str
    fields: tuple[str, ...]
    allowed: frozenset[int]

    def __str__(self) -> str:
        return f"{self.step} {'+'.join(self.fields)}"


def _alone(step: str, selector: str, *fields: str, allowed: tuple[int, ...] = (422,)) -> Iterator[Form]:
    for field in fields:
        yield Form(step=step, selector=selector, fields=(field,), allowed=frozenset(allowed))


_PROFILE = ("p_given_name", "p_family_name", "p_birthdate", "p_phone_number", "p_country", "p_news")
_PASSWORDS = ("new_password", "new_password_again")
FORMS = (
    *_alone("terms", "form#terms", "shown", "accept.terms_of_use", "accept.news", allowed=(400,)),
    *_alone("profile", "form#profile", *_PROFILE),
    *_alone("stepup", "form#verify", "code"),
    *_alone("password", "form#change", *_PASSWORDS),
    # A good one is taken: 200.
    Form(step="password", selector="form#change", fields=_PASSWORDS, allowed=frozenset({200, 422})),
    # After the last attempt the login goes on without it.
    *_alone("idproof", IDENTITY, "mrz", allowed=(200, 422)),
)


@dataclass(kw_only=True)
class Desk:
    """A form with somebody before it; when it has been used up, somebody else begins a login."""

    world: World
    form: Form
    browser: Browser | None = None

    async def page(self) -> Page:
        page = await self.browser.reload() if self.browser else None
        return page if page and page.has(self.form.selector) else await self._begin()

    async def _begin(self) -> Page:
        self.browser = await self.world.browser()
        page = await self.browser.log_in(honest(await self._person()), to=self.form.selector)
        assert page.has(self.form.selector)
        return page

    async def _person(self) -> Person:
        flags = {"waystation_require": f"{self.form.step}:1", "waystation_skip": "idproof"}
        return await self.world.tenant.add(new_person(), app_metadata=flags, **_NAMELESS)

    async def send(self, page: Page, fields: Mapping[str, str] | bytes) -> Page:
        """Post to where the form does."""
        assert self.browser
        return await post(self.browser, page, selector=self.form.selector, fields=fields)


async def post(browser: Browser, page: Page, *, selector: str, fields: Mapping[str, str] | bytes) -> Page:
    """Post these fields, or this body, to where a form of the page does; a redirect is followed."""
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    action = page.url.join(URL(str(page.form(selector)["action"])))
    headers = {"Origin": str(page.url.origin()), "Content-Type": "application/x-www-form-urlencoded"}
    async with browser.session.post(action, data=body, headers=headers) as answer:
        html = BeautifulSoup(await answer.text(), "html.parser")
        return Page(url=answer.url, who="gateway", status=answer.status, html=html)


def whole(page: Page, selector: str) -> dict[str, str]:
    """What a browser sends of the form as it stands there; the boxes are not ticked."""
    fields = page.form(selector).select("input[name]:not([type=checkbox], [type=radio])")
    areas = page.form(selector).select("textarea[name], select[name]")
    return {str(field["name"]): str(field.get("value", "")) for field in (*fields, *areas)}


def slips(page: Page, *, form: Form, typed: str | None = None) -> list[str]:
    """Whatever of the page is not as it must be; `typed` is what the form shows, where it comes again."""
    found = [] if page.status in form.allowed else [f"status {page.status}"]
    if page.html.select("[onerror], [src=x], iframe, object, svg[onload], script:not([nonce])"):
        found.append("markup")
    if "alert(" in "".join(script.get_text() for script in page.html.select("script")):
        found.append("a script")
    back = page.html.select_one(f"#{form.fields[0]}")
    if back is not None and form.step == "password" and back.get("value"):
        found.append("a password comes back")
    if typed == _MARKUP and page.has("textarea#mrz") and page.form("textarea#mrz").get_text() != typed:
        found.append("not as it was typed")
    return found


def errors(world: World, *, since: int, logins: set[str]) -> list[dict[str, Any]]:
    """What the gateway calls a mistake of its own, of these logins or of none."""
    return [
        line
        for line in world.log_lines("gateway", since=since)
        if line["severity"] not in {"INFO", "WARNING"}
        and (line.get("transaction_id") is None or line["transaction_id"] in logins)
    ]


@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_whatever_is_typed_is_text(world: World, form: Form) -> None:
    """No field takes what it must not, shows it as anything but text, or ends in an error of ours."""
    desk, written, logins = Desk(world=world, form=form), len(world.output("gateway")), set[str]()
    for typed in _NAUGHTY:
        page = await desk.page()
        logins.add(transaction_of(page))
        answer = await desk.send(page, whole(page, form.selector) | dict.fromkeys(form.fields, typed))
        assert slips(answer, form=form, typed=typed) == [], typed[:80]
    assert errors(world, since=written, logins=logins) == []


_SELECTORS = {form.step: form for form in FORMS}


@pytest.mark.parametrize("form", _SELECTORS.values(), ids=_SELECTORS)
async def test_names_that_no_page_sends(world: World, form: Form) -> None:
    """Doubled, unknown, too many, too large: refused or not looked at, and the form stays where it is."""
    desk, written = Desk(world=world, form=form), len(world.output("gateway"))
    page = await desk.page()
    sent = whole(page, form.selector)
    good = urlencode(sent).encode()
    for name, value in sent.items():
        answer = await desk.send(page, good + f"&{quote_plus(name)}={quote_plus(value)}".encode())
        assert answer.status == 400, name
    for name in _NAUGHTY:
        answer = await desk.send(page, {name: "yes", **sent})
        assert slips(answer, form=form) == [], name[:80]
    assert (await desk.send(page, good + b"&a=" * 20)).status == 413
    assert (await desk.send(page, good + b"&a=" + b"W" * 16_384)).status == 413
    for typed in _NAUGHTY:
        assert (await desk.send(page, {**sent, "csrf": typed})).status == 403, typed[:80]
    assert (await desk.page()).url == page.url
    assert errors(world, since=written, logins={transaction_of(page)}) == []


async def test_the_language_and_where_to_go_back(world: World) -> None:
    """The form in the foot of every page leads to a page of ours in a language that we have, or nowhere."""
    browser = await world.browser()
    page = await browser.log_in(honest(await world.person()), to=CLAIM)
    form, written = "form.tongues", len(world.output("gateway"))
    sent = {"to": page.url.path, "language": "fr"}
    for field in sent:
        for typed in (*_NAUGHTY, "//evil.example", "https://evil.example", f"/\\evil.example{page.url.path}"):
            answer = await post(browser, page, selector=form, fields={**sent, field: typed})
            assert (answer.status, str(answer.url.origin())) == (400, world.stack.origins.gateway), typed[:80]
    answer = await post(browser, page, selector=form, fields=sent)
    assert (answer.status, answer.html.html and answer.html.html["lang"]) == (200, "fr")
    assert errors(world, since=written, logins={transaction_of(page)}) == []


async def test_receipts_of_others(world: World) -> None:
    """A receipt is asked for by its own number, and whoever asks for another gets nothing."""
    flags = {"waystation_require": "terms:1", "waystation_skip": "idproof"}
    person, browser = await world.tenant.add(new_person(), app_metadata=flags), await world.browser()
    page = await browser.log_in(honest(person), to="form#terms")
    page = await browser.submit(page, "form#terms", {"accept.terms_of_use": "yes"})
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    page = await browser.open(f"{browser.origins.app}/login?step=terms")
    page = await browser.submit(page, CLAIM)
    for form in ("form[action$=receipt]", "form[action$=record]"):
        sent = whole(page, form)
        for typed in _NAUGHTY:
            answer = await post(browser, page, selector=form, fields={**sent, "id": typed})
            assert answer.status == 404, typed[:80]
        answer = await post(browser, page, selector=form, fields={**sent, "more": "x"})
        assert answer.status == 400
    assert errors(world, since=0, logins={transaction_of(page)}) == []


async def test_what_the_tenant_knows_is_text_too(world: World) -> None:
    """A name that the tenant has, and that is markup and too long for our form, stands there as it is."""
    flags = {"waystation_require": "profile:1", "waystation_skip": "idproof"}
    names = {"given_name": _MARKUP * 4, "family_name": _MARKUP * 3}
    person = await world.tenant.add(new_person(), app_metadata=flags, **names)
    browser = await world.browser()
    page = await browser.log_in(honest(person), to="form#profile")
    assert page.form("#p_given_name")["value"] == names["given_name"]
    assert page.form("#p_family_name")["value"] == names["family_name"]
    assert page.html.select("[onerror], [src=x], script:not([nonce])") == []
