"""Tokens in the form of Auth0's former Rules: read by a tenant that says so, and by no other."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from common.profile import Profile
from common.tenants import Tenants, load_tenants
from common.tokens import Refusal, RequestedStep, SessionToken, profile_in
from tests.common.session_tokens import JTI, NOW, refusal, token, token_of, verified
from tests.common.tenants_on_disk import SESSION_SECRET, section, write_tenants

_SECONDS = int(NOW.timestamp())
_AGAIN = "https://acme.eu.auth0.com/authorize"


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """One tenant whose Rule sends people, and one with our Action."""
    rules = {"issuer": "force-idv", "steps": ["terms:2", "idproof:1"], "client_id": "app1"}
    ours = section()
    acme = ours | {"session_token": ours["session_token"] | {"rules": rules}}
    path = write_tenants(
        tmp_path_factory.mktemp("rules"), {"acme": acme, "globex": section("globex.eu.auth0.com")}
    )
    return load_tenants(path, production=True)


def rule_token(**changes: Any) -> str:
    """What `jsonwebtoken.sign` makes of the page's claims; None leaves one out."""
    claims = {
        "sub": "auth0|65f0c0ffee",
        "iss": "force-idv",
        "aud": "waystation",
        "jti": JTI,
        "iat": _SECONDS,
        "exp": _SECONDS + 300,
        **changes,
    }
    return token_of(json.dumps({name: value for name, value in claims.items() if value is not None}).encode())


def test_a_token_of_a_rule(tenants: Tenants) -> None:
    """Its claims arrive, and what it leaves unsaid comes from the tenant's contract and first host."""
    assert verified(rule_token(), tenants) == SessionToken(
        tenant="acme",
        jti=JTI,
        subject="auth0|65f0c0ffee",
        issuer="acme.eu.auth0.com",
        issued_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        expires_at=datetime(2026, 11, 22, 12, 5, tzinfo=UTC),
        ip=None,
        steps=(RequestedStep(name="terms", revision=2), RequestedStep(name="idproof", revision=1)),
        entry="login",
        continue_uri="https://acme.eu.auth0.com/continue",
        client_id="app1",
        protocol="oidc-basic-profile",
        ui_locales=(),
        profile_jwe=None,
    )


def test_what_a_rule_may_say_more(tenants: Tenants) -> None:
    """The application is the token's where it names one; the address is all that is known of the person."""
    read = verified(rule_token(client_id="app2", email="ada@example.org"), tenants)
    tenant = tenants.get("acme")
    assert tenant is not None
    assert read.client_id == "app2"
    assert profile_in(read, tenant) == Profile(email="ada@example.org")
    assert "ada@example.org" not in repr(read)


def test_the_request_of_a_forced_change_of_the_password(tenants: Tenants) -> None:
    """What /authorize needs is taken apart; what would keep it silent or is personal stays behind."""
    again = (
        f"{_AGAIN}?client_id=app1&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&nonce=n%2B1&prompt=none+consent"
    )
    read = verified(rule_token(authorize_again=f"{again}&login_hint=a%40b.example&state="), tenants)
    assert read.authorize == {"redirect_uri": "https://app.example/cb", "nonce": "n+1", "prompt": "consent"}


def again(query: str, tenants: Tenants) -> object:
    return verified(rule_token(authorize_again=f"{_AGAIN}?{query}"), tenants).authorize


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("scope=openid", {"scope": "openid"}),
        ("scope=openid&prompt=none", {"scope": "openid"}),
        ("scope=openid&prompt=login", {"scope": "openid"}),
        (
            "scope=openid&prompt=login+consent+select_account",
            {"scope": "openid", "prompt": "consent select_account"},
        ),
        ("redirect_uri=https://app.example/cb?x=1", {"redirect_uri": "https://app.example/cb?x=1"}),
        ("state=" + "x" * 2000, {"state": "x" * 2000}),
        ("&".join(f"other{number}=x" for number in range(50)), {}),
    ],
)
def test_what_is_repeated(tenants: Tenants, query: str, found: dict[str, str]) -> None:
    """The parameters as they came, but that the login must not be silent."""
    assert again(query, tenants) == found


def test_too_much_to_repeat(tenants: Tenants) -> None:
    """Fifty parameters, or four thousand characters, are as many as an honest request ever has."""
    for query in ("&".join(f"other{number}=x" for number in range(51)), "other=" + "x" * 4000):
        assert refusal(rule_token(authorize_again=f"{_AGAIN}?{query}"), tenants) is Refusal.AUTHORIZE_AGAIN


def test_long_addresses(tenants: Tenants) -> None:
    """An e-mail address may have 300 characters."""
    email = "a" * 288 + "@example.org"
    assert verified(rule_token(email=email), tenants).email == email
    assert refusal(rule_token(email="a" + email), tenants) is Refusal.EMAIL


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_a_request_that_cannot_be_repeated(tenants: Tenants, name: str) -> None:
    """A pushed or signed request is not repeated: the login begins at the application."""
    assert verified(rule_token(authorize_again=f"{_AGAIN}?{name}=x&scope=openid"), tenants).authorize is None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/authorize?scope=openid",
        "https://acme.eu.auth0.com.evil.example/authorize?scope=openid",
        "https://acme.eu.auth0.com@evil.example/authorize?scope=openid",
        "http://acme.eu.auth0.com/authorize?scope=openid",
        "https://acme.eu.auth0.com/authorize",
        "https://acme.eu.auth0.com/authorize/../v2/logout?scope=openid",
        "https://acme.eu.auth0.com/authorize?scope=openid#x",
        "https://acme.eu.auth0.com/authorize?scope=a&scope=b",
        "https://acme.eu.auth0.com/authorize?scope",
        "https://acme.eu.auth0.com/authorize?state=%ff",
        "https://acme.eu.auth0.com/authorize?state=%00",
        "https://acme.eu.auth0.com/authorize?state=" + "x" * 2001,
        "https://[acme.eu.auth0.com/authorize?scope=openid",
        "javascript:alert(1)",
        7,
    ],
)
def test_somewhere_else_to_begin_again(tenants: Tenants, url: object) -> None:
    """Nothing but this tenant's own /authorize, in plain text and once each, is somewhere to begin again."""
    assert refusal(rule_token(authorize_again=url), tenants) is Refusal.AUTHORIZE_AGAIN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "another-rule"}, Refusal.ISS),
        ({"iss": "acme.eu.auth0.com"}, Refusal.ISS),
        ({"aud": "acme"}, Refusal.AUD),
        ({"jti": None}, Refusal.JTI),
        ({"sub": ""}, Refusal.SUB),
        ({"iat": None}, Refusal.IAT),
        ({"exp": _SECONDS + 901}, Refusal.EXP),
        ({"client_id": 7}, Refusal.CLIENT_ID),
        ({"email": ["a@b.example"]}, Refusal.EMAIL),
    ],
)
def test_a_wrong_claim(tenants: Tenants, changes: dict[str, Any], reason: Refusal) -> None:
    """The claims of the page are checked as strictly as the Action's."""
    assert refusal(rule_token(**changes), tenants) is reason


def test_the_two_forms_are_not_mixed(tenants: Tenants) -> None:
    """A tenant with a Rule takes no token of the Action, and one with the Action takes none of a Rule."""
    assert refusal(token(), tenants) is Refusal.ISS
    assert refusal(rule_token(), tenants, tenant="globex") is Refusal.ISS
    assert SESSION_SECRET not in repr(tenants.get("acme"))
