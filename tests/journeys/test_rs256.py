"""A tenant whose tokens are signed with RSA keys, in both directions; its own are in a key set."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest

from tests.common.key_server import KeyServer, serving_keys
from tests.common.rsa_pairs import jwk, key_id, key_set, pair, private_pem, public_pem
from tests.journeys.browser import HAND_BACK, LOGGED_IN, reason_of
from tests.journeys.control import PASSED, SEEN, told
from tests.journeys.people import honest
from tests.journeys.rotating import Sides, answer_on, changing_keys, claims_in, header_of, signed
from tests.journeys.world import World
from tests.support.journey import Page
from tests.support.places import LOCAL

pytestmark = pytest.mark.only_at(LOCAL, reason="the tenant's keys are served on this machine's loopback")


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    """Where the tenant publishes its keys, at an address of its own."""
    async with serving_keys(key_set("session"), host="127.0.0.5") as serving:
        yield serving


@pytest.fixture
async def sides(world: World, server: KeyServer, tmp_path: Path) -> AsyncIterator[Sides]:
    """Neither side has a secret of tokens any more."""
    for name in ("answer", "answer-next"):
        (tmp_path / f"{name}.pem").write_text(private_pem(name))
    async with changing_keys(world) as changed:
        await changed.action(
            SESSION_TOKEN_SECRET="",
            SESSION_TOKEN_PRIVATE_KEY=private_pem("session"),
            ANSWER_TOKEN_SECRET="",
            ANSWER_TOKEN_PUBLIC_KEYS=public_pem("answer"),
        )
        await changed.gateway(
            session_token={"alg": "RS256", "secret_files": [], "jwks_url": server.url},
            answer_token={
                "alg": "RS256",
                "secret_files": [],
                "key_files": [str(tmp_path / f"{name}.pem") for name in ("answer", "answer-next")],
            },
        )
        yield changed


@pytest.mark.logs("jwks.fetched", "tenants.reloaded")
async def test_keys_in_both_directions(world: World, sides: Sides, server: KeyServer) -> None:
    """A login passes on keys alone; what is signed with anything else is refused on either side."""
    assert sides.world is world
    await _assert_published(world)
    person = await world.person()
    browser = await world.browser()
    page = await browser.begin(honest(person))
    question = browser.link.query["session_token"]
    assert header_of(question) == {"alg": "RS256", "typ": "JWT", "kid": key_id("session")}
    await _assert_no_arrival(world, question)
    page = await browser.walk(page, honest(person), to=HAND_BACK)
    answer = answer_on(page)
    assert header_of(answer) == {"alg": "RS256", "typ": "JWT", "kid": key_id("answer")}
    page = await browser.submit(page, HAND_BACK)
    assert page.has(LOGGED_IN)
    assert told((await world.tenant.app_metadata(person))[SEEN]) == PASSED
    await _assert_no_answer(world, signed(claims_in(answer), public_pem("answer")))
    await _assert_asked_seldom(world, question, server)


async def _assert_asked_seldom(world: World, question: str, server: KeyServer) -> None:
    """Many unknown key ids at once make one request at most, and are all refused (attack case 25)."""
    before, claims = server.requests, claims_in(question)
    tokens = [
        jwt.encode(claims, pair("other"), algorithm="RS256", headers={"kid": f"unknown-{number}"})
        for number in range(100)
    ]
    pages = await asyncio.gather(*(_arrive(world, token) for token in tokens))
    assert {page.status for page in pages} == {401}
    assert server.requests - before <= 1


async def _assert_published(world: World) -> None:
    """Everybody can have the keys of answers, the next one too, and nothing private."""
    url = f"{world.stack.origins.gateway}/.well-known/jwks.json"
    async with world.tenant.session.get(url) as response:
        published = await response.json()
    names = sorted((key_id(name), name) for name in ("answer", "answer-next"))
    assert published == {"keys": [jwk(name) for _, name in names]}
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert response.content_type == "application/json"
    async with world.tenant.session.post(url) as response:
        assert response.status == 405


async def _assert_no_arrival(world: World, question: str) -> None:
    """Claims of a good token, signed with what is not the tenant's key."""
    claims = claims_in(question)
    name = {"kid": key_id("session")}
    others = {
        "secret": signed(claims, world.stack.secrets.password("session-token")),
        "public key": signed(claims, public_pem("session")),
        "our own key": jwt.encode(
            claims, pair("answer"), algorithm="RS256", headers={"kid": key_id("answer")}
        ),
        "other key by the right name": jwt.encode(claims, pair("other"), algorithm="RS256", headers=name),
        "other algorithm": jwt.encode(claims, pair("session"), algorithm="PS256", headers=name),
    }
    for kind, forged in others.items():
        page = await _arrive(world, forged)
        assert page.status == 401, kind


async def _arrive(world: World, token: str) -> Page:
    url = f"{world.stack.origins.gateway}/start/acme/login?state=another-state&session_token={token}"
    return await (await world.browser()).open(url)


async def _assert_no_answer(world: World, forged: str) -> None:
    browser, person = await world.browser(), await world.person()
    page = await browser.log_in(honest(person), to=HAND_BACK)
    page = await browser.submit(page, HAND_BACK, {"session_token": forged})
    assert reason_of(page) == "waystation_invalid_answer"
