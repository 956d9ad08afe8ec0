"""HTTP as nobody speaks it, and paths that lead out of the house (cases 53, 71, 76, 88, 102 to 110)."""

from collections.abc import Iterator

import pytest

from tests.attacks.scene import Scene, Victim
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import FORM, Request

_TARGET = "/t/AAAAAAAAAAAAAAAAAAAAAA"


def _smuggled(victim: Victim) -> bytes:
    """What would end the victim's login, if anybody took it for a request."""
    return (
        victim.form("idproof/decline", {"csrf": victim.csrf})
        .with_headers(Cookie="; ".join(f"{name}={value}" for name, value in victim.client.cookies.items()))
        .wire(victim.client.host)
    )


def _head(
    victim: Victim, *lines: str, first: str = f"POST {_TARGET}/claim HTTP/1.1", host: bool = True
) -> bytes:
    named = [f"Host: {victim.client.host}"] if host else []
    return "\r\n".join((first, *named, f"Content-Type: {FORM}", *lines, "", "")).encode("latin-1")


def _desynchronised(victim: Victim) -> Iterator[tuple[str, bytes]]:
    """71, 102: requests whose end two servers might see at different places, with another one behind it."""
    inner = _smuggled(victim)
    chunked = b"0\r\n\r\n" + inner
    for name, lines, body in (
        ("CL.TE", ("Content-Length: 6", "Transfer-Encoding: chunked"), chunked),
        ("TE.CL", ("Transfer-Encoding: chunked", "Content-Length: 6"), chunked),
        ("TE xchunked", ("Transfer-Encoding: xchunked",), chunked),
        ("TE identity", ("Transfer-Encoding: identity",), chunked),
        ("TE chunked, identity", ("Transfer-Encoding: chunked, identity",), chunked),
        ("TE with a tab", ("Transfer-Encoding:\tchunked", "Content-Length: 4"), chunked),
        ("TE with a vertical tab", ("Transfer-Encoding: \x0bchunked",), chunked),
        ("two TE", ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), chunked),
        ("two CL", ("Content-Length: 0", "Content-Length: 6"), inner),
        ("a list of CL", ("Content-Length: 0, 6",), inner),
        ("negative CL", ("Content-Length: -1",), inner),
        ("CL with a plus", ("Content-Length: +0",), inner),
        ("CL in hex", ("Content-Length: 0x0",), inner),
        ("CL with letters", ("Content-Length: 0abc",), inner),
        ("a chunk of odd size", ("Transfer-Encoding: chunked",), b"zz\r\n\r\n" + inner),
        ("a chunk of negative size", ("Transfer-Encoding: chunked",), b"-1\r\n\r\n" + inner),
        ("a chunk without its end", ("Transfer-Encoding: chunked",), b"1\r\nab\r\n0\r\n\r\n" + inner),
    ):
        yield name, _head(victim, *lines) + body


def _damaged(victim: Victim) -> Iterator[tuple[str, bytes]]:
    """71: heads that are none."""
    host, path = victim.client.host, f"{_TARGET}/claim"
    yield "obs-fold", _head(victim, "X-A: b", " folded")
    yield "a folded Host", f"GET {path} HTTP/1.1\r\nHost: {host}\r\n evil\r\n\r\n".encode()
    yield "bare LF", f"GET {path} HTTP/1.1\nHost: {host}\n\n".encode()
    yield "a blank before the colon", _head(victim, "Content-Length : 0")
    yield "NUL in a header", _head(victim, "X-A: a\0b")
    yield "CR in a header", _head(victim, "X-A: a\rX-B: c")
    yield "a name of odd letters", _head(victim, "X@(A): b")
    yield "no name", _head(victim, ": b")
    yield "no colon", _head(victim, "garbage")
    yield "200 headers", _head(victim, *(f"X-{n}: a" for n in range(200)), "X: " + "a" * 9000)
    yield "a line of 20 kB", _head(victim, first=f"GET /t/{'A' * 20_000} HTTP/1.1")
    yield "a header of 20 kB", _head(victim, "X-A: " + "a" * 20_000)
    yield "a method in small letters", _head(victim, first=f"get {path} HTTP/1.1")
    yield "a method that there is not", _head(victim, first=f"BREW {path} HTTP/1.1")
    yield "a version of its own", _head(victim, first=f"GET {path} HTTP/3.0")
    yield "no version", _head(victim, first=f"GET {path} HTTP/")
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "bytes", b"\xff\xfe\x00\x01\r\n\r\n"
    yield "no host", _head(victim, host=False)


