"""A browser arrives with a session token: what opens a login, and what changes nothing."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.shield import is_transaction_id
from tests.common.session_tokens import sealed_profile, token
from tests.common.tenants_on_disk import ANSWER_SECRET, GLOBEX_SECRET
from tests.gateway.arrivals import PROFILE, Redirect, redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.rig import Rig
from tests.support.clock import FakeClock

APPLICATION = "https://bank.acme.example/login"


async def refused(rig: Rig, browser: Browser, path: str, *, changing: bool = False) -> tuple[int, str]:
    """The status of an arrival that opens nothing, and the code in its one line of the log."""
    before = await rig.everything()
    seen = len(rig.lines.all)
    answer = await browser.get(path)
    assert changing or await rig.everything() == before
    assert not answer.cookies
    assert "Location" not in answer.headers
    codes = [line["code"] for line in rig.lines.all[seen:] if line["event"] == "request.refused"]
    assert len(codes) == 1
    return answer.status, codes[0]


def way_on(answer: Answer) -> str | None:
    link = answer.html.select_one("a.button")
    return str(link["href"]) if link else None


async def test_a_first_arrival(rig: Rig, anna: Browser) -> None:
    """A good token opens a login, gives this browser a cookie, and leaves the URL."""
    arrival = redirect(rig.clock)
    answer = await anna.get(arrival.path)
    login = answer.location.removeprefix("/t/")
    assert answer.status == 303
    assert is_transaction_id(login)
    ((name, cookie),) = answer.cookies.items()
    assert name == f"__Host-ws-{login[:12]}"
    flags = {key: cookie[key] for key in ("path", "secure", "httponly", "samesite", "max-age", "domain")}
    assert flags == {
        "path": "/",
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
        "max-age": "7200",
        "domain": "",
    }
    found = await rig.login(login)
    assert (found.transaction.tenant, found.transaction.jti) == ("acme", arrival.jti)
    assert found.transaction.subject == "auth0|65f0c0ffee"
    assert found.transaction.claimed_by is None
    assert found.transaction.deadline == rig.clock.now() + timedelta(minutes=45)
    assert found.continue_uri == "https://acme.eu.auth0.com/continue"


async def test_a_reload(rig: Rig, anna: Browser) -> None:
    """The same URL again in the same browser is the same login, and its cookie stays what it is."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    before = await rig.everything()
    again = await anna.get(arrival.path)
    assert (again.status, again.location, dict(again.cookies)) == (303, f"/t/{login}", {})
    assert await rig.everything() == before


async def test_a_lost_answer(rig: Rig, anna: Browser) -> None:
    """Where the first answer never came, the browser's own retry is given a cookie, and the login goes on."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    anna.forget_cookies()
    assert await anna.begin(arrival) == login
    assert (await anna.look(login)).title == "Your identity document"


async def test_two_tabs_before_the_click(rig: Rig, anna: Browser) -> None:
    """A second tab that replaces the cookie under the first one's page costs a click, not the login."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    stale = await anna.csrf(login)
    anna.forget_cookies()  # the second tab's request had left before the first one's cookie came
    await anna.arrive(arrival)
    refused = await anna.post(f"/t/{login}/claim", {"csrf": stale})
    assert (refused.status, refused.title) == (403, "This page was out of date")
    assert way_on(refused) == f"/t/{login}"
    assert (await anna.press(login, "claim")).status == 303
    assert (await anna.look(login)).title == "Your identity document"


