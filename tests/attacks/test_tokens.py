"""Session tokens that the tenant never made: each is refused, and leaves nothing behind (cases 1 to 22)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.attacks.links import HEADER, Link, Mint
from tests.attacks.scene import Scene
from tests.attacks.tenants import GLOBEX, PREVIOUS, RETIRED, host_of
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import Request
from tests.common.session_tokens import b64

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _attack(name: str, link: Link, *, code: str, status: int = 401, **more: Any) -> Attack:
    return Attack(
        name=name, request=Request(target=link.target()), status=status, code=code, link=link, **more
    )


def _header(mint: Mint, header: Mapping[str, object] | bytes, *, name: str = "") -> Attack:
    """A token that is good but for its header."""
    claims = mint.claims()
    link = mint.link_of(claims, header=header)
    return _attack(name or repr(header)[:60], link, code="session_token_header")


def _headers(mint: Mint, *changes: Mapping[str, object]) -> Iterator[Attack]:
    for change in changes:
        yield _header(mint, {**HEADER, **change}, name=repr(change)[:60])


def _claim(mint: Mint, name: str, values: Iterable[object], *, code: str = "") -> Iterator[Attack]:
    for value in values:
        link = mint.link_of({**mint.claims(), name: value})
        yield _attack(f"{name}={value!r:.40}", link, code=code or f"session_token_{name}")


def _without(mint: Mint, name: str) -> Attack:
    claims = {claim: value for claim, value in mint.claims().items() if claim != name}
    return _attack(f"no {name}", mint.link_of(claims), code=f"session_token_{name}")


def _unsigned(mint: Mint) -> Iterator[Attack]:
    """1: with an empty signature it has not even the form of a token."""
    yield from _headers(mint, *({"alg": alg} for alg in ("none", "nOnE", "NONE", "None")))
    link = mint.link()
    for alg in ("none", "nOnE", "NONE"):
        head = b64(json.dumps({**HEADER, "alg": alg}).encode())
        token = f"{head}.{link.token.split('.')[1]}."
        yield _attack(f"{alg} without signature", link.holding(token), status=400, code="session_token_form")


def _odd_algorithms(mint: Mint) -> Iterator[Attack]:
    yield _header(mint, {"typ": "JWT"})
    yield from _headers(mint, *({"alg": alg} for alg in (["HS256"], 256, {"HS256": 1}, None, "", True)))


def _public_key_as_secret(mint: Mint) -> Iterator[Attack]:
    """4: whoever signs with the text of a public key signs with something that everybody knows."""
    keys = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256R1()),
    )
    info, ssh = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.OpenSSH
    encoding = serialization.Encoding
    for key in keys:
        public = key.public_key()
        texts = {
            "PEM": public.public_bytes(encoding.PEM, info).decode(),
            "DER": public.public_bytes(encoding.DER, info).decode("latin-1"),
            "SSH": public.public_bytes(encoding.OpenSSH, ssh).decode(),
            "JWK": json.dumps({"kty": "oct", "k": b64(mint.secret().encode())}),
        }
        for name, text in texts.items():
            link = mint.link_of(mint.claims(), secret=text)
            yield _attack(f"{name} of {type(key).__name__}", link, code="session_token_signature")


def _other_algorithms(mint: Mint) -> Iterator[Attack]:
    algorithms = ("RS256", "PS256", "ES256", "HS384", "HS512", "EdDSA", "hs256", "HS256 ")
    yield from _headers(mint, *({"alg": alg} for alg in algorithms))


def _flipped_bits(mint: Mint) -> Iterator[Attack]:
    """6: sampled over all three parts; what it breaks first depends on the place."""
    link = mint.link()
    parts = link.token.split(".")
    for part, text in enumerate(parts):
        code = "session_token_signature" if part else "session_token_header"
        for place in sorted({0, 3, len(text) // 3, len(text) // 2, len(text) - 7, len(text) - 1}):
            flipped = _ALPHABET[_ALPHABET.index(text[place]) ^ 32]
            changed = [*parts[:part], text[:place] + flipped + text[place + 1 :], *parts[part + 1 :]]
            yield _attack(f"part {part} at {place}", link.holding(".".join(changed)), code=code)


def _other_forms(mint: Mint) -> Iterator[Attack]:
    """7: a token has three parts."""
    link = mint.link()
    head, payload, signature = link.token.split(".")
    for name, token in {
        "signature stripped": f"{head}.{payload}.",
        "two parts": f"{head}.{payload}",
        "four parts": f"{link.token}.AAAA",
        "five parts": f"{head}..{payload}.{signature}.AAAA",
        "one part": payload,
        "nothing": "",
        "dots": "..",
    }.items():
        yield _attack(name, link.holding(token), status=400, code="session_token_form")


def _odd_letters(mint: Mint) -> Iterator[Attack]:
    """8: the text of a token has one spelling."""
    link = mint.link()
    for more in ("=", "==", "+", "/", " ", "\t", "\r\n", "\0", "\u200b", "\u0661", "%", "&", ";", ","):
        for name, token in {
            f"{more!r} behind": link.token + more,
            f"{more!r} before": more + link.token,
        }.items():
            yield _attack(name, link.holding(token), status=400, code="session_token_form")
    yield _attack("6 kB", link.holding(f"{link.token}{'A' * 6000}"), status=400, code="session_token_form")
    for name, bytes_ in {"a surrogate": "%ED%B2%80", "bad UTF-8": "%FF", "half an escape": "%4"}.items():
        request = Request(target=link.target() + bytes_)
        yield Attack(name=name, request=request, status=400, code="session_token_form", link=link)
    for size in (20_000, 1_000_000):
        request = Request(target=link.holding("A" * size).target())
        yield Attack(name=f"{size} letters", request=request, status=400, link=link)


def _payload(mint: Mint, name: str, payload: bytes, *, code: str = "session_token_payload") -> Attack:
    link = mint.link()
    return _attack(name, link.holding(mint.sign(payload)), code=code)


def _odd_payloads(mint: Mint) -> Iterator[Attack]:
    claims = mint.claims()
    good = json.dumps(claims).encode()
    short = json.dumps({name: value for name, value in claims.items() if name != "exp"}).encode()[:-1]
    for name, payload in {
        "a list": b"[]",
        "a text": b'"text"',
        "null": b"null",
        "half": b"{",
        "deep": b'{"a":' * 700,
        "deep lists": b"[" * 2000,
        "UTF-16": good.decode().encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "broken UTF-8": good.replace(b"auth0", b"auth\xff"),
        "Infinity": short + b',"exp":Infinity}',
        "-Infinity": short + b',"exp":-Infinity}',
        "NaN": short + b',"exp":NaN}',
    }.items():
        yield _payload(mint, name, payload)
    bare = json.dumps({name: value for name, value in claims.items() if name not in ("exp", "profile")})
    yield _payload(
        mint,
        "a number of 2,500 digits",
        bare.encode()[:-1] + b',"exp":' + b"9" * 2500 + b"}",
        code="session_token_exp",
    )


def _doubled_claims(mint: Mint) -> Iterator[Attack]:
    good = json.dumps(mint.claims()).encode()[:-1]
    for claim in (b'"sub":"auth0|another-person"', b'"exp":9999999999', b'"authorize":{"a":"1","a":"2"}'):
        yield _payload(mint, claim.decode(), good + b"," + claim + b"}")


def _wrong_expiry(mint: Mint) -> Iterator[Attack]:
    now = int(time.time())
    yield _without(mint, "exp")
    wrong_types: tuple[object, ...] = (None, str(now + 120), True, [now + 120], {}, now + 120.0)
    yield from _claim(mint, "exp", (*wrong_types, now + 960, now - 1, 0, -1, 253402300799))
    for age in (31 + 120, 3600, 86_400):
        link = mint.link(iat=now - age, exp=now - age + 120)
        yield _attack(f"{age} s old", link, code="session_token_expired")


def _wrong_beginning(mint: Mint) -> Iterator[Attack]:
    now = int(time.time())
    yield _without(mint, "iat")
    yield from _claim(mint, "iat", (None, str(now), True, float(now), now + 3600, 0, -5))
    yield from _claim(mint, "nbf", (now + 3600, str(now), True, None, 1.5))


def _wrong_issuer(mint: Mint) -> Iterator[Attack]:
    host, origin = mint.claims()["iss"], mint.stack.origins.tenant
    yield _without(mint, "iss")
    close = (f"{origin}/", f"https://{host}", f"{host}/", f"{host}.", f" {host}", f"{host} ", f"{host}0")
    parts = (host[:-1], host[1:], f"evil.{host}", host.partition(":")[0])
    yield from _claim(mint, "iss", (host_of(GLOBEX), origin, *close, *parts, [host], "", None, 1))


def _wrong_audience(mint: Mint) -> Iterator[Attack]:
    yield _without(mint, "aud")
    names = ("way", "station", "waystation2", "Waystation", "acme", "")
    yield from _claim(mint, "aud", (*names, ["waystation"], None, 1, {}))


def _wrong_subject(mint: Mint) -> Iterator[Attack]:
    yield _without(mint, "sub")
    texts = ("", "s" * 300, "auth0|\0", "a\nb", "a\x7f", "auth0|\u202e1")
    yield from _claim(mint, "sub", (*texts, 7, None, ["auth0|1"], {}))
    theirs = mint.link_of(mint.claims(), secret=mint.secret(GLOBEX))
    yield _attack("named by another tenant", theirs, code="session_token_signature")


def _wrong_id(mint: Mint) -> Iterator[Attack]:
    yield _without(mint, "jti")
    yield from _claim(mint, "jti", ("", 7, None, ["j"], "j" * 300, "j\0", {}))


def _other_types(mint: Mint) -> Iterator[Attack]:
    yield _header(mint, {"alg": "HS256"})
    types = ("at+jwt", "logout+jwt", "jwt", "JWE", None, ["JWT"], "")
    yield from _headers(mint, *({"typ": kind} for kind in types), {"cty": "JWT"}, {"zip": "DEF"})


def _critical(mint: Mint) -> Iterator[Attack]:
    yield from _headers(
        mint, {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}, {"b64": False}
    )


def _own_answer(mint: Mint) -> Iterator[Attack]:
    """21: what we say to the tenant is nothing that the tenant says to us."""
    claims = mint.claims() | {"iss": "waystation", "aud": "acme", "state": "s", "tx": "A" * 22}
    answer = mint.secret(name="answer-token")
    for name, said, secret in (
        ("our answer", claims, answer),
        ("our answer, signed with the other secret", claims, mint.secret()),
        ("a session token, signed with the answer's secret", mint.claims(), answer),
    ):
        code = "session_token_signature" if secret == answer else "session_token_iss"
        yield _attack(name, mint.link_of(said, secret=secret), code=code)


def _other_tenant(mint: Mint) -> Iterator[Attack]:
    """22: a token is good at the path of its own tenant."""
    for tenant, other in (("acme", GLOBEX), (GLOBEX, "acme")):
        link = mint.link(tenant=tenant)
        there = Link(tenant=other, state=link.state, token=link.token, subject=link.subject, jti=link.jti)
        yield _attack(f"{tenant}'s at {other}", there, code="session_token_signature")
    claims = mint.claims() | {"iss": host_of(GLOBEX), "continue_uri": f"https://{host_of(GLOBEX)}/continue"}
    yield _attack("acme signs for globex", mint.link_of(claims), code="session_token_iss")
    unknown = mint.link()
    nobody = Link(
        tenant="nobody", state=unknown.state, token=unknown.token, subject=unknown.subject, jti=unknown.jti
    )
    yield _attack("an unknown tenant", nobody, status=404, code="unknown_tenant")


def _elsewhere(mint: Mint) -> Iterator[Attack]:
    """50: the way back is this tenant's own /continue, to the letter."""
    host, origin = mint.claims()["iss"], mint.stack.origins.tenant
    yield _without(mint, "continue_uri")
    home = f"{origin}/continue"
    others = (
        "https://evil.example/continue",
        "//evil.example/continue",
        f"http://{host}@evil.example/continue",
    )
    hosts = (f"{origin}.evil.example/continue", f"{origin}./continue", f"http://user@{host}/continue")
    forms = (f"https://{host}/continue", "https://\u0430cme.example/continue", f"{origin}:80/continue")
    paths = (f"{home}/", f"{home}?x=1", f"{home}#x", f"{home}/../authorize", f"{origin}//continue")
    letters = (
        f"{origin}\\continue",
        f"{origin}%2econtinue",
        f"{origin}/CONTINUE",
        f" {home}",
        f"{home}\r\nX: y",
    )
    types = ("javascript:alert(1)", "data:text/html,x", "/continue", "", None, [home])
    yield from _claim(mint, "continue_uri", (*others, *hosts, *forms, *paths, *letters, *types))


