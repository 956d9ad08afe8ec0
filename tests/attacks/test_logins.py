"""A login and those whose login it is not (cases 32 to 42, 98 to 107)."""

import asyncio
import secrets
from collections.abc import Iterator

import jwt

from tests.attacks.scene import Scene, Victim
from tests.attacks.tenants import GLOBEX
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Request

_ACTS = ("claim", "stop", "continue", "idproof/submit", "idproof/decline", "terms/receipt", "terms/submit")
_ENDS = ("%00", "%0a", "%20", ";a=b", "%2fclaim", "%3f", "%23")
_PAGES = ("", "/events", "/stop")


def _everywhere(
    victim: Victim, name: str, *, status: int, code: str, cookie: str | None = None
) -> Iterator[Attack]:
    """Every page and button of a login, asked for by somebody with that cookie."""
    headers = {} if cookie is None else {"Cookie": cookie}
    for page in _PAGES:
        request = Request(target=victim.address + page).with_headers(**headers)
        yield Attack(name=f"{name}: GET {page}", request=request, status=status, code=code)
    for act in _ACTS:
        request = victim.form(act, {"csrf": victim.csrf}, **headers)
        yield Attack(name=f"{name}: POST {act}", request=request, status=status, code=code)


async def test_without_its_cookie_a_login_is_closed(scene: Scene) -> None:
    """32, 106, 107: pages, buttons, receipts and live updates are for the browser that claimed the login."""
    victim, mallory = await scene.begun(), await scene.begun()
    name = f"__Host-ws-{victim.id[:12]}"
    foreign = mallory.client.cookies[f"__Host-ws-{mallory.id[:12]}"]
    attacks = (
        *_everywhere(victim, "no cookie", status=403, code="no_cookie"),
        *_everywhere(victim, "another's", status=403, code="no_cookie", cookie=f"{name}={foreign}"),
        *_everywhere(victim, "another name", status=403, code="no_cookie", cookie=f"__Host-ws-x={foreign}"),
    )
    assert await complaints(scene, attacks, about=[victim]) == []
    latecomer = await scene.begun()
    late = scene.client()
    late.cookies = {f"__Host-ws-{latecomer.id[:12]}": foreign}
    assert (await late.get(latecomer.address)).status == 403


async def test_who_came_too_late_may_do_nothing(scene: Scene) -> None:
    """32: a cookie of the same login, but of a browser that did not claim it, opens nothing."""
    slow = await scene.arrived()
    quick = await scene.arrived(slow.link)
    assert (await quick.press("claim")).status == 303
    cookie = "; ".join(f"{name}={value}" for name, value in slow.client.cookies.items())
    attacks = _everywhere(slow, "slow", status=403, code="other_browser", cookie=cookie)
    assert await complaints(scene, attacks, about=[quick, slow]) == []


async def test_guessed_ids_tell_nothing(scene: Scene) -> None:
    """35: ids that nobody has are all answered by one and the same page."""
    victim = await scene.begun()
    unknown = (secrets.token_urlsafe(16) for _ in range(60))
    near = (victim.id.swapcase(), victim.id[:-1] + ("Q" if victim.id.endswith("A") else "A"), "A" * 22)
    attacks = (
        Attack(name=f"/t/{id_}", request=Request(target=f"/t/{id_}"), status=404, code="unknown_transaction")
        for id_ in (*unknown, *near)
    )
    assert await complaints(scene, attacks, about=[victim]) == []


async def test_malformed_ids_reach_no_login(scene: Scene) -> None:
    """35, 108: what only looks like the id of a login is refused before anybody looks for it."""
    victim = await scene.begun()
    ids = ("x", "A" * 21, "A" * 23, "..%2f", "%E2%80%AE" + "A" * 19, *(victim.id + end for end in _ENDS))
    attacks = [
        Attack(name=id_, request=Request(target=f"/t/{id_}"), status=404, code="malformed_id") for id_ in ids
    ]
    paths = (f"/t/{victim.id}/", f"//t/{victim.id}", f"/T/{victim.id}", f"/t//{victim.id}", "/t", "/t/")
    attacks += [Attack(name=path, request=Request(target=path), status=404) for path in paths]
    assert await complaints(scene, attacks, about=[victim]) == []


async def test_a_tenants_login_is_not_anothers(scene: Scene) -> None:
    """98: the cookie of a login at one tenant opens none at another, whatever name it is given."""
    here, there = await scene.begun(), await scene.begun(tenant=GLOBEX)
    foreign = here.client.cookies[f"__Host-ws-{here.id[:12]}"]
    cookie = f"__Host-ws-{there.id[:12]}={foreign}"
    attacks = _everywhere(there, "acme's at globex", status=403, code="no_cookie", cookie=cookie)
    assert await complaints(scene, attacks, about=[here, there]) == []


