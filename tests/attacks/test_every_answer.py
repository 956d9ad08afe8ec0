"""The headers of every answer that there is, and a policy for each page that lets nothing of others in."""

import pytest
from bs4 import BeautifulSoup

from tests.attacks.headers import directives, nonce_of, wrong_headers
from tests.attacks.scene import Scene
from tests.attacks.wire import Answer, Request, answers_in

# The first is what a login with each of these steps asks for; the last act goes on to the next step.
_ACTS = {
    "terms": {"accept.terms_of_use": "yes"},
    "profile": {},
    "idproof": {"mrz": "P<"},
    "stepup": {"code": "000000"},
    "password": {"new_password": "a", "new_password_again": "b"},
}


async def _pages(scene: Scene) -> dict[str, Answer]:
    """One answer of each kind, by what it is."""
    victim = await scene.arrived()
    client, found = victim.client, {}
    found["arrival"] = await scene.client().get(victim.link.target())
    found["start page"] = await victim.page()
    found["claim"] = await victim.press("claim")
    found["step"] = await victim.page()
    found["slip"] = await victim.press("idproof/submit", mrz="x")
    found["stop?"] = await client.get(f"{victim.address}/stop")
    found["not yet"] = await client.post(f"{victim.address}/continue", {"csrf": victim.csrf})
    found["decline"] = await victim.press("idproof/decline")
    found["end"] = await victim.page()
    found["events"] = await scene_events(scene, victim.address, client.cookies)
    found["hand-back"] = await victim.press("continue")
    found["an act's address"] = await client.get(f"{victim.address}/claim")
    found["language"] = await client.post("/language", {"language": "de", "to": victim.address})
    page = found["start page"].html
    for tag in page.select("link[rel=stylesheet], link[rel=icon], header img"):
        found[str(tag.get("href") or tag.get("src"))] = await client.get(
            str(tag.get("href") or tag.get("src"))
        )
    found["another release's style"] = await client.get("/assets/style-0000000000000000.css")
    found["keys"] = await client.get("/.well-known/jwks.json")
    await scene.let_time_pass(victim)
    found["over"] = await victim.page()
    return found


async def scene_events(scene: Scene, address: str, cookies: dict[str, str]) -> Answer:
    """The live updates of a login that waits for nothing: one event, and the end."""
    request = Request(target=f"{address}/events").with_headers(
        Cookie="; ".join(f"{name}={value}" for name, value in cookies.items())
    )
    client = scene.client()
    (answer,) = answers_in(await client.raw(request.wire(client.host)))
    return answer


async def _refusals(scene: Scene) -> dict[str, Answer]:
    client = scene.client()
    target = f"/t/{'A' * 22}"
    requests = {
        "400": Request(target="/start/acme/login"),
        "401": Request(target="/start/acme/login?state=a&session_token=a.b.c"),
        "404": Request(target=target),
        "404 of a path": Request(target="/nowhere"),
        "404 of a file": Request(target="/assets/nothing.css"),
        "404 of a picture": Request(target="/brand/acme/favicon/x"),
        "404 of a tenant": Request(target="/start/nobody/login?state=a&session_token=b"),
        "405": Request(method="PUT", target=target),
        "405 of a file": Request(method="POST", target="/assets/style.css"),
        "405 to HEAD": Request(method="HEAD", target=target),
        "413": Request(
            method="POST",
            target="/language",
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            body=b"x" * 20_000,
        ),
        "415": Request(method="POST", target="/language", body=b"x"),
        "417": Request(target=target, headers=(("Expect", "the-impossible"),)),
    }
    return {name: await client.send(request) for name, request in requests.items()}


async def test_every_answer_has_its_headers(scene: Scene) -> None:
    """Pages, files, streams, redirects and refusals: none may be framed, sniffed, cached or run by others."""
    answers = {**await _pages(scene), **await _refusals(scene)}
    assert {name: wrong for name, answer in answers.items() if (wrong := wrong_headers(answer))} == {}
    redirects = {answer.status for answer in answers.values() if answer.location}
    assert redirects == {303}
    assert "no-store" in answers["hand-back"].headers["Cache-Control"]
    assert answers["hand-back"].headers["Referrer-Policy"] == "no-referrer"
    for name in ("arrival", "400", "401", "404 of a tenant"):
        assert answers[name].headers["Referrer-Policy"] == "no-referrer", name
    nonces = [nonce_of(answer) for answer in answers.values() if answer.status != 417]
    assert len(set(nonces) - {""}) == len([nonce for nonce in nonces if nonce])


async def test_pages_of_every_step_load_nothing_from_elsewhere(scene: Scene) -> None:
    """The policy holds on the page of each step, and again when something on it was wrong."""
    wrong = []
    for step, fields in _ACTS.items():
        victim = await scene.begun(steps=[f"{step}:1"])
        page = await victim.page()
        wrong += [f"{step}: {what}" for what in wrong_headers(page)]
        forms = [
            str(one["action"])
            for one in page.html.select("form")
            if str(one["action"]).startswith(victim.address)
        ]
        act = forms[0].removeprefix(f"{victim.address}/")
        wrong += [f"{step} again: {what}" for what in wrong_headers(await victim.press(act, **fields))]
        wrong += [f"{step} after it: {what}" for what in wrong_headers(await victim.page())]
    assert wrong == []


@pytest.mark.parametrize(
    "policy",
    [
        "default-src 'none'; script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA' 'unsafe-inline'",
        "default-src *",
        "default-src 'none'; script-src 'nonce-short'",
        "default-src 'none'; script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA' https:",
        "default-src 'none'; script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA'; form-action 'self'",
    ],
)
async def test_the_judge_of_policies_is_strict(scene: Scene, policy: str) -> None:
    """A policy that lets more in than ours, or that would stop the hand-back's form, does not pass."""
    page = await scene.client().get("/nowhere")
    good = page.headers["Content-Security-Policy"]
    assert wrong_headers(page) == []
    page.headers["Content-Security-Policy"] = policy
    assert wrong_headers(page) != []
    assert directives(good)["script-src"] == {"nonce"}
    assert BeautifulSoup(page.text, "html.parser").select("script[nonce]")
