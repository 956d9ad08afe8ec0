"""What a browser may bring to /start, and what a used link is worth (cases 26 to 34)."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.attacks.scene import Scene, Victim
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Request, form

_FORGED_COOKIES = (
    "",
    ".",
    "x",
    "1.2.3",
    "x" * 7000,
    "\udcff\udcfe",
    "1.\udcff.x",
    "{value}x",
    "{value}\udcff",
    '"{value}',
)


def _start(name: str, query: str, code: str) -> Attack:
    return Attack(name=name, request=Request(target=f"/start/acme/login?{query}"), status=400, code=code)


def _odd_states(victim: Victim) -> Iterator[Attack]:
    """26: a state is there once, and is what tenants make."""
    token = f"session_token={victim.link.token}"
    yield _start("none", token, "state_count")
    yield _start("two", f"state=a&state=b&{token}", "state_count")
    yield _start("as a list", f"state[]=a&{token}", "state_count")
    yield _start("in capitals", f"STATE=a&{token}", "state_count")
    yield _start("behind a semicolon", f"x=1;state=a&{token}", "state_count")
    odd = (
        "",
        "%20",
        "a%20b",
        "a%0d%0ab",
        "%0aSet-Cookie:x",
        "a%00b",
        "%7f",
        "%C3%A9",
        "%FF",
        "%ED%B2%80",
        "+",
        "s" * 5000,
    )
    for state in odd:
        yield _start(repr(state)[:20], f"state={state}&{token}", "state")


def _odd_tokens(victim: Victim) -> Iterator[Attack]:
    """27: a token comes once, in the query of a GET."""
    state, token = f"state={victim.link.state}", f"session_token={victim.link.token}"
    yield _start("none", state, "session_token_count")
    yield _start("two", f"{state}&{token}&{token}", "session_token_count")
    yield _start("as a list", f"{state}&session_token[]=x", "session_token_count")
    yield _start("empty", f"{state}&session_token=", "session_token_form")
    yield _start("escaped twice", f"{state}&session_token=%25{victim.link.token}", "session_token_form")
    # What stands behind # is not sent; who sends it all the same is not understood.
    yield _start("in the fragment", f"{state}#{token}", "session_token_count")
    body = form("/start/acme/login", f"{state}&{token}".encode())
    yield Attack(name="in a body", request=body, status=405)
    yield Attack(
        name="in a body of a GET",
        request=Request(target="/start/acme/login", headers=body.headers, body=body.body),
        status=400,
        code="state_count",
    )


def _used_links(victim: Victim) -> Iterator[Attack]:
    """29, 30: a link that somebody has claimed is theirs, and each of its halves fits the other one only."""
    for name, client in (("nobody", None), ("a stranger with a cookie", victim.client)):
        request = Request(target=victim.link.target()).with_headers(Cookie="__Host-ws-AAAAAAAAAAAA=1.2.3")
        yield Attack(name=f"again by {name}", request=request, status=403, code="other_browser")
        assert client is None or client is victim.client
    mixed = Request(target=victim.link.target(state="another-state-of-the-tenant"))
    yield Attack(name="another state", request=mixed, status=409, code="state_does_not_fit")
    yield Attack(
        name="another state, by its own browser",
        request=mixed,
        sender=victim.client,
        status=409,
        code="state_does_not_fit",
    )


ARRIVALS: dict[int, Callable[[Victim], Iterator[Attack]]] = {
    26: _odd_states,
    27: _odd_tokens,
    29: _used_links,
}


@pytest.mark.parametrize("case", ARRIVALS)
async def test_an_odd_arrival_opens_nothing(scene: Scene, case: int) -> None:
    """It is refused, and the login that its link belongs to goes on untouched."""
    victim = await scene.begun()
    assert await complaints(scene, ARRIVALS[case](victim), about=[victim]) == []
    assert (await victim.page()).html.select_one("form#identity")


async def test_a_state_belongs_to_one_token(scene: Scene) -> None:
    """30: the state of somebody's login beside a token of another jti is refused."""
    victim = await scene.begun()
    mixed = scene.mint.link_of(scene.mint.claims(sub=victim.link.subject), state=victim.link.state)
    attack = Attack(
        name="mixed",
        request=Request(target=mixed.target()),
        link=mixed,
        status=409,
        code="state_does_not_fit",
    )
    assert await complaints(scene, [attack], about=[victim]) == []


async def test_a_link_may_be_opened_again_by_whoever_has_its_cookie(scene: Scene) -> None:
    """28: reload and back lead to the same login, which is one row; the cookie stays what it is."""
    victim = await scene.begun()
    cookies = dict(victim.client.cookies)
    for _ in range(3):
        again = await victim.client.get(victim.link.target())
        assert (again.status, again.location) == (303, victim.address)
    assert victim.client.cookies == cookies
    assert list((await scene.rows(victim.link.marks))['gateway."transactions"'][0:2]) != []
    assert len((await scene.rows([victim.link.jti]))['gateway."transactions"']) == 1