TOKENS: dict[int, Callable[[Mint], Iterator[Attack]]] = {
    1: _unsigned,
    2: _odd_algorithms,
    4: _public_key_as_secret,
    5: _other_algorithms,
    6: _flipped_bits,
    7: _other_forms,
    8: _odd_letters,
    9: _odd_payloads,
    10: _doubled_claims,
    11: _wrong_expiry,
    12: _wrong_beginning,
    13: _wrong_issuer,
    14: _wrong_audience,
    15: _wrong_subject,
    16: _wrong_id,
    17: _other_types,
    18: _critical,
    21: _own_answer,
    22: _other_tenant,
    50: _elsewhere,
}


@pytest.mark.parametrize("case", TOKENS)
async def test_a_forged_token_opens_nothing(scene: Scene, case: int) -> None:
    """It is refused by a page like any other; no row, cookie or call comes of it, and one discreet line."""
    assert await complaints(scene, TOKENS[case](scene.mint)) == []


class _Trap:
    """A server that nobody should ever come to."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    def _visit(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["_Trap"]:
        server = await asyncio.start_server(self._visit, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


async def test_a_token_cannot_name_its_own_key(scene: Scene) -> None:
    """19: key ids and key addresses in a header are refused, and nobody looks there."""
    async with _Trap().listening() as trap:
        address = f"http://127.0.0.1:{trap.port}/jwks.json"
        own = {"kty": "oct", "k": b64(scene.mint.secret().encode())}
        attacks = _headers(
            scene.mint,
            *(
                {"kid": kid}
                for kid in ("unknown", 7, "", None, "../../../dev/null", "' OR 1=1 --", "k" * 2000)
            ),
            *({name: address} for name in ("kid", "jku", "x5u", "iss", "url")),
            *({"jwk": own}, {"x5c": ["MIIB"]}, {"jku": "file:///etc/passwd"}, {"x5t": "AAAA"}),
        )
        assert await complaints(scene, attacks) == []
        assert trap.visits == 0


async def test_a_retired_secret_is_over_and_a_previous_one_is_not(scene: Scene) -> None:
    """20: what signed until yesterday verifies while the file names it, and not a moment longer."""
    secrets = scene.stack.secrets
    previous = scene.mint.link_of(scene.mint.claims(), secret=secrets.password(PREVIOUS))
    assert (await scene.client().get(previous.target())).status == 303
    retired = scene.mint.link_of(scene.mint.claims(), secret=secrets.password(RETIRED))
    assert await complaints(scene, [_attack("retired", retired, code="session_token_signature")]) == []


async def test_tokens_of_the_tenant_itself(scene: Scene) -> None:
    """23: an ID token, an access token and one for the Management API are no session tokens."""
    stack = scene.stack
    asked = {
        "grant_type": "client_credentials",
        "client_id": "waystation-m2m",
        "client_secret": stack.secrets.password("management"),
        "audience": f"{stack.origins.tenant}/api/v2/",
    }
    session = scene.world.tenant.session
    async with session.post(f"{stack.origins.tenant}/oauth/token", data=asked) as answer:
        management = (await answer.json())["access_token"]
    claims = scene.mint.claims()
    application = stack.secrets.password("application")
    theirs = {"iss": f"{stack.origins.tenant}/", "aud": claims["client_id"], "nonce": "n"}
    id_token = scene.mint.link_of(claims | theirs, secret=application)
    access = scene.mint.link_of(claims, header={**HEADER, "typ": "at+jwt"})
    attacks = (
        _attack("Management API", access.holding(management), code="session_token_header"),
        _attack("ID token", id_token, code="session_token_signature"),
        _attack("access token", access, code="session_token_header"),
    )
    assert await complaints(scene, attacks) == []
