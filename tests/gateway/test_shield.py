"""What guards every request: our host, our pages, and headers on whatever is answered."""

import re

from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Answer, Browser, raw
from tests.gateway.rig import Rig
from tests.support.zones import Zone

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "waystation",
}
POLICY = re.compile(
    r"default-src 'none'; script-src 'nonce-([\w-]{22})'; style-src 'self' 'nonce-\1'; img-src 'self'; "
    r"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


async def answers_of_every_kind(rig: Rig, browser: Browser) -> list[Answer]:
    """One answer of each kind that a browser can get."""
    arrival = redirect(rig.clock)
    answers = [await browser.get(arrival.path)]
    login = answers[0].location.removeprefix("/t/")
    answers += [await browser.look(login), await browser.press(login, "claim")]
    answers += [await browser.look(login), await browser.press(login, "idproof/submit", mrz="x")]
    answers += [await browser.press(login, "idproof/submit", mrz=Zone().text()), await browser.look(login)]
    await rig.pass_identity(login)
    answers += [await browser.look(login), await browser.press(login, "continue")]
    answers += [await browser.get("/nothing"), await browser.get("/start/initech/x?state=a&session_token=b")]
    answers += [await browser.post("/nothing", {}), await browser.post(f"/t/{login}", {})]
    answers.append(await browser.post(f"/t/{login}/claim", {"csrf": "x"}))
    answers.append(await browser.request("GET", "/nothing", headers={"Expect": "x"}))
    return answers


async def test_headers_on_every_answer(rig: Rig, anna: Browser) -> None:
    """Pages, redirects and errors all have the same strict headers, and none forbids a form to lead away."""
    nonces = []
    for answer in await answers_of_every_kind(rig, anna):
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        policy = POLICY.fullmatch(answer.headers["Content-Security-Policy"])
        if answer.status != 417:
            assert policy is not None
            nonces.append(policy[1])
            assert all(tag["nonce"] == policy[1] for tag in answer.html.select("style, script"))
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert len(set(nonces)) == len(nonces)


async def test_referrers(rig: Rig, anna: Browser) -> None:
    """Pages with forms show their origin to us alone (else `Origin` is null), others nothing to nobody."""
    answers = await answers_of_every_kind(rig, anna)
    policies = {answer.title: answer.headers["Referrer-Policy"] for answer in answers[1:]}
    assert answers[0].headers["Referrer-Policy"] == "no-referrer"  # the address has the token
    assert policies.pop("We do not know this organisation") == "no-referrer"
    assert policies.pop("Back to Acme Bank") == "no-referrer"
    assert set(policies.values()) == {"same-origin"}


async def test_no_cross_origin_requests(anna: Browser) -> None:
    """A preflight from another origin gets no permission."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await anna.request("OPTIONS", f"/t/{'x' * 22}/claim", headers=headers)
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


OTHER_HOSTS = [
    "evil.example",
    "127.0.0.3",
    "127.0.0.3:1",
    "{host}.evil.example",
    "evil.example:{port}",
    "user@{host}",
    "{host},evil.example",
    "",
    "[::1",
    "a:99999",
    "\udcff",
]


async def test_other_hosts(rig: Rig) -> None:
    """A request for any other host than ours is 400, and its name is not repeated."""
    ours = rig.origin.removeprefix("http://")
    for host in OTHER_HOSTS:
        named = host.format(host=ours, port=ours.partition(":")[2])
        head = f"GET {redirect(rig.clock).path} HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n\r\n"
        reply = await raw(rig.origin, head.encode("utf-8", "surrogateescape"))
        assert re.match(rb"HTTP/1\.[01] 400 ", reply), host
        assert b"evil" not in reply
    assert await rig.rows("SELECT 1 FROM transactions") == []


OTHER_HEADS = [
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n",
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n",
    "GET http://evil.example{path} HTTP/1.1\r\nHost: {host}\r\n",
    "GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n",
    "GET //evil.example{path} HTTP/1.1\r\nHost: {host}\r\n",
    "GET {path} HTTP/1.0\r\nHost: {host}\r\n",
    "GET {path} HTTP/1.1\r\n",
    "GET {path}\r\n",
]


async def test_other_ways_to_name_a_host(rig: Rig) -> None:
    """Two hosts, none, an absolute URL or an old protocol open nothing."""
    host = rig.origin.removeprefix("http://")
    for head in OTHER_HEADS:
        request = head.format(host=host, path=redirect(rig.clock).path) + "Connection: close\r\n\r\n"
        reply = await raw(rig.origin, request.encode())
        assert re.match(rb"HTTP/(1\.[01]|0\.9) 40[04] ", reply), head
        assert b"evil" not in reply
    assert await rig.rows("SELECT 1 FROM transactions") == []


async def test_forwarded_headers_are_not_believed(rig: Rig, anna: Browser) -> None:
    """What a client says about proxies changes no address that we give out."""
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    answer = await anna.get(redirect(rig.clock).path, **headers)
    assert re.fullmatch(r"/t/[\w-]{22}", answer.location)