async def test_two_tabs_at_the_click(rig: Rig, anna: Browser) -> None:
    """A second tab's late cookie is put right by the click that it comes between."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    (name,), (first,) = anna.cookies, anna.cookies.values()
    csrf = await anna.csrf(login)
    anna.forget_cookies()
    await anna.arrive(arrival)
    (late,) = anna.cookies.values()
    anna.take_cookie(name, first)  # the click left before the late cookie came
    clicked = await anna.post(f"/t/{login}/claim", {"csrf": csrf})
    assert (clicked.cookies[name].value, first != late) == (first, True)
    assert (await anna.look(login)).title == "Your identity document"


async def test_a_hundred_at_once(rig: Rig, anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred first requests with one token make one login."""
    monkeypatch.setattr("common.db.ACQUIRE_SECONDS", 60.0)  # a slow machine has not done so many in two
    arrival = redirect(rig.clock)
    answers = await asyncio.gather(*(anna.get(arrival.path) for _ in range(100)))
    assert {answer.status for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert await rig.rows("SELECT count(*) FROM transactions") == [(1,)]


async def test_an_expired_token_in_the_browser_that_has_come(rig: Rig, anna: Browser) -> None:
    """Back and reload of the first URL work when its token is long over."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    rig.clock.advance(600)
    again = await anna.get(arrival.path)
    assert (again.status, again.location) == (303, f"/t/{login}")


async def test_an_expired_token_elsewhere(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Without the cookie an expired token opens nothing, known or not; the way on is shown."""
    known, unknown = redirect(rig.clock), redirect(rig.clock)
    await anna.arrive(known)
    rig.clock.advance(151)
    for arrival in (known, unknown):
        assert await refused(rig, mallory, arrival.path) == (401, "session_token_expired")
        page = await mallory.get(arrival.path)
        assert page.title == "This link has expired"
        assert way_on(page) == APPLICATION


async def test_another_browser_before_the_claim(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Before the click each arrival has a cookie of its own, and nothing is bound."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    assert await mallory.arrive(arrival) == login
    assert anna.cookies.keys() == mallory.cookies.keys()
    assert anna.cookies != mallory.cookies


async def test_another_browser_after_the_claim(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """After the click the same URL is refused elsewhere, and the login is untouched."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    assert await refused(rig, mallory, arrival.path) == (403, "other_browser")
    assert (await anna.look(login)).status == 200


async def test_one_jti_with_another_state(rig: Rig, anna: Browser) -> None:
    """A token that comes with another state than before is a conflict."""
    first = redirect(rig.clock, jti="j" * 22)
    await anna.arrive(first)
    other = redirect(rig.clock, jti="j" * 22, state="another-state")
    assert await refused(rig, anna, other.path) == (409, "state_does_not_fit")
    assert way_on(await anna.get(other.path)) == APPLICATION


async def test_one_state_with_another_jti(rig: Rig, anna: Browser) -> None:
    """A state that comes with another token than before is a conflict."""
    await anna.arrive(redirect(rig.clock, state="the-state"))
    other = redirect(rig.clock, state="the-state")
    assert await refused(rig, anna, other.path) == (409, "state_does_not_fit")


async def test_tenants_do_not_meet(rig: Rig, anna: Browser) -> None:
    """Two tenants may use the same jti and state: those are two logins."""
    ours = redirect(rig.clock, jti="j" * 22, state="the-state")
    theirs = globex(rig.clock, jti="j" * 22, state="the-state")
    assert await anna.arrive(ours) != await anna.arrive(theirs)


def globex(clock: FakeClock, **changes: Any) -> Redirect:
    """A good arrival at the other tenant."""
    return redirect(
        clock,
        tenant="globex",
        iss="globex.eu.auth0.com",
        continue_uri="https://globex.eu.auth0.com/continue",
        secret=GLOBEX_SECRET,
        **changes,
    )


async def test_a_token_of_another_tenant(rig: Rig, anna: Browser) -> None:
    """A tenant cannot speak for another one, whatever its token says."""
    theirs = globex(rig.clock)
    ours = Redirect(state=theirs.state, session_token=theirs.session_token, jti=theirs.jti)
    assert await refused(rig, anna, ours.path) == (401, "session_token_signature")
    forged = redirect(rig.clock, tenant="globex", secret=GLOBEX_SECRET)
    assert await refused(rig, anna, forged.path) == (401, "session_token_iss")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"exp": 4_000_000_000}, "session_token_exp"),
    ({"aud": "acme"}, "session_token_aud"),
    ({"sub": ""}, "session_token_sub"),
    ({"continue_uri": "https://evil.example/continue"}, "session_token_continue_uri"),
    ({"continue_uri": "https://acme.eu.auth0.com.evil.example/continue"}, "session_token_continue_uri"),
    ({"v": 2}, "session_token_v"),
    ({"steps": []}, "session_token_steps"),
    ({"header": {"typ": "at+jwt"}}, "session_token_header"),
    ({"header": {"alg": "none"}}, "session_token_header"),
    ({"secret": ANSWER_SECRET}, "session_token_signature"),
]


async def test_tokens_that_are_refused(rig: Rig, anna: Browser) -> None:
    """A token that is wrong in any claim is refused before anything is written."""
    for claims, code in REFUSED:
        assert await refused(rig, anna, redirect(rig.clock, **claims).path) == (401, code)


async def test_a_token_for_another_entry(rig: Rig, anna: Browser) -> None:
    """A token opens the entry that it names, and no other; its person is shown the way on."""
    arrival = redirect(rig.clock, entry="signup")
    assert await refused(rig, anna, arrival.path) == (401, "session_token_entry")
    assert way_on(await anna.get(arrival.path)) == APPLICATION


@pytest.mark.parametrize("steps", [["terms:1"], ["idproof:2"], ["idproof:1", "stepup:1"]])
async def test_a_step_that_is_not_set_up(rig: Rig, anna: Browser, steps: list[str]) -> None:
    """A step or revision that the tenant has not configured is a named error, not a loop."""
    arrival = redirect(rig.clock, steps=steps)
    assert await refused(rig, anna, arrival.path) == (409, "step_not_configured")
    page = await anna.get(arrival.path)
    assert (page.title, way_on(page)) == ("This step is not set up", APPLICATION)


async def test_the_revision_of_a_step(rig: Rig, anna: Browser) -> None:
    """The result answers the revision that the tenant has configured, if need be a newer one than asked."""
    file = rig.settings.tenants_file
    file.write_text(file.read_text().replace("revision: 1", "revision: 3"))
    rig.tenants.refresh()
    login = await anna.arrive(redirect(rig.clock, steps=["idproof:2"]))
    assert (await rig.login(login)).transaction.step("idproof").revision == 3


async def test_the_profile_of_another_token(rig: Rig, anna: Browser) -> None:
    """A profile that was sealed for another jti does not open a login."""
    stolen = sealed_profile(json.dumps(PROFILE).encode(), jti="of-another-token")
    arrival = redirect(rig.clock)
    issued = int(rig.clock.now().timestamp())
    moved = token(iat=issued, exp=issued + 120, jti=arrival.jti, profile=stolen)
    path = Redirect(state=arrival.state, session_token=moved, jti=arrival.jti).path
    assert await refused(rig, anna, path) == (401, "profile")
    assert [line["reason"] for line in rig.lines.all if line["event"] == "profile.refused"] == ["header"]


async def test_an_empty_profile(rig: Rig, anna: Browser) -> None:
    """Where the tenant knows nothing about the person, the login opens all the same."""
    login = await anna.arrive(redirect(rig.clock, profile={}))
    assert "the account that you have just logged in with" in (await anna.look(login)).text


BAD_STATES = [
    "",
    "x" * 3000,
    "x" * 2049,
    "two%20words",
    "a%0D%0ASet-Cookie:%20a=b",
    "a%00b",
    "%C3%A5",
    "%FF",
    "a%E2%80%AEb",
    "a%7F",
]


async def test_states_that_no_tenant_sends(rig: Rig, anna: Browser) -> None:
    """A state that is empty, longer than 2,048 characters or not printable ASCII is refused."""
    token = redirect(rig.clock).session_token
    for state in BAD_STATES:
        path = f"/start/acme/login?state={state}&session_token={token}"
        assert await refused(rig, anna, path) == (400, "state")


BAD_LINKS = [
    ("session_token={token}", "state_count"),
    ("state={state}", "session_token_count"),
    ("", "state_count"),
    ("state={state}&state={state}&session_token={token}", "state_count"),
    ("state={state}&session_token={token}&session_token={token}", "session_token_count"),
    ("state={state}&STATE=x&session_token={token}&session%5Ftoken=x", "session_token_count"),
    ("state={state}&session_token=", "session_token_form"),
    ("state={state}&session_token={token}%3D", "session_token_form"),
    ("state={state}&session_token={token}%00", "session_token_form"),
    ("state={state}&session_token=a.b", "session_token_form"),
    ("state={state}&session_token=a.b.c.d.e", "session_token_form"),
    ("state={state}&session_token=" + "x" * 5001, "session_token_form"),
    ("state={state}&session_token=a.b.c", "session_token_header"),
]


async def test_links_that_are_not_complete(rig: Rig, anna: Browser) -> None:
    """A missing, doubled or damaged parameter is 400, what only looks like a token 401."""
    good = redirect(rig.clock)
    for query, code in BAD_LINKS:
        path = "/start/acme/login?" + query.format(state=good.state, token=good.session_token)
        expected = 401 if code == "session_token_header" else 400
        assert await refused(rig, anna, path) == (expected, code)


async def test_an_unknown_tenant(rig: Rig, anna: Browser) -> None:
    """A tenant that is not in the file is 404, whatever comes with it."""
    assert await refused(rig, anna, redirect(rig.clock, tenant="initech").path) == (404, "unknown_tenant")


NO_ADDRESSES = [
    "/start/ACME/login",
    "/start/acme/LOGIN",
    "/start/acme/log%20in",
    "/start/acme/login%00",
    "/start/acme/%ff",
    f"/start/acme/{'x' * 33}",
    f"/start/{'x' * 41}/login",
    "/start/acme/login/",
    "/start/acme",
    "/start//login",
    "/start/..%2Facme/login",
]


async def test_addresses_that_nobody_was_given(rig: Rig, anna: Browser) -> None:
    """A malformed tenant or entry is 404, with a good token too."""
    query = redirect(rig.clock).path.partition("?")[2]
    for path in NO_ADDRESSES:
        assert (path, (await anna.get(f"{path}?{query}")).status) == (path, 404)
    assert await rig.rows("SELECT 1 FROM transactions") == []


async def test_other_parameters_are_ignored(rig: Rig, anna: Browser) -> None:
    """What somebody adds to the URL goes nowhere."""
    path = redirect(rig.clock).path + "&return_to=https://evil.example&next=//evil.example&continue=x"
    answer = await anna.get(path)
    assert answer.status == 303
    assert answer.location.startswith("/t/")
    assert len(answer.location) == 25


async def test_a_planted_cookie(rig: Rig, anna: Browser) -> None:
    """A cookie that was there before the first request is replaced, unless we made it for this login."""
    arrival = redirect(rig.clock)
    first = await anna.get(arrival.path)
    (name,) = first.cookies
    anna.forget_cookies()
    anna.take_cookie(name, "1." + "A" * 43 + "." + "B" * 43)
    again = await anna.get(arrival.path)
    assert again.status == 303
    assert again.cookies[name].value not in {"", first.cookies[name].value}


async def test_a_ninth_login(rig: Rig, anna: Browser) -> None:
    """A browser holds eight of our cookies at most: the ninth login deletes the oldest."""
    for _ in range(8):
        await anna.arrive(redirect(rig.clock))
        rig.clock.advance(1)
    names = sorted(anna.cookies, key=lambda name: int(anna.cookies[name].partition(".")[0]))
    answer = await anna.get(redirect(rig.clock).path)
    deleted = [cookie for cookie in answer.cookies.values() if cookie["max-age"] == "0"]
    assert [cookie.key for cookie in deleted] == names[:1]
    assert all(cookie["secure"] and cookie["path"] == "/" and not cookie["domain"] for cookie in deleted)
    assert len(anna.cookies) == 8


async def test_cookies_with_impossible_names(rig: Rig, anna: Browser) -> None:
    """Twenty cookies whose names no server could set do not stop an arrival."""
    cookies = "; ".join(f"__Host-ws-{number}[(/x=1" for number in range(20))
    answer = await anna.get(redirect(rig.clock).path, Cookie=cookies)
    assert answer.status == 303
    assert len(answer.cookies) == 1


async def test_a_prefetch_is_harmless(rig: Rig, anna: Browser) -> None:
    """A browser that fetches ahead opens the login that the person then comes to."""
    arrival = redirect(rig.clock)
    ahead = await anna.get(arrival.path, **{"Sec-Purpose": "prefetch;prerender"})
    assert await anna.arrive(arrival) == ahead.location.removeprefix("/t/")
    assert await rig.rows("SELECT count(*) FROM transactions") == [(1,)]
