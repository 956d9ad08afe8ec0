"""Who asks too much, with the limits that we deliver; everybody else is served (cases 35, 72 to 75)."""

import asyncio
import secrets
from collections.abc import Callable

import pytest

from tests.attacks.scene import Scene
from tests.attacks.wire import Client, Request, form
from tests.support.waiting import wait_until

_MOST = 900
_AT_ONCE = 15
_PATIENCE_SECONDS = 30.0


async def _stopped(client: Client, request: Callable[[], Request], *, status: int) -> None:
    """Ask again and again: answered by `status`, until it is 429 with the seconds to wait.

    Each refusal counts as ten of the 500 requests that an address has in ten seconds.
    """
    for _ in range(_MOST // _AT_ONCE):
        answers = await asyncio.gather(*(client.send(request()) for _ in range(_AT_ONCE)))
        assert {answer.status for answer in answers} <= {status, 429}
        late = [answer for answer in answers if answer.status == 429]
        if late:
            assert all(int(answer.headers["Retry-After"]) >= 1 for answer in late)
            return
    raise AssertionError(f"{_MOST} requests were all served")


async def test_bad_tokens_are_the_senders_limit_alone(scene: Scene) -> None:
    """73: who sends forged tokens has 429 soon; the tenant that they name, and its users, lose nothing."""
    victim, mallory = await scene.begun(), scene.client()
    forged = scene.mint.link_of(scene.mint.claims(sub=victim.link.subject), secret="k" * 40)
    await _stopped(mallory, lambda: Request(target=forged.target()), status=401)
    assert (await victim.page()).status == 200
    assert (await scene.begun(sub=victim.link.subject)).id != victim.id
    assert (await scene.client().get(forged.target())).status == 401


async def test_guessed_ids_end_in_429(scene: Scene) -> None:
    """35: who guesses ids of logins is stopped, also where they exist."""
    victim, mallory = await scene.begun(), scene.client()
    await _stopped(mallory, lambda: Request(target=f"/t/{secrets.token_urlsafe(16)}"), status=404)
    assert (await mallory.get(victim.address)).status == 429
    assert (await victim.page()).status == 200


async def test_a_made_up_way_does_not_help(scene: Scene) -> None:
    """74: whatever a client says about proxies before it, it is its own address that counts."""

    def made_up() -> Request:
        there = f"203.0.113.{secrets.randbelow(256)}"
        return Request(target="/nowhere").with_headers(
            X_Forwarded_For=f"{there}, 198.51.100.7", X_Real_IP=there, Forwarded=f"for={there}"
        )

    await _stopped(scene.client(), made_up, status=404)


async def test_what_is_no_http_counts_too(scene: Scene) -> None:
    """73: garbage and forms that nobody sent are counted like everything else that is refused."""
    mallory = scene.client()
    for _ in range(60):
        await mallory.raw(b"garbage\r\n\r\n")
    await _stopped(mallory, lambda: Request(target="/nowhere"), status=404)
    large = form(f"/t/{'A' * 22}/claim", b"x" * 20_000)
    await _stopped(scene.client(), lambda: large, status=413)


@pytest.mark.logs("login.displaced")
async def test_open_logins_of_one_user_are_few(scene: Scene) -> None:
    """75: of a user's many open logins the oldest give way; the user is stopped, nobody else is."""
    subject = f"auth0|{secrets.token_hex(6)}"
    clients = [scene.client() for _ in range(30)]
    links = [scene.mint.link(sub=subject) for _ in clients]
    answers = [await client.get(link.target()) for client, link in zip(clients, links, strict=True)]
    statuses = [answer.status for answer in answers]
    assert statuses == [303] * statuses.count(303) + [429] * statuses.count(429)
    assert statuses.count(429) > 0

    async def few() -> bool:
        (found,) = await scene.world.rows.all(
            "SELECT count(*) FROM gateway.transactions WHERE subject = $1 AND status = 'opened'", subject
        )
        return bool(found["count"] <= 5)

    await wait_until(few, _PATIENCE_SECONDS, what="the oldest logins to give way")
    newest = answers[statuses.count(303) - 1]
    assert (await clients[statuses.count(303) - 1].get(newest.location)).status == 200
    assert (await clients[0].get(answers[0].location)).status == 410
    assert (await scene.begun()).id


async def test_connections_of_one_address_are_few(scene: Scene) -> None:
    """72: who opens three hundred connections and says nothing holds those of an address, and nobody up."""
    victim, mallory = await scene.begun(), scene.client()
    host, port = mallory.host.split(":")
    source = (mallory.address, 0)
    lines = [await asyncio.open_connection(host, int(port), local_addr=source) for _ in range(300)]
    try:
        await wait_until(
            lambda: sum(reader.at_eof() or reader.exception() is not None for reader, _ in lines) >= 100,
            _PATIENCE_SECONDS,
            what="a hundred connections to be closed",
        )
        assert (await victim.press("idproof/decline")).status == 303
    finally:
        for _, writer in lines:
            writer.close()
