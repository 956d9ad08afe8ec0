"""Sets of keys: what we publish, and what we read of others'."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.jwks import KeySetError, key_set_of, read_key_set
from common.tenants import load_tenants
from tests.common.rsa_pairs import jwk, key_id, key_set, write_private_pem
from tests.common.tenants_on_disk import section, write_tenants


def test_what_we_publish(tmp_path: Path) -> None:
    """Every key that may sign an answer is there once, also before it signs; and nothing private is."""
    acme, globex = section(), section("globex.eu.auth0.com")
    acme["answer_token"]["key_files"] = ["now.pem", "next.pem"]  # HS256 signs as yet
    globex["answer_token"] = {
        "alg": "RS256",
        "key_files": ["next.pem", "other.pem"],
        "issuer": "waystation",
        "audience": "globex",
    }
    for name in ("now", "next", "other"):
        write_private_pem(tmp_path / f"{name}.pem", name)
    tenants = load_tenants(write_tenants(tmp_path, {"acme": acme, "globex": globex}), production=True)
    expected = sorted((jwk(name) for name in ("now", "next", "other")), key=lambda key: str(key["kid"]))
    assert key_set_of(tenants) == {"keys": expected}


def test_nothing_to_publish(tmp_path: Path) -> None:
    """Without RS256 the set is empty."""
    tenants = load_tenants(write_tenants(tmp_path, {"acme": section()}), production=True)
    assert key_set_of(tenants) == {"keys": []}


def test_a_set_of_somebody_else() -> None:
    """The keys for RS256 signatures are read; what else a set has is passed over."""
    others = [{"kty": "EC"}, {"kty": "RSA"}, jwk("b", use="enc"), jwk("b", alg="ES256"), 7, None, []]
    body = json.dumps({"keys": [*others, jwk("a")], "more": 1}).encode()
    keys = read_key_set(body)
    assert list(keys) == [key_id("a")]


def test_an_empty_set() -> None:
    """A set may have no key."""
    assert read_key_set(b'{"keys":[]}') == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[],"keys":[]}',
        b'\xef\xbb\xbf{"keys":[]}',
        b"\xff",
        b"[" * 5000,
        json.dumps({"keys": [{}] * 51}).encode(),
        key_set("a", "a"),
    ],
)
def test_what_is_no_set(body: bytes) -> None:
    """What is not one JSON object with a list of at most 50 keys, each name once, is not used in part."""
    with pytest.raises(KeySetError):
        read_key_set(body)


_MEMBERS = st.sampled_from(["kty", "kid", "n", "e", "d", "use", "alg", "key_ops", "keys"])
_JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=6),
    max_leaves=12,
)


@given(st.binary(max_size=300) | _JSON.map(lambda value: json.dumps({"keys": [value]}).encode()))
def test_any_bytes(body: bytes) -> None:
    """Whatever a server answers, the result is keys or the one error."""
    try:
        keys = read_key_set(body)
    except KeySetError:
        return
    assert all(key.id == name for name, key in keys.items())
