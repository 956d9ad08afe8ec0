"""Which RSA keys are taken, and what they are called."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from common.rsa_keys import RsaKeyError, read_jwk, read_signing_key, read_verifying_key
from tests.common.rsa_pairs import jwk, key_id, pair, private_pem, public_pem

# RFC 7638, 3.1
_EXAMPLE = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
    "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJ"
    "ZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIq"
    "bw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
}
_NO_PASSPHRASE = serialization.NoEncryption()


def _pem(
    key: Any, *, form: Any = serialization.PrivateFormat.PKCS8, encryption: Any = _NO_PASSPHRASE
) -> bytes:
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    return pem


def test_the_name_of_a_key() -> None:
    """A key is called by its thumbprint, as RFC 7638's example has it."""
    pem = read_jwk(_EXAMPLE).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert read_verifying_key(pem).id == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_both_halves_have_one_name(form: serialization.PrivateFormat) -> None:
    """Private and public file of a pair are known by the same name; either form of private files will do."""
    signing = read_signing_key(_pem(pair("a"), form=form))
    assert signing.public == read_verifying_key(public_pem("a").encode())
    assert signing.public.id == key_id("a")


def test_what_is_published() -> None:
    """A published key is its public numbers, its name and its only use."""
    published = read_signing_key(private_pem("a").encode()).public.to_jwk()
    assert published == jwk("a")
    assert sorted(published) == ["alg", "e", "kid", "kty", "n", "use"]
    assert read_jwk(published).key == pair("a").public_key()


def test_what_a_key_shows_of_itself() -> None:
    """A private key's repr tells its name alone."""
    assert repr(read_signing_key(private_pem("a").encode())) == (
        f"SigningKey(public=VerifyingKey(id='{key_id('a')}'))"
    )


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "must hold an RSA private key as PEM, without a passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "must hold an RSA private key"),
        (public_pem("a").encode(), "must hold an RSA private key as PEM, without a passphrase"),
        (
            _pem(pair("a"), encryption=serialization.BestAvailableEncryption(b"secret")),
            "must hold an RSA private key as PEM, without a passphrase",
        ),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "a private key of another kind than RSA"),
        (_pem(pair("short", bits=1024)), "the RSA key must have 2048 to 4096 bits"),
        (_pem(pair("odd", exponent=3)), "the RSA key's public exponent must be 65537"),
    ],
)
def test_private_keys_that_are_refused(pem: bytes, problem: str) -> None:
    """What cannot sign RS256 safely is refused when it is read, with a reason that shows nothing of it."""
    with pytest.raises(RsaKeyError, match=problem):
        read_signing_key(pem)


def test_public_keys_that_are_refused() -> None:
    """A private key has no business where public ones belong, nor has a key of another kind."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    with pytest.raises(RsaKeyError, match="must hold an RSA public key as PEM"):
        read_verifying_key(private_pem("a").encode())
    with pytest.raises(RsaKeyError, match="a public key of another kind than RSA"):
        read_verifying_key(public.public_bytes(serialization.Encoding.PEM, form))


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"},
        {"kty": "EC", "crv": "P-256"},
        {"use": "enc"},
        {"use": None},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"alg": "RSA-OAEP"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kid": None},
        {"kid": 7},
        {"kid": ""},
        {"n": "AQAB"},
        {"n": None},
        {"n": "!"},
        {"e": "Aw"},
        {"e": ""},
        {"d": "AQAB"},
    ],
)
def test_jwks_that_are_refused(changes: dict[str, Any]) -> None:
    """Only a public RSA key with a name, for RS256 signatures or for nothing in particular, is taken."""
    with pytest.raises(RsaKeyError):
        read_jwk(jwk("a", **changes))


def test_a_published_private_key() -> None:
    """A key whose private half stands in a public set is nobody's any more."""
    numbers = json.loads(json.dumps(jwk("a")))
    private = pair("a").private_numbers()
    numbers["d"] = numbers["n"]
    assert private.public_numbers.e == 65537
    with pytest.raises(RsaKeyError):
        read_jwk(numbers)


def test_a_jwk_may_leave_its_use_open() -> None:
    """`use`, `alg` and `key_ops` may be missing (RFC 7517, 4)."""
    plain = {name: value for name, value in jwk("a").items() if name in ("kty", "n", "e", "kid")}
    assert read_jwk(plain).id == key_id("a")
    assert read_jwk({**plain, "key_ops": ["verify"]}).id == key_id("a")
