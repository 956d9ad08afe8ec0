"""Session tokens signed with RSA keys at the gateway's door, and the keys that it publishes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.common.rsa_pairs import jwk, public_pem, rs_token, write_private_pem
from tests.common.session_tokens import sealed_profile
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import Redirect, redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase

_RS256 = {"alg": "RS256", "audience": "waystation"}


@pytest.fixture
async def rig(database: ServiceDatabase, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Rig]:
    """Acme signs with keys of files, globex with keys of a set that nobody can have."""
    (tmp_path / "now.pem").write_text(public_pem("now"))
    write_private_pem(tmp_path / "answer.pem", "answer")
    answer = {"alg": "RS256", "key_files": ["answer.pem"], "issuer": "waystation", "audience": "acme"}
    tenants = {
        "acme": section(session_token=_RS256 | {"public_key_files": ["now.pem"]}, answer_token=answer),
        "globex": section(
            "globex.eu.auth0.com",
            session_token=_RS256 | {"jwks_url": "https://keys.globex.invalid/jwks.json"},
        ),
    }
    async with serving(database, tenants_file=write_tenants(tmp_path, tenants), clock=clock) as serving_rig:
        yield serving_rig


def _signed(clock: FakeClock, name: str, *, tenant: str = "acme") -> Redirect:
    """A good arrival, signed with that key."""
    good = redirect(clock, tenant=tenant)
    issued = int(clock.now().timestamp())
    host = f"{tenant}.eu.auth0.com"
    text = rs_token(
        name,
        iss=host,
        continue_uri=f"https://{host}/continue",
        iat=issued,
        exp=issued + 120,
        jti=good.jti,
        profile=sealed_profile(b'{"email":"anna@acme.example"}', jti=good.jti),
    )
    return replace(good, session_token=text)


async def test_a_key_of_a_file(rig: Rig, anna: Browser) -> None:
    """A token of a listed key opens a login; one of another key, or of our own, does not."""
    assert (await anna.get(_signed(rig.clock, "other").path)).status == 401
    assert (await anna.get(_signed(rig.clock, "answer").path)).status == 401
    codes = [line["code"] for line in rig.lines.all if line["event"] == "request.refused"]
    assert codes == ["session_token_kid", "session_token_kid"]
    assert await rig.rows("SELECT id FROM transactions") == []
    assert await anna.arrive(_signed(rig.clock, "now"))


async def test_a_set_that_nobody_can_have(rig: Rig, anna: Browser) -> None:
    """Without the keys of a tenant nobody is let in or refused: they are asked to try again."""
    answer = await anna.get(_signed(rig.clock, "now", tenant="globex").path)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert [line["error_type"] for line in rig.lines.all if line["event"] == "request.not_possible_now"] == [
        "KeySetUnavailableError"
    ]
    assert await rig.rows("SELECT id FROM transactions") == []


async def test_what_is_published(anna: Browser) -> None:
    """The public keys of answers stand where everybody can read them, for five minutes at a time."""
    answer = await anna.get("/.well-known/jwks.json")
    assert (answer.status, json.loads(answer.text)) == (200, {"keys": [jwk("answer")]})
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