def _hand_back(answer_page: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(answer_page, options={"verify_signature": False})
    return claims


async def test_the_answer_can_be_had_again_but_by_its_browser_only(scene: Scene) -> None:
    """36: until the deadline the same answer is signed again for whoever earned it; then nobody has it."""
    victim = await scene.ready()
    pages = [await victim.press("continue") for _ in range(3)]
    assert [page.status for page in pages] == [200, 200, 200]
    answers = [_hand_back(page.value("session_token")) for page in pages]
    lasting = [
        {name: value for name, value in answer.items() if name not in ("iat", "exp")} for answer in answers
    ]
    assert lasting[0]["jti"] == victim.link.jti
    assert lasting[0]["state"] == victim.link.state
    assert lasting.count(lasting[0]) == 3
    assert (await victim.page()).status == 200
    stranger = _everywhere(victim, "stranger", status=403, code="no_cookie")
    assert await complaints(scene, stranger, about=[victim]) == []
    await scene.let_time_pass(victim)
    own = "; ".join(f"{name}={value}" for name, value in victim.client.cookies.items())
    assert (
        await complaints(
            scene, _everywhere(victim, "late", status=410, code="expired", cookie=own), about=[victim]
        )
        == []
    )


async def test_a_login_that_is_over_is_over(scene: Scene) -> None:
    """32, 37: after the deadline no page, no button and no step is answered, and nothing is written."""
    victim = await scene.begun()
    await scene.let_time_pass(victim)
    own = "; ".join(f"{name}={value}" for name, value in victim.client.cookies.items())
    attacks = _everywhere(victim, "late", status=410, code="expired", cookie=own)
    assert await complaints(scene, attacks, about=[victim]) == []


def _skipped(victim: Victim) -> Iterator[Attack]:
    """38: steps come in their order, and the way back after the last one."""
    rows = {
        (409, "not_ready"): ("continue",),
        (409, "not_yet"): ("idproof/submit", "idproof/decline", "profile/submit", "stepup/verify"),
        (404, "unknown_act"): ("bribe/pay", "idproof/approve", "terms/verify"),
    }
    for (status, code), acts in rows.items():
        for act in acts:
            request = victim.form(act, {"csrf": victim.csrf, "mrz": "P<"})
            yield Attack(name=act, request=request, sender=victim.client, status=status, code=code)


async def test_no_step_is_skipped(scene: Scene) -> None:
    """38: a button of a later step is 409 before its turn, one that there is not is 404."""
    victim = await scene.begun(steps=["terms:1", "idproof:1"])
    assert await complaints(scene, _skipped(victim), about=[victim]) == []
    assert (await victim.page()).html.select_one("form#terms")


async def test_a_step_is_done_once(scene: Scene) -> None:
    """38, 39: pressed again, in two tabs at once and in another order, a step has one result."""
    victim = await scene.begun(steps=["terms:1", "idproof:1"])
    fields = await victim.hidden("terms/submit") | {"accept.terms_of_use": "yes"}
    tabs = await asyncio.gather(
        *(victim.client.post(f"{victim.address}/terms/submit", fields) for _ in range(5))
    )
    assert {tab.status for tab in tabs} == {303}
    rows = await scene.rows([victim.link.subject])
    assert len(rows['gateway."consent_receipts"']) == 1
    repeated = Attack(
        name="again",
        request=victim.form("terms/submit", fields),
        sender=victim.client,
        status=303,
        allowed=frozenset({"Location"}),
    )
    assert await complaints(scene, [repeated], about=[victim]) == []
    assert (await victim.page()).html.select_one("form#identity")


async def test_guesses_over_parallel_logins_are_one_persons(scene: Scene) -> None:
    """93: four logins of one user that guess at the same time, twice, have five guesses together."""
    subject = f"auth0|{secrets.token_hex(6)}"
    logins = [await scene.begun(sub=subject) for _ in range(4)]
    forms = [await login.hidden("idproof/submit") for login in logins]

    async def guess(round_: int) -> list[int]:
        answers = await asyncio.gather(
            *(
                login.client.post(
                    f"{login.address}/idproof/submit", fields | {"mrz": f"P<SWE{round_}{number}"}
                )
                for number, (login, fields) in enumerate(zip(logins, forms, strict=True))
            )
        )
        return [answer.status for answer in answers]

    assert await guess(1) == [422, 422, 422, 422]
    assert await guess(2) == [303, 303, 303, 303]
    late = await scene.begun(sub=subject)
    assert not (await late.page()).html.select_one("form#identity")
