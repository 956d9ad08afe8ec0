"""Authlib, whose OAuth session authenticates by HTTP Basic."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    PASSWORD,
    USER,
    WEB,
    WEB_SECRET,
    Emulator,
    Visitor,
)

# Authlib has no types: imported by name, it is Any.
_SESSIONS: Any = importlib.import_module("authlib.integrations.requests_client")
_VERIFIER = "verifier-verifier-verifier-verifier-verifier"
Session = Any
NewSession = Callable[..., Session]


@pytest.fixture
def new_session(trust: None) -> Iterator[NewSession]:
    """Sessions of the web application, closed afterwards."""
    del trust
    made: list[Session] = []

    def make(**options: Any) -> Session:
        scope = "openid profile email offline_access"
        values = {"client_id": WEB, "client_secret": WEB_SECRET, "redirect_uri": CALLBACK, "scope": scope}
        made.append(_SESSIONS.OAuth2Session(**{**values, **options}))
        return made[-1]

    yield make
    for session in made:
        session.close()


def _begin(session: Session, origin: str, visitor: Visitor) -> str:
    url, _ = session.create_authorization_url(
        f"{origin}/authorize", code_verifier=_VERIFIER, nonce="app-nonce"
    )
    return visitor.go(url, until=CALLBACK)


def test_login(new_session: NewSession, origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """From discovery to a verified ID token, the profile, a refresh and a revocation."""
    session = new_session(code_challenge_method="S256")
    metadata = session.get(f"{origin}/.well-known/openid-configuration", withhold_token=True).json()
    callback = _begin(session, origin, visitor)
    token = session.fetch_token(
        metadata["token_endpoint"], authorization_response=callback, code_verifier=_VERIFIER
    )
    keys = session.get(metadata["jwks_uri"], withhold_token=True).json()
    claims = jwt.decode(token["id_token"], KeySet.import_key_set(keys)).claims
    person = session.get(metadata["userinfo_endpoint"]).json()
    fresh = session.refresh_token(metadata["token_endpoint"])
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"])
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (metadata["issuer"], WEB, "app-nonce")
    assert (claims["sub"], person["email"], fresh["token_type"]) == (USER, EMAIL, "Bearer")
    assert (revoked.status_code, revoked.text) == (200, "")
    sent = emulator.calls("^POST /oauth/token")[0]
    assert sent["headers"]["Content-Type"] == "application/x-www-form-urlencoded;charset=UTF-8"
    assert "Authorization" in sent["headers"]


def test_wrong_verifier_and_used_code(new_session: NewSession, origin: str, visitor: Visitor) -> None:
    """Another verifier buys nothing, and has used the code up."""
    session = new_session(code_challenge_method="S256")
    callback = _begin(session, origin, visitor)
    said = []
    for verifier in ("w" * 43, _VERIFIER):
        with pytest.raises(_SESSIONS.OAuthError) as refused:
            session.fetch_token(
                f"{origin}/oauth/token", authorization_response=callback, code_verifier=verifier
            )
        said.append((refused.value.error, refused.value.description))
    assert said == [
        ("invalid_grant", "Failed to verify code verifier"),
        ("invalid_grant", "Invalid authorization code"),
    ]


def test_unregistered_callback(new_session: NewSession, origin: str, visitor: Visitor) -> None:
    """A callback that is not listed is a page."""
    session = new_session(redirect_uri="http://127.0.0.4:9/other")
    url, _ = session.create_authorization_url(f"{origin}/authorize")
    assert visitor.send("GET", url).status_code == 403


def test_password_and_machine(new_session: NewSession, origin: str) -> None:
    """A password and a machine's secret buy tokens; a wrong one of either does not."""
    token_url, domain = f"{origin}/oauth/token", origin.partition("://")[2]
    person = new_session().fetch_token(token_url, username=EMAIL, password=PASSWORD)
    machine = new_session(client_id=MACHINE, client_secret=MACHINE_SECRET, scope=None)
    granted = machine.fetch_token(
        token_url, grant_type="client_credentials", audience=f"https://{domain}/api/v2/"
    )
    read = machine.get(f"{origin}/api/v2/users/auth0%7Cann")
    with pytest.raises(_SESSIONS.OAuthError, match="Wrong email or password"):
        new_session().fetch_token(token_url, username=EMAIL, password="wrong")
    with pytest.raises(_SESSIONS.OAuthError, match="Unauthorized"):
        new_session(client_secret="wrong").fetch_token(token_url, username=EMAIL, password=PASSWORD)
    assert person["scope"] == "openid profile email offline_access"
    assert (granted["expires_in"], read.json()["email"]) == (86400, EMAIL)


def test_expired_access_token(new_session: NewSession, origin: str) -> None:
    """A session whose token has run out refreshes it by itself, as the tenant allows."""
    session = new_session(token_endpoint=f"{origin}/oauth/token")
    token = session.fetch_token(f"{origin}/oauth/token", username=EMAIL, password=PASSWORD)
    session.token = {**token, "expires_at": 1}
    assert session.get(f"{origin}/userinfo").json()["sub"] == USER
    assert session.token["access_token"] != token["access_token"]


def test_foreign_token(new_session: NewSession, origin: str) -> None:
    """A token that this tenant did not sign opens no profile."""
    session = new_session(token={"access_token": "a.b.c", "token_type": "Bearer"})
    answer = session.get(f"{origin}/userinfo")
    assert (answer.status_code, answer.text) == (401, "Unauthorized")


def test_limit(new_session: NewSession, origin: str, emulator: Emulator) -> None:
    """A 429 of the token endpoint is an error of the session, and the next try works."""
    session = new_session()
    body = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    emulator.plant("^POST /oauth/token", status=429, body=body)
    with pytest.raises(_SESSIONS.OAuthError, match="too_many_requests"):
        session.fetch_token(f"{origin}/oauth/token", username=EMAIL, password=PASSWORD)
    again = session.fetch_token(f"{origin}/oauth/token", username=EMAIL, password=PASSWORD)
    assert again["token_type"] == "Bearer"
