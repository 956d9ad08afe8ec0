"""Tenants whose Action signs with a private key (cases 3, 4, 19, 20, 25): nothing else of that key counts."""

import asyncio
import json
import secrets
from collections.abc import Iterator

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from tests.attacks.links import Link, Mint
from tests.attacks.scene import Scene
from tests.attacks.tenants import HOOLI, INITECH, KEYS_HOST, AttackedStack
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Request
from tests.common.rsa_pairs import jwk, key_id, key_set, pair, public_pem
from tests.common.session_tokens import b64

_ENCODINGS = serialization.Encoding
_INFO, _SSH = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.OpenSSH


def _signed(mint: Mint, key: str, *, tenant: str = INITECH, alg: str = "RS256", **header: object) -> Link:
    """A link whose token is signed with that private key, and good but for its header."""
    claims = mint.claims(tenant=tenant)
    token = jwt.encode(claims, pair(key), algorithm=alg, headers={"kid": key_id(key), **header})
    return Link(
        tenant=tenant, state=secrets.token_urlsafe(24), token=token, subject=claims["sub"], jti=claims["jti"]
    )


def _attack(name: str, link: Link, code: str) -> Attack:
    return Attack(name=name, request=Request(target=link.target()), link=link, status=401, code=code)


def _public_key_as_secret(mint: Mint) -> Iterator[Attack]:
    """3, 4: whoever knows the public key, which is everybody, signs HS256 with a form of it."""
    public = pair("now").public_key()
    texts = {
        "PEM": public_pem("now"),
        "PEM without its end": public_pem("now").strip(),
        "DER": public.public_bytes(_ENCODINGS.DER, _INFO).decode("latin-1"),
        "SSH": public.public_bytes(_ENCODINGS.OpenSSH, _SSH).decode(),
        "JWK": json.dumps(jwk("now")),
    }
    headers = (
        ("HS256", {"alg": "HS256", "typ": "JWT"}, "session_token_header"),
        ("HS256 by its name", {"alg": "HS256", "typ": "JWT", "kid": key_id("now")}, "session_token_header"),
        ("as if RS256", {"alg": "RS256", "typ": "JWT", "kid": key_id("now")}, "session_token_signature"),
    )
    for form, text in texts.items():
        for name, header, code in headers:
            link = mint.link_of(mint.claims(tenant=INITECH), tenant=INITECH, secret=text, header=header)
            yield _attack(f"{form}, {name}", link, code)


def _named_otherwise(mint: Mint) -> Iterator[Attack]:
    """19, 20: the name of the key that signed, and no other way to say which key it is."""
    yield _attack("retired", _signed(mint, "retired"), "session_token_kid")
    yield _attack("by another's name", _signed(mint, "now", kid=key_id("next")), "session_token_signature")
    for kid in ("unknown", "../../../dev/null", "' OR 1=1 --"):
        yield _attack(f"kid {kid}", _signed(mint, "retired", kid=kid), "session_token_kid")
    for kid in ("", "k" * 300):
        yield _attack(f"kid of {len(kid)}", _signed(mint, "retired", kid=kid), "session_token_header")
    for header in ("jku", "x5u", "iss"):
        link = _signed(mint, "now", **{header: f"http://{KEYS_HOST}:1/jwks.json"})
        yield _attack(header, link, "session_token_header")
    yield _attack("jwk", _signed(mint, "retired", jwk=jwk("retired")), "session_token_header")
    for alg in ("RS384", "RS512", "PS256"):
        yield _attack(alg, _signed(mint, "now", alg=alg), "session_token_header")
    none = f"{b64(json.dumps({'alg': 'none', 'typ': 'JWT', 'kid': key_id('now')}).encode())}"
    good = _signed(mint, "now")
    yield _attack("none", good.holding(".".join((none, *good.token.split(".")[1:]))), "session_token_header")


async def test_a_public_key_signs_nothing(scene: Scene) -> None:
    """3, 4: a token that was made with a public key, in whatever form of it, is refused."""
    assert await complaints(scene, _public_key_as_secret(scene.mint)) == []


async def test_only_listed_keys_by_their_names(scene: Scene) -> None:
    """19, 20: both listed keys are good, a retired one is not, and a header leads to no other."""
    for key in ("now", "next"):
        assert (await scene.client().get(_signed(scene.mint, key).target())).status == 303
    assert await complaints(scene, _named_otherwise(scene.mint)) == []


async def test_unknown_keys_are_looked_for_seldom(scene: Scene, stack: AttackedStack) -> None:
    """25: however many tokens name however many unknown keys, their tenant's key set is fetched once."""
    asked: list[str] = []

    async def keys(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=key_set("fetched"), content_type="application/json")

    app = web.Application()
    app.router.add_get("/jwks.json", keys)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, KEYS_HOST, stack.keys_port).start()
        good = await scene.client().get(_signed(scene.mint, "fetched", tenant=HOOLI).target())
        assert (good.status, len(asked)) == (303, 1)
        unknown = [_signed(scene.mint, "fetched", tenant=HOOLI, kid=f"unknown-{n}") for n in range(60)]
        answers = await asyncio.gather(*(scene.client().get(link.target()) for link in unknown))
        assert {answer.status for answer in answers} == {401}
        assert len(asked) <= 3  # one in ten seconds
        again = await scene.client().get(_signed(scene.mint, "fetched", tenant=HOOLI).target())
        assert again.status == 303
    finally:
        await runner.cleanup()
