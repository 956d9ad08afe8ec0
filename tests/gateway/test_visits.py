"""Who is let in under /t/{id}, and who is turned away without learning anything."""

from collections.abc import Awaitable, Callable

import pytest

from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Answer, Browser, SlowForm
from tests.gateway.rig import Rig
from tests.support.zones import Zone

PATHS = ["", "/events"]
ACTS = ["claim", "idproof/submit", "idproof/decline", "continue"]


def code_of(rig: Rig) -> str:
    """Why the last request was refused."""
    return str([line for line in rig.lines.all if line["event"] == "request.refused"][-1]["code"])


async def each(browser: Browser, login: str, *, csrf: str = "x") -> list[Answer]:
    """Every address of a login, asked for once."""
    pages = [await browser.get(f"/t/{login}{path}") for path in PATHS]
    return pages + [await browser.post(f"/t/{login}/{act}", {"csrf": csrf}) for act in ACTS]


async def test_without_a_cookie(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """A browser that has never arrived is 403 everywhere, sees the way on, and changes nothing."""
    login = await anna.arrive(redirect(rig.clock))
    before = await rig.everything()
    for answer in await each(mallory, login):
        assert (answer.status, answer.title) == (403, "This browser has no cookie for this login")
        assert 'href="https://bank.acme.example/login"' in answer.text
        assert code_of(rig) == "no_cookie"
    assert await rig.everything() == before


async def test_with_another_logins_cookie(rig: Rig, anna: Browser) -> None:
    """A cookie of one login does not open another one, even under its name."""
    mine, other = await anna.arrive(redirect(rig.clock)), await anna.arrive(redirect(rig.clock))
    value = anna.cookies[f"__Host-ws-{mine[:12]}"]
    anna.forget_cookies()
    anna.take_cookie(f"__Host-ws-{other[:12]}", value)
    assert {answer.status for answer in await each(anna, other)} == {403}


async def test_another_browser_after_the_claim(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """The browser that did not click has a good cookie, and is 403 from then on; the login is untouched."""
    arrival = redirect(rig.clock)
    login = await mallory.arrive(arrival)
    csrf = await mallory.csrf(login)
    await anna.begin(arrival)
    before = await rig.everything()
    for answer in await each(mallory, login, csrf=csrf):
        assert answer.status == 403
        assert code_of(rig) == "other_browser"
    assert await rig.everything() == before
    assert (await anna.look(login)).status == 200


@pytest.mark.parametrize("login", ["x" * 22, "A" * 22])
async def test_an_unknown_login(rig: Rig, anna: Browser, login: str) -> None:
    """A login that does not exist is 404 everywhere."""
    assert {answer.status for answer in await each(anna, login)} == {404}
    assert code_of(rig) == "unknown_transaction"


@pytest.mark.parametrize(
    "login", ["short", "x" * 23, "x" * 21 + "%00", "x" * 21 + "%C3", "..%2F..%2Fetc", "x" * 3000, "%FF" * 22]
)
async def test_a_malformed_id(rig: Rig, anna: Browser, login: str) -> None:
    """What cannot be an id is 404 before any question to the database."""
    assert {answer.status for answer in await each(anna, login)} == {404}
    assert code_of(rig) == "malformed_id"


async def test_guesses_tell_nothing(anna: Browser) -> None:
    """Two wrong ids get the same page, apart from its nonce."""
    pages = [await anna.get(f"/t/{guess}") for guess in ("x" * 22, "y" * 22, "no")]
    texts = {page.text.replace(_nonce(page), "") for page in pages}
    assert len(texts) == 1


def _nonce(page: Answer) -> str:
    return page.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]


async def test_after_the_deadline(rig: Rig, anna: Browser) -> None:
    """A login whose time is over is 410 for its own browser, swept or not, and 403 for others."""
    login = await anna.begin(redirect(rig.clock))
    csrf = await anna.csrf(login)
    await rig.advance(45 * 60)
    for _ in range(2):
        for answer in await each(anna, login, csrf=csrf):
            assert (answer.status, answer.title) == (410, "This login has expired")
        await rig.timekeeper.sweep()
    anna.forget_cookies()
    assert (await anna.look(login)).status == 403


async def test_odd_cookies(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Bytes beyond ASCII, 7 KB of them or a doubled cookie are no way in, and no error."""
    login = await anna.begin(redirect(rig.clock))
    name = f"__Host-ws-{login[:12]}"
    for cookie in (
        f"{name}=\udcff\udcfe",
        f"{name}=" + "x" * 7000,
        f"{name}=a; {name}=b",
        f'{name}="',
        "=",
        ";;",
    ):
        assert (await mallory.get(f"/t/{login}", Cookie=cookie)).status == 403


Change = Callable[[Browser, str, str], Awaitable[Answer]]


def posting(*, csrf: str | None = None, **headers: str) -> Change:
    async def post(browser: Browser, path: str, good: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {} if csrf == "" else {"csrf": csrf or good}
        return await browser.request("POST", path, data=fields, headers=named)

    return post


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (posting(csrf=""), "csrf"),
        (posting(csrf="x" * 43), "csrf"),
        (posting(csrf="ä"), "csrf"),
        (posting(Origin="https://evil.example"), "foreign_origin"),
        (posting(Origin="null"), "foreign_origin"),
        (posting(Origin=""), "foreign_origin"),
        (posting(Sec_Fetch_Site="cross-site"), "foreign_site"),
        (posting(Sec_Fetch_Site="same-site"), "foreign_site"),
    ],
)
async def test_posts_from_elsewhere(rig: Rig, anna: Browser, change: Change, code: str) -> None:
    """A form without its token, or from a page that is not ours, is 403 and does nothing."""
    login = await anna.begin(redirect(rig.clock))
    csrf = await anna.csrf(login)
    before = await rig.everything()
    for act in ACTS:
        assert (await change(anna, f"/t/{login}/{act}", csrf)).status == 403
        assert code_of(rig) == code
    assert await rig.everything() == before


async def test_the_token_of_another_login(rig: Rig, anna: Browser) -> None:
    """A form's token works for its own login only."""
    mine, other = await anna.begin(redirect(rig.clock)), await anna.begin(redirect(rig.clock))
    answer = await anna.post(f"/t/{mine}/idproof/decline", {"csrf": await anna.csrf(other)})
    assert (answer.status, code_of(rig)) == (403, "csrf")


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
async def test_browsers_that_say_less(rig: Rig, anna: Browser, headers: dict[str, str]) -> None:
    """A browser that sends no Origin gets on with its form's token."""
    login = await anna.arrive(redirect(rig.clock))
    answer = await posting(**headers)(anna, f"/t/{login}/claim", await anna.csrf(login))
    assert answer.status == 303


async def test_a_trickling_form_is_judged_when_it_has_come(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """The transplant by patience: who was let in before the claim gets no answer when the login is ready."""
    arrival = redirect(rig.clock)
    login = await mallory.arrive(arrival)
    csrf = await mallory.csrf(login)
    (cookie,) = (f"{name}={value}" for name, value in mallory.cookies.items())
    slow = await SlowForm.begin(rig.origin, f"/t/{login}/continue", cookie=cookie, body=f"csrf={csrf}")
    await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    answer = await slow.finish()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"session_token" not in answer
    assert (await anna.press(login, "continue")).status == 200