async def test_before_the_click_a_link_binds_nobody(scene: Scene) -> None:
    """29: each arrival has its own cookie, and the first click wins; the others are sent away.

    What is clicked names organisation, application and masked account.
    """
    quick = await scene.arrived(profile={"email": "mallory@evil.example"})
    words = (await quick.page()).html.get_text(" ")
    assert [word for word in ("Acme", "Acme Bank", "m***@evil.example") if word not in words] == []
    slow = await scene.arrived(quick.link)
    assert slow.id == quick.id
    assert slow.client.cookies.keys() == quick.client.cookies.keys()
    assert slow.client.cookies != quick.client.cookies
    assert (await quick.press("claim")).status == 303
    assert (await scene.client().get(quick.link.target())).status == 403
    assert await scene.audited(quick, "login.refused") == [("browser", ["other_browser"])]
    late = Attack(
        name="late",
        request=slow.form("claim", {"csrf": slow.csrf}),
        sender=slow.client,
        status=403,
        code="other_browser",
    )
    assert await complaints(scene, [late], about=[quick, slow]) == []


async def test_a_hundred_arrivals_are_one_login(scene: Scene) -> None:
    """31: however many ask at the same moment, there is one login, and nobody gets an error of ours."""
    link = scene.mint.link()
    clients = [scene.client() for _ in range(100)]
    answers = await asyncio.gather(*(client.get(link.target()) for client in clients))
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {303, 429}  # of one user, so many at once are too many
    assert statuses.count(303) >= 20
    assert len({answer.location for answer in answers if answer.location}) == 1
    cookies = {cookie for client in clients for cookie in client.cookies.values()}
    assert len(cookies) == statuses.count(303)
    assert len((await scene.rows([link.jti]))['gateway."transactions"']) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Purpose": "prefetch"},
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Moz": "prefetch"},
    ],
)
async def test_whoever_only_looks_at_links_does_no_harm(scene: Scene, headers: dict[str, str]) -> None:
    """49, 100: prefetching browsers and scanners of mails claim nothing: the person comes after them."""
    link, scanner = scene.mint.link(), scene.client()
    looked = await scanner.send(Request(target=link.target()).with_headers(**headers))
    page = await scanner.send(Request(target=looked.location).with_headers(**headers))
    assert (looked.status, page.status, page.title) == (303, 200, "Before you go on to Acme Bank")
    for path in (
        looked.location,
        f"{looked.location}/claim",
        f"{looked.location}/continue",
        f"{looked.location}/stop",
    ):
        await scanner.send(Request(target=path).with_headers(**headers))
        assert (await scanner.send(Request(method="HEAD", target=path))).status == 405
    victim = await scene.arrived(link)
    assert await scene.status(victim) == "opened"
    assert (await victim.press("claim")).status == 303


async def test_a_head_of_a_link_opens_nothing(scene: Scene) -> None:
    """42: who asks for the head of a link gets 405, and there is no login."""
    link = scene.mint.link()
    methods = ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
    attacks = (
        Attack(name=method, request=Request(method=method, target=link.target()), link=link, status=405)
        for method in methods
    )
    assert await complaints(scene, attacks) == []


async def test_a_planted_cookie_is_replaced(scene: Scene) -> None:
    """33: whatever a browser was made to hold under the name of our cookie, it gets one that we have made."""
    other = await scene.arrived()
    known = next(iter(other.client.cookies.values()))
    for planted in (*_FORGED_COOKIES, known):
        first = await scene.arrived()
        ((name, _),) = first.client.cookies.items()
        request = Request(target=first.link.target())
        value = planted.replace("{value}", known)
        answer = await scene.client().send(request.with_headers(Cookie=f"{name}={value}"))
        assert answer.status == 303
        assert answer.cookies[name].value not in (value, known, first.client.cookies[name])


async def test_a_cookie_that_comes_twice_is_nobodys(scene: Scene) -> None:
    """34, 97: browsers send a __Host- cookie once; two of one name were put there by somebody else."""
    victim, mallory = await scene.begun(), await scene.begun()
    ((name, value),) = ((n, v) for n, v in victim.client.cookies.items() if n != "__Host-ws-device")
    foreign = next(v for n, v in mallory.client.cookies.items() if n != "__Host-ws-device")
    lines = (
        f"{name}={value}; {name}={value}",
        f"{name}=x; {name}={value}",
        f"{name}={value}; {name}={foreign}",
    )
    odd = (f"{name}={forged.replace('{value}', value)}" for forged in _FORGED_COOKIES)
    attacks = (
        Attack(
            name=line[:40],
            request=Request(target=victim.address).with_headers(Cookie=line),
            status=403,
            code="no_cookie",
        )
        for line in (*lines, *odd, f"{name.lower()}={value}", f"Secure; {name[7:]}={value}")
    )
    assert await complaints(scene, attacks, about=[victim]) == []