@pytest.mark.parametrize("kind", [_desynchronised, _damaged], ids=["desynchronised", "damaged"])
async def test_what_is_no_http_ends_the_connection(scene: Scene, kind: object) -> None:
    """71, 102: one page with 400 and the end; what stands behind it on the line is nobody's request."""
    victim = await scene.begun()
    table = _desynchronised if kind is _desynchronised else _damaged
    wrong = []
    for name, request in table(victim):
        log, before = scene.log(), await scene.rows(victim.marks)
        client = scene.client()
        received = await client.raw(request)
        first = received.split(b"\r\n", 1)[0]
        wrong += [f"{name}: {first!r}"] if b" 400 " not in first + b" " else []
        wrong += [f"{name}: {received.count(b'HTTP/1.')} answers"] if received.count(b"HTTP/1.") > 1 else []
        wrong += [f"{name}: rows"] if await scene.rows(victim.marks) != before else []
        wrong += [f"{name}: {log.unexpected()}"] if log.unexpected() else []
        wrong += [f"{name}: {refused}" for refused in log.refusals() if refused[0] != 400]
    assert wrong == []


def _hosts(victim: Victim) -> Iterator[Attack]:
    """53, 96: we answer for one name, whoever asks by which other."""
    host, address = victim.client.host, victim.address
    port = host.partition(":")[2]
    others = (
        "evil.example",
        f"{host}.evil.example",
        f"evil.example:{port}",
        f"user@{host}",
        f"{host},evil.example",
    )
    odd = (
        "",
        "[::1",
        "a:99999",
        "\udcff",
        "127.0.0.3",
        f"{host}0",
        f" evil {host}",
        f"{host}/",
        f"{host}#",
        "\u2100.example",
        f"\u0661{host}",
        "xn--80ak6aa92e.com",
    )
    for name in (*others, *odd):
        request = Request(target=address, headers=(("Host", name),))
        yield Attack(name=f"Host {name!r}", request=request, status=400, code="host", sender=victim.client)
    twice = Request(target=address, headers=(("Host", host), ("Host", "evil.example")))
    yield Attack(name="two hosts", request=twice, status=400, sender=victim.client)
    for target in (f"http://evil.example{address}", f"http://{host}{address}", f"https://{host}{address}"):
        yield Attack(
            name=target,
            request=Request(target=target),
            status=400,
            code="absolute_form",
            sender=victim.client,
        )


async def test_other_names_of_this_house(scene: Scene) -> None:
    """53, 96: a request for another host is 400, whichever letters it is written in, and repeated nowhere."""
    victim = await scene.begun()
    found = await complaints(scene, _hosts(victim), about=[victim])
    # Hosts that the server itself cannot read are refused before our own code has looked.
    assert [one for one in found if "the log says [(400, '')]" not in one] == []


