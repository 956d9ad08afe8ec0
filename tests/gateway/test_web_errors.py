"""Every way a request can fail is a page, one line in the log, and no word of the request in either."""

import asyncio
import re
from typing import Any

from tests.gateway.arrivals import PROFILE, redirect
from tests.gateway.browsers import Browser, raw
from tests.gateway.rig import Rig
from tests.support.waiting import wait_until
from tests.support.zones import Zone

CANARY = "c4n4ry"


def served(rig: Rig) -> list[dict[str, Any]]:
    return [line for line in rig.lines.all if line["event"] == "request.served"]


async def test_one_line_per_request(rig: Rig, anna: Browser) -> None:
    """Each request, whatever came of it, is one line with its route, never its path or query."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz="x")
    await anna.get(f"/{CANARY}?{CANARY}")
    await anna.request("PROPFIND", f"/t/{login}")
    fields = ("http_request_method", "http_route", "http_response_status_code")
    lines = [tuple(line[field] for field in fields) for line in served(rig)]
    assert lines == [
        ("GET", "/start/{tenant}/{entry}", 303),
        ("GET", "/t/{id}", 200),
        ("POST", "/t/{id}/claim", 303),
        ("GET", "/t/{id}", 200),
        ("POST", "/t/{id}/{step}/{act}", 422),
        ("GET", "none", 404),
        ("PROPFIND", "none", 405),
    ]
    assert all(line["transaction_id"] == login for line in served(rig)[:5])
    assert all("transaction_id" not in line for line in served(rig)[5:])
    assert CANARY not in rig.lines.text


async def test_nothing_personal_in_the_log(rig: Rig, anna: Browser) -> None:
    """A whole login, with slips and refusals, leaves no token, state, name, document or cookie in the log."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz=Zone().text()[:-1])
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    page = await anna.press(login, "continue")
    await anna.get(arrival.path + f"&session_token={CANARY}", **{"User-Agent": CANARY, "Referer": CANARY})
    secrets = [arrival.state, arrival.session_token, arrival.jti, page.value("session_token"), CANARY]
    secrets += [*PROFILE.values(), "ERIKSSON", "L898902C3", "auth0|65f0c0ffee", *anna.cookies.values()]
    for secret in secrets:
        assert secret not in rig.lines.text


async def test_methods_of_start(rig: Rig, anna: Browser) -> None:
    """Only GET begins a login; anything else is 405 with what is allowed, and changes nothing."""
    for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "POST", "PROPFIND"):
        answer = await anna.request(method, redirect(rig.clock).path)
        assert (method, answer.status, answer.headers["Allow"]) == (method, 405, "GET")
    assert await rig.rows("SELECT 1 FROM transactions") == []


async def test_methods_of_acts(rig: Rig, anna: Browser) -> None:
    """A button is a POST, and GET leads to the page of it; any other method is 405 and changes nothing."""
    login = await anna.arrive(redirect(rig.clock))
    before = await rig.everything()
    for act in ("claim", "idproof/submit", "idproof/decline", "continue"):
        for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
            answer = await anna.request(method, f"/t/{login}/{act}")
            assert (method, answer.status, answer.headers["Allow"]) == (method, 405, "GET,POST")
    assert await rig.everything() == before


