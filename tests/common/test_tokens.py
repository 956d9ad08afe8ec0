"""Session tokens that are good, that were, and that are somebody else's (attack cases 21 to 23)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from common.tenants import Tenants, load_tenants
from common.tokens import (
    LEEWAY,
    Answer,
    AnswerStep,
    Profile,
    ProfileError,
    Refusal,
    RequestedStep,
    SessionToken,
    SessionTokenError,
    SessionTokenExpiredError,
    key_to_fetch,
    profile_in,
    sign_answer_token,
)
from tests.common.session_tokens import (
    JTI,
    NOW,
    claims,
    refusal,
    sealed_profile,
    token,
    verified,
)
from tests.common.tenants_on_disk import (
    GLOBEX_SECRET,
    SESSION_SECRET,
    SESSION_SECRET_BEFORE,
    section,
    write_tenants,
)

_SECONDS = int(NOW.timestamp())


def test_a_good_token(tenants: Tenants) -> None:
    """Every claim of a token of the Action arrives, typed, and nothing else does."""
    profile = sealed_profile(b'{"email":"a@b.example"}')
    assert verified(token(profile=profile, picture="ignored"), tenants) == SessionToken(
        tenant="acme",
        jti=JTI,
        subject="auth0|65f0c0ffee",
        issuer="acme.eu.auth0.com",
        issued_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        expires_at=datetime(2026, 11, 22, 12, 2, tzinfo=UTC),
        ip="192.0.2.7",
        steps=(RequestedStep(name="idproof", revision=1),),
        entry="login",
        continue_uri="https://acme.eu.auth0.com/continue",
        client_id="app1",
        protocol="oidc-basic-profile",
        ui_locales=("de", "en"),
        requested=frozenset(),
        authorize=None,
        profile_jwe=profile,
    )


def test_what_a_token_shows_of_itself(tenants: Tenants) -> None:
    """A token's repr has neither the person's address nor the sealed profile."""
    shown = repr(verified(token(authorize={"login_hint": "ada@example.org"}), tenants))
    assert "192.0.2.7" not in shown
    assert "ada@example.org" not in shown
    assert claims()["profile"][:20] not in shown


def test_a_step_that_the_login_asked_for(tenants: Tenants) -> None:
    """The steps that the application asked for are told apart from those that are due."""
    asked = verified(token(steps=["idproof:1", "consents:1"], requested=["consents"]), tenants)
    assert asked.requested == {"consents"}


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": ["terms:3", "idproof:1"]},
        {"ui_locales": []},
        {"ip": "2001:db8::7"},
        {"sub": "samlp|corp|Zoë Müller"},
        {"sub": "s" * 255, "jti": "j" * 255},
        {"iat": _SECONDS + 60, "exp": _SECONDS + 180},
        {"exp": _SECONDS + 900},
        {"iat": _SECONDS - 149, "exp": _SECONDS - 29},
        {"nbf": _SECONDS + 30},
        {"exp": _SECONDS + 1},
        {"ip": "fe80::1%" + "a" * 37},
        {"steps": ["idproof:1"], "requested": ["idproof"]},
        {"authorize": {"scope": "openid", "redirect_uri": "https://app.example/cb"}},
    ],
)
def test_good_variants(tenants: Tenants, changes: dict[str, Any]) -> None:
    """What the contract allows is accepted, to the last second and character."""
    assert verified(token(**changes), tenants).tenant == "acme"


def test_a_local_stack(tenants: Tenants) -> None:
    """Outside production a tenant on loopback carries its port in `iss`, and its /continue is plain http."""
    text = token(iss="127.0.0.1:5001", continue_uri="http://127.0.0.1:5001/continue")
    assert verified(text, tenants, tenant="local").continue_uri == "http://127.0.0.1:5001/continue"


@pytest.mark.parametrize("secret", [SESSION_SECRET, SESSION_SECRET_BEFORE])
def test_rotation(tenants: Tenants, secret: str) -> None:
    """Every secret of the list verifies, so that a secret can be replaced without losing a login."""
    assert verified(token(secret=secret), tenants).jti == JTI


# Age


@pytest.mark.parametrize(("age", "good"), [(149, True), (150, False), (151, False), (86_400, False)])
def test_age(tenants: Tenants, age: int, good: bool) -> None:  # noqa: FBT001 - one column of the table
    """A token of 120 seconds is over 150 seconds after it was made: LEEWAY is thirty seconds."""
    now = NOW + timedelta(seconds=age)
    assert timedelta(seconds=30) == LEEWAY
    if good:
        assert verified(token(), tenants, now=now).jti == JTI
    else:
        assert refusal(token(), tenants, now=now) is Refusal.EXPIRED


def test_an_expired_token_is_still_known(tenants: Tenants) -> None:
    """A token that was good says whose it was, so that the browser which claimed that login may reload."""
    with pytest.raises(SessionTokenExpiredError) as expired:
        verified(token(), tenants, now=NOW + timedelta(hours=1))
    assert (expired.value.token.tenant, expired.value.token.jti) == ("acme", JTI)


@pytest.mark.parametrize(
    "text",
    [
        token(secret="x" * 40),
        token(aud="other"),
        token(sub=""),
        token(continue_uri="https://evil.example/continue"),
        token(steps=[]),
    ],
)
def test_expired_and_wrong(tenants: Tenants, text: str) -> None:
    """A token that never was good is not an expired one."""
    with pytest.raises(SessionTokenError) as refused:
        verified(text, tenants, now=NOW + timedelta(hours=1))
    assert not isinstance(refused.value, SessionTokenExpiredError)


# Attack cases 21, 22, 23: good tokens of somebody else


def test_our_own_answer(tenants: Tenants) -> None:
    """An answer token is no session token."""
    acme = tenants.get("acme")
    assert acme
    step = AnswerStep(v=1, status="passed", level=None, at=NOW, until=None, rev=1, reason=None, ref=None)
    answer = Answer(
        subject="auth0|1", state="s", jti=JTI, transaction_id="t", metadata="applied", steps={"idproof": step}
    )
    assert refusal(sign_answer_token(answer, tenant=acme, now=NOW), tenants) is Refusal.SIGNATURE


def test_another_tenants_token(tenants: Tenants) -> None:
    """A tenant's token is good on its own path only, whatever it says about its issuer."""
    globex: dict[str, Any] = {
        "iss": "globex.eu.auth0.com",
        "continue_uri": "https://globex.eu.auth0.com/continue",
    }
    assert verified(token(secret=GLOBEX_SECRET, **globex), tenants, tenant="globex").tenant == "globex"
    assert refusal(token(secret=GLOBEX_SECRET, **globex), tenants) is Refusal.SIGNATURE
    assert refusal(token(secret=GLOBEX_SECRET), tenants) is Refusal.SIGNATURE
    assert refusal(token(**globex), tenants) is Refusal.ISS
    assert refusal(token(), tenants, tenant="globex") is Refusal.SIGNATURE