async def test_what_a_client_says_of_proxies_is_not_believed(scene: Scene) -> None:
    """53, 110: headers of proxies change neither the page nor any address in it."""
    victim = await scene.begun()
    plain = (await victim.page()).html.get_text()
    for headers in (
        {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https", "X_Forwarded_Port": "444"},
        {"Forwarded": "host=evil.example;proto=https;for=127.0.0.1", "X_Host": "evil.example"},
        {"X_Original_URL": "/nowhere", "X_Rewrite_URL": "/nowhere", "X_Forwarded_Prefix": "/evil"},
        {"X_Forwarded_For": "10.0.0.1, 127.0.0.1", "X_Real_IP": "10.0.0.1", "True_Client_IP": "10.0.0.1"},
        {"Connection": "close, Cookie, Host", "Proxy_Connection": "close"},
    ):
        page = await victim.client.get(victim.address, **headers)
        assert page.status == 200
        assert "evil" not in page.text + str(page.headers)
        assert page.html.get_text().split()[:40] == plain.split()[:40]


_DOORS = (
    *(
        "/healthz",
        "/readyz",
        "/metrics",
        "/admin",
        "/admin/",
        "/debug",
        "/debug/pprof",
        "/status",
        "/actuator/health",
    ),
    *(
        "/internal/v1/password",
        "/webhooks/acme/document",
        "/webhooks/acme/document?x=1",
        "/__control/log",
        "/api/v2/users",
    ),
    *(
        "/.env",
        "/.git/config",
        "/.well-known/",
        "/.well-known/security.txt",
        "/.well-known/../t",
        "/start/ACME/login?state=a&session_token=b",
        "/start/acme/Log%20in?state=a&session_token=b",
        "/start/acme/login/?state=a&session_token=b",
        "/robots.txt",
    ),
    *(
        "/",
        "/index.html",
        "/favicon.ico",
        "/docs",
        "/swagger.json",
        "/server-status",
        "/graphql",
        "/t",
        "/start",
    ),
)
_WAYS_OUT = (
    *(
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "....//....//etc/passwd",
    ),
    *(
        "..\\..\\etc\\passwd",
        "..%5c..%5cetc%5cpasswd",
        "%252e%252e%252fetc%252fpasswd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
    ),
    *(
        "style.css%00.png",
        "style-x.css/../../../settings.py",
        "page.js",
        "style",
        "-.css",
        "~root",
        "file:///etc/passwd",
    ),
)


def _doors() -> Iterator[Attack]:
    for path in _DOORS:
        yield Attack(name=path, request=Request(target=path), status=404)
    for folder in ("/assets/", "/brand/acme/", "/brand/", "/t/", "/.well-known/", "/"):
        for way in _WAYS_OUT:
            yield Attack(name=folder + way, request=Request(target=folder + way), status=404)


async def test_there_are_no_other_doors(scene: Scene) -> None:
    """63 to 70, 76, 108: health, metrics, webhooks, the internal call, the machine's files are not here."""
    found = await complaints(scene, _doors())
    # What looks like the id of a login, or a file of ours, says in the log what it looked like.
    assert [one for one in found if "the log says [(404, " not in one] == []
    post = Request(
        method="POST",
        target="/webhooks/acme/document",
        headers=(("Content-Type", "application/json"),),
        body=b"{}",
    )
    assert await complaints(scene, [Attack(name="a webhook", request=post, status=404)]) == []


async def test_every_answer_says_the_same_of_its_server(scene: Scene) -> None:
    """76: TRACE is 405 and repeats nothing; the name of the server tells no version."""
    victim = await scene.begun()
    trace = Request(method="TRACE", target=victim.address).with_headers(X_Secret="canary-of-trace")
    attack = Attack(
        name="TRACE", request=trace, status=405, sender=victim.client, canaries=("canary-of-trace",)
    )
    assert await complaints(scene, [attack], about=[victim]) == []


async def test_nobody_changes_the_protocol(scene: Scene) -> None:
    """102: an upgrade is not taken up: the page is served as if nobody had asked for one."""
    victim = await scene.begun()
    keys = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
    cookie = "; ".join(f"{name}={value}" for name, value in victim.client.cookies.items())
    for lines in (
        ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Connection: Upgrade, HTTP2-Settings"),
        ("Upgrade: websocket", "Connection: Upgrade", *keys),
        ("Upgrade: TLS/1.0", "Connection: Upgrade"),
    ):
        head = _head(victim, f"Cookie: {cookie}", *lines, first=f"GET {victim.address} HTTP/1.1")
        received = await scene.client().raw(head, answers=1)
        assert received.startswith(b"HTTP/1.1 200 ")
    chunked = ("Upgrade: websocket", "Connection: Upgrade", "Transfer-Encoding: chunked")
    head = _head(victim, f"Cookie: {cookie}", *chunked, first=f"GET {victim.address} HTTP/1.1")
    received = await scene.client().raw(head + _smuggled(victim))
    assert received.count(b"HTTP/1.1 ") <= 1
    assert (await victim.page()).html.select_one("form#identity")


async def test_parts_and_former_versions_are_not_served(scene: Scene) -> None:
    """103: a page is whole and new each time, whatever part or encoding somebody wants of it."""
    victim = await scene.begun()
    for headers in (
        {"Range": "bytes=0-10"},
        {"Range": "bytes=0-," + ",".join("5-" for _ in range(500))},
        {"If_None_Match": "*", "If_Modified_Since": "Sun, 22 Nov 2099 00:00:00 GMT"},
        {"Accept_Encoding": "gzip;q=1, br, deflate, zstd, *;q=0"},
        {"Accept_Encoding": "identity;q=0"},
        {"Accept": "application/json"},
        {"TE": "trailers, deflate;q=0.5"},
    ):
        page = await victim.client.get(victim.address, **headers)
        assert page.status == 200
        assert page.html.select_one("form#identity")
        assert {"Content-Encoding", "Content-Range", "ETag", "Last-Modified"}.isdisjoint(page.headers)


async def test_languages_without_end(scene: Scene) -> None:
    """104: whatever somebody wants to read, the answer comes at once, and in a language that there is."""
    wanted = (
        "a-" * 3500,
        ",".join("de-AT;q=0.1" for _ in range(500)),
        "*;q=" + "9" * 5000,
        "de;q=NaN, en;q=-1",
        "\udcff",
        "../../etc/passwd",
        "<script>",
        ";;;,,,",
    )
    victim = await scene.begun(ui_locales=["x" * 35] * 20)
    for language in wanted:
        page = await victim.client.get(victim.address, Accept_Language=language, Cookie_Language=language)
        assert page.status == 200
        assert str(page.html.html["lang"]) == "en" if page.html.html else False
    many = scene.mint.link(ui_locales=["x" * 36])
    more = scene.mint.link(ui_locales=["en"] * 21)
    attacks = (
        Attack(
            name=name,
            request=Request(target=link.target()),
            link=link,
            status=401,
            code="session_token_ui_locales",
        )
        for name, link in (("long", many), ("many", more))
    )
    assert await complaints(scene, attacks) == []


@pytest.mark.logs("request.unreadable")
async def test_nobody_writes_into_the_log(scene: Scene) -> None:
    """88: newlines, colours and JSON in whatever is sent make no line, no field and no colour in the log."""
    victim, log = await scene.begun(), scene.log()
    evil = '\x1b[31mred"}\\n{"event":"login.handed_back","severity":"INFO"}'
    for headers in (
        {"User_Agent": evil},
        {"Referer": evil},
        {"X_Request_Id": evil},
        {"Traceparent": evil},
        {"Cookie": evil},
    ):
        visible = {name: value.replace("\x1b", "") for name, value in headers.items()}
        assert (await scene.client().get(victim.address, **visible)).status == 403
        assert (await scene.client().get(victim.address, **headers)).status in (400, 403)
    for target in (
        "/t/%0a%7b%22event%22:1%7d",
        "/start/acme/login?state=%0d%0a%1b[31m&session_token=%22%7d%0a",
        "/%1b[31m",
    ):
        assert (await scene.client().get(target)).status in (400, 404)
    assert (await scene.client().send(f"{evil} / HTTP/1.1\r\n\r\n".encode())).status == 400
    events = {line["event"] for line in log.lines}
    assert events <= {"request.served", "request.refused", "request.unreadable"}
    assert not {"\x1b", "[31m", "handed_back", "u001b"} & {
        sign for sign in ("\x1b", "[31m", "handed_back", "u001b") if sign in log.text
    }