async def test_a_buttons_address(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Typed or reloaded without its form, it leads whoever asks to the login's page, and does nothing."""
    login = await anna.begin(redirect(rig.clock))
    before = await rig.everything()
    for act in ("claim", "idproof/submit", "idproof/decline", "continue"):
        for browser in (anna, mallory):
            answer = await browser.get(f"/t/{login}/{act}?csrf={CANARY}")
            assert (answer.status, answer.location) == (303, f"/t/{login}")
            assert answer.cookies == {}
        wrong = await anna.get(f"/t/{'x' * 21}%0A/{act}")
        assert (wrong.status, "Location" in wrong.headers) == (404, False)
    assert (await anna.get(f"/t/{login}/bribe")).status == 404
    assert await rig.everything() == before


async def test_addresses_that_are_not_ours(rig: Rig, anna: Browser) -> None:
    """Everything else is a plain 404 page; health and the like are not on this listener."""
    operators = ("/healthz", "/readyz", "/metrics", "/admin")
    for path in (*operators, "/", "/t", "/t/", "/start", "/favicon.ico", "/..%2f..%2fetc/passwd", "/%00"):
        answer = await anna.get(path)
        assert (path, answer.status, answer.title) == (path, 404, "There is nothing here")
        assert rig.lines.all[-1]["http_response_status_code"] == 404


FORM = "application/x-www-form-urlencoded"
BAD_BODIES = [
    (b'{"csrf": "x"}', "application/json", 415),
    (b"csrf=x", "text/plain", 415),
    (b"csrf=x", f"{FORM}; charset=utf-16", 415),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
    (b"csrf=%FF", FORM, 400),
    (b"csrf=x&csrf=y", FORM, 400),
    (b"csrf=x%00", FORM, 400),
    (b"csrf=" + b"x" * 70_000, FORM, 413),
    (b"&".join(b"f%d=" % number for number in range(1001)), FORM, 413),
    (b"", FORM, 403),
]


async def test_bad_bodies(rig: Rig, anna: Browser) -> None:
    """Every bad body on every form is a page with a way on, and changes nothing."""
    login = await anna.begin(redirect(rig.clock))
    before = await rig.everything()
    for act in ("claim", "idproof/submit", "idproof/decline", "continue"):
        for body, kind, status in BAD_BODIES:
            answer = await anna.request(
                "POST", f"/t/{login}/{act}", data=body, headers={"Content-Type": kind}
            )
            assert (body[:20], answer.status) == (body[:20], status)
            assert answer.html.select_one(".button, .help") is not None
    assert await rig.everything() == before


async def test_error_pages_repeat_nothing(rig: Rig, anna: Browser) -> None:
    """Nothing of a request, in its path, query, headers or body, comes back in the page of its refusal."""
    login = await anna.begin(redirect(rig.clock))
    headers = {"User-Agent": CANARY, "Referer": CANARY, "X-Request-Id": CANARY, "Accept-Language": CANARY}
    named = {**headers, "Cookie": f"a={CANARY}"}
    answers = [
        await anna.request(method, path, headers=extra)
        for method in ("GET", CANARY.upper())
        for extra in (headers, named, {"Expect": CANARY}, {"Content-Type": CANARY, "Origin": CANARY})
        for path in (
            f"/{CANARY}",
            f"/t/{CANARY}",
            f"/t/{login}?{CANARY}",
            f"/start/{CANARY}/{CANARY}?state={CANARY}&session_token={CANARY}",
            f"/start/acme/login?state={CANARY}&session_token={CANARY}.{CANARY}.{CANARY}",
        )
    ]
    answers.append(await anna.post(f"/t/{login}/claim", {"csrf": CANARY, CANARY: CANARY}))
    for answer in answers:
        assert CANARY not in answer.text.lower()
        assert CANARY not in str(answer.headers).lower()
        assert answer.status < 500
    assert CANARY not in rig.lines.text.lower()


WORD = CANARY.encode()
NO_HTTP = [
    b"GET /?" + WORD * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + WORD + b": " + b"y" * 9000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + WORD + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : " + WORD + b"\r\n\r\n",
    b"GET /" + WORD + b"\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get /" + WORD + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /" + WORD + b" HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /" + WORD + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x" + WORD + b"\r\n\r\n0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + WORD + b"\r\n\r\n",
    WORD + b"\r\n\r\n",
]


async def test_what_is_no_http(rig: Rig) -> None:
    """Damaged, oversized or smuggled requests are 400 in constant words, with one line each."""
    for number, request in enumerate(NO_HTTP, 1):
        head, _, body = (await raw(rig.origin, request)).partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1\.[01] 400 ", head), request[:40]
        assert b"<h1>This link is not complete</h1>" in body
        assert b"Server: waystation" in head
        assert WORD not in head + body
        assert [line["event"] for line in rig.lines.all] == ["request.unreadable"] * number


async def test_an_unmet_expectation(rig: Rig, anna: Browser) -> None:
    """What a client expects and we do not do is 417, without its words."""
    answer = await anna.request("GET", redirect(rig.clock).path, headers={"Expect": CANARY})
    assert (answer.status, answer.title) == (417, "This link is not complete")
    assert await rig.rows("SELECT 1 FROM transactions") == []


async def test_the_database_is_away(rig: Rig, anna: Browser) -> None:
    """Without the database every address is 503 with Retry-After and a button that asks for it again."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    csrf = await anna.csrf(login)
    await rig.database._pool.close()
    answers = [await anna.get(path) for path in (arrival.path, f"/t/{login}", f"/t/{login}/events")]
    answers += [
        await anna.post(f"/t/{login}/{act}", {"csrf": csrf, "mrz": Zone().text()})
        for act in ("claim", "idproof/submit", "idproof/decline", "continue")
    ]
    for answer in answers:
        assert (answer.status, answer.title) == (503, "One moment, please")
        assert answer.headers["Retry-After"] == "5"
        assert "wait a few seconds, then try again" in answer.text
        # An empty link is the address that the browser shows, by GET, with its query.
        assert [link["href"] for link in answer.html.select("a.button")] == [""]
        assert "postgres" not in answer.text.lower()
        assert not answer.cookies
    lines = [line for line in rig.lines.all if line["event"] == "request.not_possible_now"]
    assert [line["error_type"] for line in lines] == ["DatabaseUnavailableError"] * 7


async def test_a_full_pool(rig: Rig, anna: Browser) -> None:
    """When every connection is taken, a request is asked to come again instead of waiting for ever."""
    login = await anna.begin(redirect(rig.clock))
    release = asyncio.Event()

    async def hold() -> None:
        async with rig.database.connection():
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(8)]
    await wait_until(lambda: rig.database._pool.get_idle_size() == 0 and rig.database._pool.get_size() == 8)
    assert (await anna.look(login)).status == 503
    release.set()
    await asyncio.gather(*holders)
    assert (await anna.look(login)).status == 200


async def test_a_mistake_of_ours(rig: Rig, anna: Browser) -> None:
    """What nobody foresaw is a plain 500 page; what it was is in the log, without its words."""
    login = await anna.begin(redirect(rig.clock))
    await rig.execute("UPDATE transactions SET settings = '{\"c4n4ry\": 1}'")
    answer = await anna.look(login)
    assert (answer.status, answer.title) == (500, "Something went wrong on our side")
    assert CANARY not in answer.text
    (line,) = [line for line in rig.lines.all if line["event"] == "request.failed"]
    assert line["error_type"] == "ValidationError"
    assert CANARY not in rig.lines.text


async def test_a_login_that_keeps_changing(rig: Rig, anna: Browser) -> None:
    """A change that loses every race is asked to come again."""
    login = await anna.arrive(redirect(rig.clock))
    await rig.execute(
        """
        CREATE FUNCTION gateway.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER lose BEFORE UPDATE ON transactions FOR EACH ROW EXECUTE FUNCTION gateway.lose();
        """
    )
    answer = await anna.press(login, "claim")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    lines = [line for line in rig.lines.all if line["event"] == "request.not_possible_now"]
    assert [line["error_type"] for line in lines] == ["ConflictError"]
    await rig.execute("DROP FUNCTION gateway.lose CASCADE")
    assert (await anna.press(login, "claim")).status == 303
