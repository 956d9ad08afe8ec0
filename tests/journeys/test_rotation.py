"""Keys are replaced while people log in, and nobody notices."""

from tests.common.rsa_pairs import key_id, private_pem, public_pem
from tests.journeys.browser import HAND_BACK, reason_of
from tests.journeys.people import honest
from tests.journeys.rotating import (
    Sides,
    answer_on,
    changing_keys,
    claims_in,
    crowd,
    header_of,
    signed,
)
from tests.journeys.world import World
from tests.support.secret_folder import SecretFolder


async def test_keys_are_replaced_under_load(world: World) -> None:
    """From secrets to new secrets, then to RSA keys: no login fails, and no retired secret counts."""
    secrets = world.stack.secrets
    async with changing_keys(world) as sides:
        async with crowd(world, places=2) as people:
            await _verify_with_what_comes(sides, secrets)
            await people.all_change()  # a login that is under way runs the Action with which it began
            await _sign_with_new_secrets(sides, secrets)
            await people.all_change()
            await _sign_with_keys(sides, secrets)
            await _assert_retired(world, secrets, suffix="")
            await people.all_change()
            await _remove_the_secrets(sides)
            await _assert_retired(world, secrets, suffix=".new")
        assert people.failed == []
        page = await (await world.browser()).log_in(honest(await world.person()), to=HAND_BACK)
        assert header_of(answer_on(page)) == {"alg": "RS256", "typ": "JWT", "kid": key_id("answer")}


async def _verify_with_what_comes(sides: Sides, secrets: SecretFolder) -> None:
    hand = sides.world.stack.hand
    await sides.action(
        ANSWER_TOKEN_SECRET=secrets.password("answer-token.new"),
        ANSWER_TOKEN_SECRET_PREVIOUS=secrets.password("answer-token"),
        ANSWER_TOKEN_PUBLIC_KEYS=public_pem("answer"),
    )
    await sides.gateway(
        session_token={
            "alg": ["HS256", "RS256"],
            "secret_files": [str(secrets.password_file(f"session-token{suffix}")) for suffix in ("", ".new")],
            "public_key_files": [hand("session.pem", public_pem("session"))],
        },
        answer_token={"key_files": [hand("answer.pem", private_pem("answer"))]},
        profile_key_files=[str(secrets.key_file(f"profile{suffix}")) for suffix in ("", ".new")],
    )


async def _sign_with_new_secrets(sides: Sides, secrets: SecretFolder) -> None:
    await sides.action(
        SESSION_TOKEN_SECRET=secrets.password("session-token.new"), PROFILE_KEY=secrets.key("profile.new")
    )
    await sides.gateway(answer_token={"secret_files": [str(secrets.password_file("answer-token.new"))]})


async def _sign_with_keys(sides: Sides, secrets: SecretFolder) -> None:
    """The old secrets go."""
    await sides.action(ANSWER_TOKEN_SECRET_PREVIOUS="", SESSION_TOKEN_PRIVATE_KEY=private_pem("session"))
    await sides.gateway(
        session_token={"secret_files": [str(secrets.password_file("session-token.new"))]},
        answer_token={"alg": "RS256"},
        profile_key_files=[str(secrets.key_file("profile.new"))],
    )


async def _remove_the_secrets(sides: Sides) -> None:
    await sides.action(SESSION_TOKEN_SECRET="", ANSWER_TOKEN_SECRET="")
    await sides.gateway(session_token={"alg": "RS256"})


async def _assert_retired(world: World, secrets: SecretFolder, *, suffix: str) -> None:
    """Neither side takes a token, otherwise good, that is signed with its secret of that name."""
    browser, person = await world.browser(), await world.person()
    page = await browser.begin(honest(person))
    link = browser.link
    forged = signed(claims_in(link.query["session_token"]), secrets.password(f"session-token{suffix}"))
    stranger = await world.browser()
    assert (await stranger.open(link.update_query(session_token=forged))).status == 401
    page = await browser.walk(page, honest(person), to=HAND_BACK)
    forged = signed(claims_in(answer_on(page)), secrets.password(f"answer-token{suffix}"))
    page = await browser.submit(page, HAND_BACK, {"session_token": forged})
    assert reason_of(page) == "waystation_invalid_answer"
