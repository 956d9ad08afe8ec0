"""Session tokens that nobody honest makes (attack cases 1 to 20, 50); PyJWT alone takes many of them."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from common.tenants import Tenants
from common.tokens import (
    Refusal,
    SessionTokenError,
)
from tests.common.session_tokens import (
    HEADER,
    JTI,
    NOW,
    b64,
    claims,
    refusal,
    token,
    token_of,
    verified,
    without,
)
from tests.common.tenants_on_disk import GLOBEX_SECRET, SESSION_SECRET

_SECONDS = int(NOW.timestamp())


# Attack cases 1, 2, 5, 17, 18, 19, 20: the header


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "nOnE"},
        {"alg": "NONE"},
        {"alg": ["HS256"]},
        {"alg": 256},
        {"alg": {"HS256": 1}},
        {"alg": None},
        {"alg": ""},
        {"alg": "hs256"},
        {"alg": "RS256"},
        {"alg": "PS256"},
        {"alg": "ES256"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "EdDSA"},
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"typ": "jwt"},
        {"typ": None},
        {"typ": ["JWT"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"kid": "unknown"},
        {"kid": 7},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"jku": "http://127.0.0.1/jwks.json"},
        {"x5u": "http://127.0.0.1/cert.pem"},
        {"jwk": {"kty": "oct", "k": b64(SESSION_SECRET.encode())}},
        {"x5c": ["MIIB"]},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
)
def test_headers(tenants: Tenants, header: dict[str, Any]) -> None:
    """A header that says anything but HS256 and JWT is refused, however good the signature."""
    assert refusal(token(header=header), tenants) is Refusal.HEADER


@pytest.mark.parametrize(
    "header",
    [
        b'{"typ":"JWT"}',
        b'{"alg":"HS256"}',
        b'{"alg":"none","alg":"HS256","typ":"JWT"}',
        b'\xef\xbb\xbf{"alg":"HS256","typ":"JWT"}',
        '{"alg":"HS256","typ":"JWT"}'.encode("utf-16"),
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 2000,
    ],
)
def test_raw_headers(tenants: Tenants, header: bytes) -> None:
    """A header is one plain JSON object with each key once, or the token is refused."""
    text = token_of(json.dumps(claims(profile="a..b")).encode(), header=header)
    assert refusal(text, tenants) is Refusal.HEADER


def test_no_signature(tenants: Tenants) -> None:
    """`alg` none with an empty signature is not even the form of a token."""
    header, payload, _ = token(header={"alg": "none"}).split(".")
    assert refusal(f"{header}.{payload}.", tenants) is Refusal.FORM


# Attack cases 3 and 4: a public key as shared secret


def _public_texts() -> list[str]:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    ec_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    ssh = serialization.PublicFormat.OpenSSH
    return [
        rsa_key.public_bytes(serialization.Encoding.PEM, info).decode(),
        ec_key.public_bytes(serialization.Encoding.PEM, info).decode(),
        rsa_key.public_bytes(serialization.Encoding.OpenSSH, ssh).decode(),
        json.dumps({"kty": "oct", "k": b64(SESSION_SECRET.encode())}),
        jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key),
    ]


@pytest.mark.parametrize("secret", _public_texts(), ids=["pem", "ec-pem", "ssh", "oct-jwk", "rsa-jwk"])
def test_public_keys_as_secret(tenants: Tenants, secret: str) -> None:
    """A token signed with the text of some public key is signed by nobody we know."""
    text = token_of(json.dumps(claims()).encode(), secret=secret)
    assert refusal(text, tenants) is Refusal.SIGNATURE


# Attack cases 6, 7, 8: the text


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 7, -7, -1])
def test_one_bit(tenants: Tenants, part: int, place: int) -> None:
    """One changed character anywhere, and the token is refused."""
    parts = token().split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    old = parts[part][place]
    position = place % len(parts[part])
    new = alphabet[alphabet.index(old) ^ 1]
    parts[part] = parts[part][:position] + new + parts[part][position + 1 :]
    assert refusal(".".join(parts), tenants) in {
        Refusal.HEADER,
        Refusal.SIGNATURE,
        Refusal.PAYLOAD,
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.rpartition(".")[0],
        lambda text: text.rpartition(".")[0] + ".",
        lambda text: text + ".AAAA",
        lambda text: f"{text}.AAAA.AAAA",
        lambda text: text + "=",
        lambda text: text.replace(".", "=.", 1),
        lambda text: text.replace("_", "/").replace("-", "+") + "+",
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text + "\r\n",
        lambda text: text + "\0",
        lambda text: text + "\u200b",
        lambda text: text + "\udc80",
        lambda text: text + "\u0661",
        lambda text: text + "A" * 6000,
        lambda _: "A" * 1_000_000,
        lambda _: "",
        lambda _: "..",
    ],
)
def test_odd_texts(tenants: Tenants, damage: Any) -> None:
    """Only three base64url parts of at most 6,000 characters together are looked at: no text is malleable."""
    assert refusal(damage(token()), tenants) is Refusal.FORM


def test_the_longest_token(tenants: Tenants) -> None:
    """A token of about 6,000 characters is accepted up to that length and refused above it."""
    spare = (6000 - len(token(fill=""))) * 3 // 4
    texts = [token(fill="x" * length) for length in range(spare - 4, spare + 5)]
    short, long = [t for t in texts if len(t) <= 6000], [t for t in texts if len(t) > 6000]
    assert [verified(text, tenants).jti for text in short] == [JTI] * len(short)
    assert [refusal(text, tenants) for text in long] == [Refusal.FORM] * len(long)
    assert short
    assert long


# Attack cases 9 and 10: the payload


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'"text"',
        b"null",
        b"",
        b"{",
        b'{"a":' * 700,
        json.dumps(claims()).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(claims()).encode(),
        json.dumps(claims()).encode().replace(b"auth0", b"auth\xff"),
        json.dumps(claims()).encode()[:-1] + b',"exp":Infinity}',
        json.dumps(without("exp")).encode()[:-1] + b',"exp":NaN}',
        json.dumps(without("exp")).encode()[:-1] + b',"exp":-Infinity}',
        json.dumps(claims()).encode()[:-1] + b',"sub":"auth0|other"}',
        json.dumps(claims()).encode()[:-1] + b',"sub":"auth0|65f0c0ffee"}',
        json.dumps(claims()).encode()[:-1] + b',"authorize":{"a":"1","a":"2"}}',
    ],
)
def test_payloads(tenants: Tenants, payload: bytes) -> None:
    """A payload is one UTF-8 JSON object with each key once, at every depth, or the token is refused."""
    assert refusal(token_of(payload), tenants) in {Refusal.PAYLOAD, Refusal.FORM}


def test_a_huge_number(tenants: Tenants) -> None:
    """A number of thousands of digits is refused, not converted."""
    payload = json.dumps(without("exp", "profile")).encode()[:-1] + b',"exp":' + b"9" * 2500 + b"}"
    assert refusal(token_of(payload), tenants) is Refusal.EXP


# Attack cases 11 to 16, 50: the claims


@pytest.mark.parametrize("name", sorted(claims()))
def test_a_missing_claim(tenants: Tenants, name: str) -> None:
    """Every claim of the contract must be there."""
    text = token_of(json.dumps(without(name)).encode())
    assert refusal(text, tenants) is Refusal(name)


_WRONG: dict[str, tuple[object, ...]] = {
    "exp": (
        *(None, str(_SECONDS + 120), True, [1], {}, _SECONDS + 120.0),
        *(_SECONDS, _SECONDS - 1, _SECONDS + 901, 253402300799, -1),
    ),
    "iat": (None, str(_SECONDS), True, float(_SECONDS), _SECONDS + 61, 0, -5),
    "nbf": (_SECONDS + 31, "0", True, None, 1.5),
    "v": (0, 2, "1", True, 1.0, None),
    "iss": (
        *("globex.eu.auth0.com", "https://acme.eu.auth0.com", "https://acme.eu.auth0.com/"),
        *("acme.eu.auth0.com/", "acme.eu.auth0.com.", "ACME.eu.auth0.com", ["acme.eu.auth0.com"], "acme.eu"),
        *("eu.auth0.com", "acme.eu.auth0.com:443", "acme.eu.auth0.com ", "", None, 1),
    ),
    "aud": (["waystation"], "way", "station", "waystation2", "Waystation", "acme", "", None),
    "sub": (
        *("", 7, None, ["auth0|1"], "s" * 256, "auth0|\0", "a\nb", "a\x7f"),
        *("a\ud800", "a\u202eb", "a\u2028b"),
    ),
    "jti": ("", 7, None, ["j"], "j" * 256, "j\0", "j\r", "j\udfff"),
    "ip": ("", 7, None, "localhost", "192.0.2", "192.0.2.7; x", "1" * 60),
    "steps": (
        *("idproof:1", None, [], ["idproof"], ["idproof:0"], ["idproof:01"], ["idproof:-1"], ["idproof:1.0"]),
        *(["IDPROOF:1"], ["idproof:1\n"], ["idproof:1234567"], [1], [["idproof:1"]], ["idproof:\u0661"]),
        *(["terms:1", "terms:1"], ["idproof:1", "idproof:2"], [f"s{n}:1" for n in range(11)]),
    ),
    "entry": ("", "a/b", "..", "Login", "x" * 33, None, 5, "login\n"),
    "client_id": ("", None, 5, "c" * 256, "a\tb"),
    "protocol": ("", None, ["oidc"]),
    "ui_locales": ("de", None, ["de-\n"], [5], ["x" * 36], ["de"] * 21),
    "requested": (None, "idproof", ["terms"], ["idproof:1"], [1], ["idproof"] * 11),
    "authorize": (None, "x", [], {"a": 1}, {"a": "b\0"}, {"A b": "c"}, {f"p{n}": "x" for n in range(21)}),
    "profile": (None, "", {}, "a.b.c", "a.b.c.d.e", "a...b.c", "a..b.c.d"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in _WRONG for value in _WRONG[name]])
def test_a_wrong_claim(tenants: Tenants, name: str, value: object) -> None:
    """Every claim has exactly its type, its bounds and, where there is one, its only value."""
    changes: dict[str, Any] = {name: value}
    assert refusal(token(**changes), tenants) is Refusal(name)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/continue",
        "http://acme.eu.auth0.com/continue",
        "https://acme.eu.auth0.com@evil.example/continue",
        "https://user@acme.eu.auth0.com/continue",
        "https://acme.eu.auth0.com:443/continue",
        "https://acme.eu.auth0.com:8443/continue",
        "//acme.eu.auth0.com/continue",
        "//evil.example/continue",
        "https:\\\\acme.eu.auth0.com\\continue",
        "https://acme.eu.auth0.com\\@evil.example/continue",
        "https://\u0430cme.eu.auth0.com/continue",
        "https://acme.eu.auth0.com/continue/../x",
        "https://acme.eu.auth0.com/continue/",
        "https://acme.eu.auth0.com/Continue",
        "https://acme.eu.auth0.com/continue#x",
        "https://acme.eu.auth0.com/continue?x",
        "https://acme.eu.auth0.com./continue",
        "https://acme.eu.auth0.com.evil.example/continue",
        "https://ACME.eu.auth0.com/continue",
        "HTTPS://acme.eu.auth0.com/continue",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://acme.eu.auth0.com/continue",
        "https://acme.eu.auth0.com/continue\n",
        "https://globex.eu.auth0.com/continue",
        "",
        None,
        7,
    ],
)
def test_continue_uri(tenants: Tenants, uri: object) -> None:
    """The claimed way back is the one of the host in `iss`, to the letter, or the token is refused."""
    assert refusal(token(continue_uri=uri), tenants) is Refusal.CONTINUE_URI


def test_the_way_back_of_another_host_of_the_same_tenant(tenants: Tenants) -> None:
    """A login that began on one host of a tenant does not end on another one."""
    text = token(
        iss="globex.eu.auth0.com",
        continue_uri="https://login.globex.example/continue",
        secret=GLOBEX_SECRET,
    )
    assert refusal(text, tenants, tenant="globex") is Refusal.CONTINUE_URI


# Properties


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{1,40}\.[\w-]{1,40}\.[\w-]{1,40}", fullmatch=True))
def test_any_text(tenants: Tenants, text: str) -> None:
    """Whatever text comes, the answer is a refusal and never another error."""
    assert refusal(text, tenants) in set(Refusal)


@given(
    st.dictionaries(
        st.sampled_from(sorted(claims())),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_signed_claims(tenants: Tenants, changes: dict[str, Any]) -> None:
    """Whatever a signer puts into the claims, the result is a typed token or a refusal."""
    try:
        result = verified(token(**changes), tenants)
    except SessionTokenError:
        return
    assert (result.tenant, result.issuer) == ("acme", "acme.eu.auth0.com")


@given(st.binary(max_size=300))
def test_any_signed_bytes(tenants: Tenants, payload: bytes) -> None:
    """Signed garbage is refused like unsigned garbage."""
    assert refusal(token_of(payload, header=json.dumps(HEADER).encode()), tenants) in set(Refusal)