def test_an_unknown_tenant(tenants: Tenants) -> None:
    """A tenant that we do not have has no tokens."""
    assert refusal(token(), tenants, tenant="initech") is Refusal.TENANT


def test_tokens_of_auth0_itself(tenants: Tenants) -> None:
    """An id token, access token or Management token of the tenant is signed by another key, RS256 at that."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for audience in ("app1", "https://acme.eu.auth0.com/api/v2/", "waystation"):
        payload = {
            "iss": "https://acme.eu.auth0.com/",
            "aud": audience,
            "sub": "auth0|1",
            "exp": _SECONDS + 9,
        }
        text = jwt.encode(payload, key, algorithm="RS256", headers={"kid": "k1"})
        assert refusal(text, tenants) is Refusal.HEADER


def test_a_token_of_long_ago(tenants: Tenants) -> None:
    """Even the first second of 1970 is a time at which a token may have been made."""
    with pytest.raises(SessionTokenExpiredError):
        verified(token(iat=1, exp=121), tenants)
    assert refusal(token(iat=0, exp=120), tenants) is Refusal.IAT


def test_an_address_that_is_too_long(tenants: Tenants) -> None:
    """An IPv6 address may name a zone, which has no end of its own."""
    assert refusal(token(ip="fe80::1%" + "a" * 38), tenants) is Refusal.IP


def test_a_long_host(tmp_path: Path) -> None:
    """An issuer may be as long as the name of a host; so may its address of /continue."""
    host = ".".join(["a" * 60] * 4)
    tenants = load_tenants(write_tenants(tmp_path, {"acme": section(host)}), production=True)
    text = token(iss=host, continue_uri=f"https://{host}/continue")
    assert verified(text, tenants).continue_uri == f"https://{host}/continue"


def test_the_profile_in_a_token(tenants: Tenants) -> None:
    """It opens with the tenant's key for the token that it came in, and with nothing else."""
    acme = tenants.get("acme")
    assert acme
    good = verified(token(profile=sealed_profile(b'{"email":"ada@example.org"}')), tenants)
    assert profile_in(good, acme) == Profile(email="ada@example.org")
    with pytest.raises(ProfileError):
        profile_in(replace(good, jti="another"), acme)
    with pytest.raises(ProfileError):
        profile_in(verified(token(profile=sealed_profile(key=bytes(32))), tenants), acme)


def test_a_token_without_a_key_id(tmp_path: Path) -> None:
    """One that is signed with a secret names no key, so none is fetched for it."""
    rules = {
        "alg": ["RS256", "HS256"],
        "audience": "waystation",
        "jwks_url": "https://keys.acme.example/jwks.json",
        "secret_files": ["secrets/session"],
    }
    tenants = load_tenants(write_tenants(tmp_path, {"acme": section(session_token=rules)}), production=True)
    acme = tenants.get("acme")
    assert acme
    assert key_to_fetch(token(), tenant=acme) is None
