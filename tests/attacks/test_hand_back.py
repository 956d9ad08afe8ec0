"""The way back, and everything that leads somewhere: to the tenant alone (cases 51 to 62, 109)."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import jwt

from tests.attacks.headers import wrong_headers
from tests.attacks.scene import Scene, Victim
from tests.attacks.tenants import GLOBEX
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Answer, Request, form

if TYPE_CHECKING:
    from http.cookies import Morsel

_EVIL = (
    *(
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
    ),
    *(
        "javascript:alert(1)",
        "data:text/html,evil.example",
        "%2f%2fevil.example",
        "/%09/evil.example",
        "http://127.0.0.3@evil.example",
    ),
    *(
        "https://evil.example%00.acme.example",
        "/t/../../evil.example",
        "evil.example",
        "\u2044\u2044evil.example",
        "/%0d%0aLocation:%20//evil.example",
    ),
)
_PARAMETERS = (
    "return_to",
    "returnTo",
    "next",
    "redirect_uri",
    "redirect",
    "url",
    "continue",
    "continue_uri",
    "target",
    "to",
    "goto",
    "login_url",
    "RelayState",
)
_ODD_STATE = "a%b<script>alert(1)</script>\"'&amp;=+#?/\\~`{}|^[];:,.!@$*()"
_COOKIE = {"path": "/", "secure": True, "httponly": True, "samesite": "Lax", "domain": ""}


def _leads_out(answer: Answer) -> list[str]:
    """Every place to which this answer could send a browser that is not ours."""
    page = answer.html
    places = [answer.location, answer.headers.get("Refresh", "")]
    places += [
        str(tag.get(name)) for tag in page.select("*") for name in ("action", "formaction") if tag.get(name)
    ]
    places += [str(tag.get("content")) for tag in page.select("meta[http-equiv=refresh]")]
    return [place for place in places if "evil" in place or (place and not re.match(r"/(?![/\\])|\d", place))]


async def test_nothing_that_is_sent_leads_a_browser_away(scene: Scene) -> None:
    """51: no parameter, field or header of any request is an address to go to."""
    victim = await scene.begun()
    wrong = []
    for evil in _EVIL:
        query = "&".join(f"{name}={evil}" for name in _PARAMETERS).encode("ascii", "ignore").decode()
        fields = {"csrf": victim.csrf, "mrz": "P<", **dict.fromkeys(_PARAMETERS[:15], evil)}
        requests = (
            Request(target=f"{victim.address}?{query}"),
            Request(target=f"{victim.address}/stop?{query}"),
            Request(target=f"/t/{victim.id}/claim?{query}"),
            Request(target=victim.link.target() + "&" + query),
            victim.form("terms/submit", fields),
            form("/language", {"language": "de", "to": evil}),
            Request(target=victim.address).with_headers(
                Referer="https://evil.example/", Origin="https://evil.example"
            ),
        )
        for request in requests:
            answer = await victim.client.send(request)
            wrong += [f"{evil} {request.target[:30]}: {place}" for place in _leads_out(answer)]
    assert wrong == []


def _languages(victim: Victim) -> Iterator[Attack]:
    """109: the choice of a language leads back to a login, and is made on our pages only."""
    for to in (
        "",
        "/",
        "//evil.example",
        f"{victim.address}/../..",
        f"{victim.address}\r\nX: y",
        f"{victim.address}?x",
        "/t/short",
        victim.id,
    ):
        request = form("/language", {"language": "de", "to": to}, Origin=victim.client.origin)
        yield Attack(name=f"to {to!r}", request=request, sender=victim.client, status=400, code="language")
    for language in ("", "xx", "de\r\nX: y", "../de", "<script>"):
        request = form("/language", {"language": language, "to": victim.address}, Origin=victim.client.origin)
        yield Attack(name=f"{language!r}", request=request, sender=victim.client, status=400, code="language")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        request = form("/language", {"language": "de", "to": victim.address}, **headers)
        yield Attack(
            name=str(headers), request=request, sender=victim.client, status=403, code="foreign_origin"
        )
    site = form("/language", {"language": "de", "to": victim.address}, Sec_Fetch_Site="cross-site")
    yield Attack(name="cross-site", request=site, sender=victim.client, status=403, code="foreign_site")


async def test_the_choice_of_a_language_is_nothing_else(scene: Scene) -> None:
    """109: it sets no other cookie, leads nowhere else, and cannot be made from another site."""
    victim = await scene.begun()
    assert await complaints(scene, _languages(victim), about=[victim]) == []


async def test_no_header_can_be_written_from_outside(scene: Scene) -> None:
    """52: a line break in whatever is sent makes no header in what comes back."""
    victim = await scene.begun()
    broken = "a%0d%0aX-Injected:%20yes%0d%0aSet-Cookie:%20injected=yes"
    for target in (
        f"/start/acme/login?state={broken}&session_token={victim.link.token}",
        f"/start/{broken}/login?state=a&session_token=b",
        f"/t/{broken}",
        f"{victim.address}/{broken}/submit",
        f"/assets/{broken}",
        f"/brand/acme/logo/{broken}",
    ):
        answer = await scene.client().get(target)
        assert "X-Injected" not in answer.headers
        assert "injected" not in str(answer.headers.getall("Set-Cookie", []))
    assert (await scene.client().get("/nowhere", Cookie="__Host-language=de%0d%0aX: y")).status == 404


async def test_the_way_back(scene: Scene) -> None:
    """26, 54, 55: a form with the state as it came and an answer that tells no name; no URL has it."""
    claims = scene.mint.claims(profile={"given_name": "Canary-Given", "family_name": "Canary-Family"})
    link = scene.mint.link_of(claims, state=_ODD_STATE)
    victim = await scene.arrived(link)
    answers = [await victim.press("claim"), await victim.press("idproof/decline")]
    back = await victim.press("continue")
    assert [answer.status for answer in answers] == [303, 303]
    assert (back.status, back.location, back.headers["Referrer-Policy"]) == (200, "", "no-referrer")
    assert back.headers["Cache-Control"] == "no-store"
    place = back.html.select_one("form#hand-back")
    assert place is not None
    assert str(place["action"]).partition("?")[0] == f"{scene.stack.origins.tenant}/continue"
    assert str(place["method"]) == "post"
    assert back.value("state") == _ODD_STATE
    answer = jwt.decode(
        back.value("session_token"),
        scene.mint.secret(name="answer-token"),
        algorithms=["HS256"],
        audience="acme",
        issuer="waystation",
    )
    named = {"iss", "sub", "aud", "iat", "exp", "state", "jti", "v", "tx", "outcome", "metadata", "steps"}
    assert answer.keys() == named
    assert (answer["sub"], answer["jti"], answer["state"]) == (link.subject, link.jti, _ODD_STATE)
    assert answer["exp"] - answer["iat"] <= 120
    assert abs(answer["iat"] - time.time()) < 60
    assert answer["steps"].keys() == {"idproof"}
    assert "Canary" not in str(answer)
    assert "@" not in str({name: value for name, value in answer.items() if name != "state"})


async def test_cookies_are_for_this_host_and_for_no_script(scene: Scene) -> None:
    """61: every cookie is __Host-, Secure, HttpOnly and SameSite=Lax; none names a domain."""
    link, client = scene.mint.link(), scene.client()
    arrived = await client.get(link.target())
    victim = await scene.arrived(link, client=client)
    claimed = await victim.press("claim")
    chosen = await client.post("/language", {"language": "de", "to": victim.address})
    cookies: dict[str, Morsel[str]] = {}
    for answer in (arrived, claimed, chosen):
        cookies |= dict(answer.cookies.items())
        assert wrong_headers(answer) == []
    assert cookies.keys() == {f"__Host-ws-{victim.id[:12]}", "__Host-ws-device", "__Host-language"}
    for cookie in cookies.values():
        assert {name: cookie[name] for name in _COOKIE} == _COOKIE


async def test_no_other_site_may_ask_for_anything(scene: Scene) -> None:
    """62: neither a request from another origin nor its preflight gets a permission."""
    victim = await scene.begun()
    for origin in ("https://evil.example", "null", scene.stack.origins.tenant):
        headers = {
            "Origin": origin,
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "x-a",
        }
        for method, target in (
            ("OPTIONS", f"{victim.address}/claim"),
            ("GET", victim.address),
            ("GET", "/assets/style.css"),
            ("OPTIONS", "/.well-known/jwks.json"),
        ):
            answer = await victim.client.send(Request(method=method, target=target).with_headers(**headers))
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_foreign_words_are_text(scene: Scene) -> None:
    """60: names of people, applications and organisations are shown as text, whatever they look like."""
    markup = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}${7*7}'
    profile = {"email": f"{markup}@evil.example", "given_name": markup, "family_name": markup}
    for tenant, steps in (("acme", "idproof:1"), (GLOBEX, "profile:1"), (GLOBEX, "terms:1")):
        claims = scene.mint.claims(tenant=tenant, steps=[steps], profile=profile)
        victim = await scene.arrived(scene.mint.link_of(claims, tenant=tenant))
        pages = [await victim.page(), await victim.press("claim"), await victim.page()]
        pages.append(await victim.client.get(f"{victim.address}/stop"))
        pages.append(await victim.client.post(f"{victim.address}/stop", {"csrf": pages[-1].value("csrf")}))
        pages.append(await victim.page())
        for page in pages:
            assert wrong_headers(page) == []
            assert "<img src=x" not in page.text
            assert "alert(2)</script>" not in page.text
            assert "49" not in page.html.get_text()
