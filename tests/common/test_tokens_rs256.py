"""Session tokens of tenants that sign with RSA, and answers signed with it (attack cases 3 to 5, 19, 20)."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.jwks import read_key_set
from common.tenants import Tenant, Tenants, TenantsFileError, load_tenants
from common.tokens import (
    Answer,
    AnswerStep,
    KeySet,
    Refusal,
    SessionTokenError,
    key_to_fetch,
    sign_answer_token,
    verify_session_token,
)
from tests.common.rsa_pairs import jwk, key_id, key_set, pair, private_pem, public_pem, rs_token
from tests.common.session_tokens import JTI, NOW, claims, token, token_of
from tests.common.tenants_on_disk import SESSION_SECRET, section, write_tenants
from tests.support.secret_folder import write_private

_JWKS = "https://keys.acme.example/jwks.json"
_FETCHED = read_key_set(key_set("fetched", "fetched-next"))
_RS: dict[str, Any] = {"alg": "RS256", "audience": "waystation"}
_ANSWER: dict[str, Any] = {"alg": "RS256", "issuer": "waystation", "audience": "acme"}


@pytest.fixture(scope="session")
def rs_tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """Tenants by what they take: RS256 by files, by a key set, or HS256 as well as RS256."""
    folder = tmp_path_factory.mktemp("rs256")
    for name in ("now", "next"):
        (folder / f"{name}.public.pem").write_text(public_pem(name))
    write_private(folder / "answer.pem", private_pem("answer"))
    listed = {"public_key_files": ["now.public.pem", "next.public.pem"]}
    both = {"alg": ["RS256", "HS256"], "secret_files": ["secrets/session"]}
    rules = {"files": _RS | listed, "jwks": _RS | {"jwks_url": _JWKS}, "both": _RS | listed | both}
    answer = _ANSWER | {"key_files": ["answer.pem"]}
    tenants = {
        # Copies, or YAML would be written with aliases.
        name: deepcopy(section(f"{name}.eu.auth0.com", session_token=rule, answer_token=answer))
        for name, rule in rules.items()
    }
    return load_tenants(write_tenants(folder, tenants), production=True)


def _of(tenants: Tenants, key: str) -> Tenant:
    tenant = tenants.get(key)
    assert tenant
    return tenant


def _from(tenant: str) -> dict[str, Any]:
    host = f"{tenant}.eu.auth0.com"
    return {"iss": host, "continue_uri": f"https://{host}/continue"}


def refused(text: str, tenants: Tenants, tenant: str, *, fetched: KeySet | None = None) -> Refusal:
    with pytest.raises(SessionTokenError) as error:
        verify_session_token(text, tenants=tenants, now=NOW, tenant_key=tenant, fetched=fetched or {})
    return error.value.reason


def accepted(text: str, tenants: Tenants, tenant: str, *, fetched: KeySet | None = None) -> bool:
    verified = verify_session_token(text, tenants=tenants, now=NOW, tenant_key=tenant, fetched=fetched or {})
    return (verified.tenant, verified.jti) == (tenant, JTI)


@pytest.mark.parametrize("name", ["now", "next"])
def test_every_listed_key_verifies(rs_tenants: Tenants, name: str) -> None:
    """A token is good by any key of the files, whichever is first."""
    assert accepted(rs_token(name, **_from("files")), rs_tenants, "files")


def test_a_retired_key(rs_tenants: Tenants) -> None:
    """A key that is listed no more verifies nothing (attack case 20)."""
    assert refused(rs_token("retired", **_from("files")), rs_tenants, "files") is Refusal.KID


@pytest.mark.parametrize("name", ["fetched", "fetched-next"])
def test_fetched_keys_verify(rs_tenants: Tenants, name: str) -> None:
    """A token is good by any key of the set that was fetched for its tenant."""
    assert accepted(rs_token(name, **_from("jwks")), rs_tenants, "jwks", fetched=_FETCHED)
    assert refused(rs_token(name, **_from("jwks")), rs_tenants, "jwks") is Refusal.KID


def test_while_the_action_changes(rs_tenants: Tenants) -> None:
    """A tenant that lists both algorithms takes tokens of either, each by keys of its own kind."""
    assert accepted(token(**_from("both")), rs_tenants, "both")
    assert accepted(rs_token("now", **_from("both")), rs_tenants, "both")


def test_the_other_algorithm_does_not_count(rs_tenants: Tenants, tenants: Tenants) -> None:
    """Where one algorithm is configured a token of the other is refused by its header (attack case 5)."""
    assert refused(token(**_from("files")), rs_tenants, "files") is Refusal.HEADER
    assert refused(rs_token("now"), tenants, "acme") is Refusal.HEADER


# Attack cases 3 and 4: the public key as shared secret


@pytest.mark.parametrize("tenant", ["files", "both", "jwks"])
def test_public_keys_as_secret(rs_tenants: Tenants, tenant: str) -> None:
    """No text of a public key, which everybody knows, signs anything, whichever algorithms count."""
    payload = json.dumps(claims(**_from(tenant))).encode()
    texts = (public_pem("now"), public_pem("now").strip(), json.dumps(jwk("now")), json.dumps(jwk("fetched")))
    for secret in texts:
        for header in ({"alg": "HS256", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT", "kid": key_id("now")}):
            text = token_of(payload, header=json.dumps(header).encode(), secret=secret)
            assert refused(text, rs_tenants, tenant, fetched=_FETCHED) in {Refusal.HEADER, Refusal.SIGNATURE}


def test_a_secret_is_no_rsa_key(rs_tenants: Tenants) -> None:
    """A token that calls itself RS256 and is signed with the secret is refused."""
    header = {"alg": "RS256", "typ": "JWT", "kid": key_id("now")}
    text = token_of(json.dumps(claims(**_from("both"))).encode(), header=json.dumps(header).encode())
    assert SESSION_SECRET
    assert refused(text, rs_tenants, "both") is Refusal.SIGNATURE


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_other_algorithms_of_the_same_key(rs_tenants: Tenants, alg: str) -> None:
    """A key is good for RS256 alone, though it could do more."""
    assert refused(rs_token("now", alg=alg, **_from("files")), rs_tenants, "files") is Refusal.HEADER


def test_a_token_by_the_wrong_name(rs_tenants: Tenants) -> None:
    """The key that the header names must have signed, not another one of the list."""
    text = rs_token("now", kid=key_id("next"), **_from("files"))
    assert refused(text, rs_tenants, "files") is Refusal.SIGNATURE


# Attack case 19: what a header says about keys


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": "k" * 255},
    ],
)
def test_unknown_names(rs_tenants: Tenants, header: dict[str, Any]) -> None:
    """A key that is not known by exactly that name is no key."""
    text = rs_token("now", kid=header["kid"], **_from("files"))
    assert refused(text, rs_tenants, "files", fetched=_FETCHED) is Refusal.KID


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"kid": 7},
        {"kid": None},
        {"kid": ""},
        {"kid": ["now"]},
        {"kid": "k" * 256},
        {"kid": "a\0b"},
        {"kid": "now", "jku": "http://127.0.0.1/jwks.json"},
        {"kid": "now", "x5u": "http://127.0.0.1/cert.pem"},
        {"kid": "now", "jwk": jwk("now")},
        {"kid": "now", "x5c": ["MIIB"]},
        {"kid": "now", "crit": ["exp"]},
        {"kid": "now", "typ": "at+jwt"},
    ],
)
def test_headers(rs_tenants: Tenants, header: dict[str, Any]) -> None:
    """A header is algorithm, type and the name of a key; whatever else it holds, it is refused unread."""
    named = {"alg": "RS256", "typ": "JWT"} | header
    if named.get("kid") == "now":
        named["kid"] = key_id("now")
    parts = [json.dumps(part).encode() for part in (named, claims(**_from("files")))]
    text = _signed(*parts)
    assert refused(text, rs_tenants, "files") is Refusal.HEADER
    with pytest.raises(SessionTokenError):
        key_to_fetch(text, tenant=_of(rs_tenants, "jwks"))


def _signed(header: bytes, payload: bytes) -> str:
    unsigned = token_of(payload, header=header).rpartition(".")[0]
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signature = algorithm.sign(unsigned.encode(), pair("now"))
    return f"{unsigned}.{jwt.utils.base64url_encode(signature).decode()}"


def test_what_is_fetched(rs_tenants: Tenants, tenants: Tenants) -> None:
    """A key set is asked for only where one is configured, the token is RS256, and its key is not at hand."""
    unknown = rs_token("retired", **_from("files"))
    assert key_to_fetch(unknown, tenant=_of(rs_tenants, "jwks")) == key_id("retired")
    assert key_to_fetch(unknown, tenant=_of(rs_tenants, "files")) is None
    assert key_to_fetch(token(**_from("both")), tenant=_of(rs_tenants, "both")) is None
    assert key_to_fetch(token(), tenant=_of(tenants, "acme")) is None


# Answers


def test_an_rs256_answer(rs_tenants: Tenants) -> None:
    """An answer is signed with the first key, names it, and whoever has the published key can verify it."""
    step = AnswerStep(v=1, status="passed", level=None, at=NOW, until=None, rev=1, reason=None, ref=None)
    answer = Answer(
        subject="auth0|1", state="s", jti=JTI, transaction_id="t", metadata="applied", steps={"idproof": step}
    )
    text = sign_answer_token(answer, tenant=_of(rs_tenants, "files"), now=NOW)
    options = jwt.types.Options(verify_exp=False, verify_iat=False)
    decoded = jwt.decode_complete(
        text,
        public_pem("answer"),
        algorithms=["RS256"],
        audience="acme",
        issuer="waystation",
        options=options,
    )
    assert decoded["header"] == {"alg": "RS256", "typ": "JWT", "kid": key_id("answer")}
    assert (decoded["payload"]["state"], decoded["payload"]["jti"]) == ("s", JTI)
    assert refused(text, rs_tenants, "files") is Refusal.KID  # attack case 21


# The tenants file


def _mistake(folder: Path, **changes: Any) -> str:
    (folder / "now.public.pem").write_text(public_pem("now"))
    write_private(folder / "now.pem", private_pem("now"))
    write_private(folder / "other.pem", private_pem("answer"))
    with pytest.raises(TenantsFileError) as wrong:
        load_tenants(write_tenants(folder, {"acme": section(**changes)}), production=True)
    (found,) = wrong.value.mistakes
    return found.partition("tenants.acme")[2]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"session_token": {**_RS, "public_key_files": ["now.pem"]}},
            ".session_token.public_key_files.0: the file must hold an RSA public key as PEM",
        ),
        (
            {"answer_token": {**_ANSWER, "key_files": ["now.public.pem"]}},
            ".answer_token.key_files.0: the file must hold an RSA private key as PEM, without a passphrase",
        ),
        (
            {"answer_token": {**_ANSWER, "key_files": ["none.pem"]}},
            ".answer_token.key_files.0: the file that it names (relative to this file) cannot be read",
        ),
        (
            {
                "session_token": {**_RS, "public_key_files": ["now.public.pem"]},
                "answer_token": {**_ANSWER, "key_files": ["other.pem", "now.pem"]},
            },
            ": session_token and answer_token must not share a key (RFC 8725, 3.12)",
        ),
        (
            {"session_token": {**_RS, "jwks_url": "https://acme.eu.auth0.com/.well-known/jwks.json"}},
            ": session_token.jwks_url must not be the tenant's own: those keys sign ID tokens",
        ),
        (
            {"session_token": {**_RS, "jwks_url": "https://acme.eu.auth0.com:443/keys"}},
            ": session_token.jwks_url must not be the tenant's own: those keys sign ID tokens",
        ),
    ],
)
def test_what_a_tenants_file_must_not_say(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    """Each key stands where its half belongs, in one direction; a tenant's own key set is none for this."""
    assert _mistake(tmp_path, **changes) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.acme.example/jwks.json",
        "https://127.0.0.1/jwks.json",
        "https://169.254.169.254/latest",
        "https://localhost/jwks.json",
        "https://keys.internal/jwks.json",
        "https://user@keys.acme.example/jwks.json",
        "file:///etc/passwd",
        "//keys.acme.example/jwks.json",
        "",
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, url: str) -> None:
    """A key set is at an https address with a public host name (attack case 89)."""
    assert _mistake(tmp_path, session_token={**_RS, "jwks_url": url}).startswith(".session_token.jwks_url: ")


# Property


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "jku", "jwk", "x5c", "crit", "b64", "zip"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=12)
        | st.lists(st.text(max_size=4), max_size=2),
        max_size=5,
    ),
    st.sampled_from(["HS256", "RS256"]),
)
def test_any_header(rs_tenants: Tenants, header: dict[str, Any], alg: str) -> None:
    """Whatever a header says, a token that no key has signed is refused and nothing else happens."""
    merged = json.dumps({"alg": alg, "typ": "JWT", **header}).encode()
    text = token_of(
        json.dumps(claims(**_from("both"))).encode(), header=merged, secret="nobody's secret, but long enough"
    )
    assert refused(text, rs_tenants, "both", fetched=_FETCHED) in {
        Refusal.HEADER,
        Refusal.KID,
        Refusal.SIGNATURE,
    }
