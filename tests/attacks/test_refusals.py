"""Whoever is refused is told what they can do: begin again at the application, or go back to their login."""

import time
from collections.abc import Iterator

import pytest

from tests.attacks.links import Link, Mint
from tests.attacks.scene import Scene, Victim
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Answer, Request


def _link(name: str, link: Link, code: str, *, status: int = 401) -> Attack:
    return Attack(name=name, request=Request(target=link.target()), link=link, status=status, code=code)


def _good_but(mint: Mint) -> Iterator[Attack]:
    """Links of this tenant's own Action that are of no use any more, or here."""
    past = int(time.time()) - 4000
    yield _link("too old", mint.link(iat=past, exp=past + 120), "session_token_expired")
    yield _link("another entry's", mint.link(entry="other"), "session_token_entry")
    sealed = mint.link_of(mint.claims() | {"jti": "another-question-of-the-action"})
    yield _link("another question's profile", sealed, "profile")
    for steps in (["nothing:1"], ["terms:3"], ["idproof:2"]):
        yield _link(str(steps), mint.link(steps=steps), "step_not_configured", status=409)


def _of_others(victim: Victim) -> Iterator[Attack]:
    request = Request(target=victim.link.target())
    yield Attack(name="claimed", request=request, status=403, code="other_browser")
    request = Request(target=victim.address)
    yield Attack(name="no cookie", request=request, status=403, code="no_cookie")


def _of_ones_own(victim: Victim) -> Iterator[Attack]:
    for act, code, status in (("idproof/submit", "csrf", 403), ("claim", "csrf", 403)):
        request = victim.form(act, {"csrf": "stale"})
        yield Attack(name=act, request=request, sender=victim.client, status=status, code=code)
    early = victim.form("continue", {"csrf": victim.csrf})
    yield Attack(name="too early", request=early, sender=victim.client, status=409, code="not_ready")


def _without_a_way(victim: Victim) -> Iterator[Attack]:
    for target, status in ((f"/t/{'A' * 22}", 404), ("/start/nobody/login?state=a&session_token=b", 404)):
        yield Attack(name=target, request=Request(target=target), status=status, code="")
    yield Attack(
        name="damaged",
        request=victim.form("claim", b"garbage"),
        sender=victim.client,
        status=400,
        code="form_damaged",
    )


def _button(answer: Answer) -> str:
    found = answer.html.select_one("a.button")
    return str(found["href"]) if found else ""


async def _ways(scene: Scene, attacks: Iterator[Attack]) -> set[str]:
    answers = [await (attack.sender or scene.client()).send(attack.request) for attack in attacks]
    return {_button(answer) for answer in answers}


@pytest.mark.logs("profile.refused", "request.refused")
async def test_whoever_is_refused_is_shown_a_way(scene: Scene) -> None:
    """Where the login or the application is known, a button leads there; else words say what to do."""
    victim = await scene.begun()
    application = f"{scene.stack.origins.app}/login"
    assert await complaints(scene, _good_but(scene.mint)) == []
    assert await _ways(scene, _good_but(scene.mint)) == {application}
    assert await complaints(scene, _of_others(victim), about=[victim]) == []
    assert await _ways(scene, _of_others(victim)) == {application}
    assert await complaints(scene, _of_ones_own(victim), about=[victim]) == []
    assert await _ways(scene, _of_ones_own(victim)) == {victim.address}
    assert await _ways(scene, _without_a_way(victim)) == {""}
