"""The Authentication client and the token verifier of auth0-python."""

import pytest
from auth0.authentication import RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error, RateLimitError, TokenValidationError
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier

from tests.tenant.clients.auth0_python import get_token, new_code, web_application
from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    ORGANIZATION,
    PASSWORD,
    USER,
    WEB,
    WEB_SECRET,
    Emulator,
    Visitor,
    authorize_url,
)


def test_code_and_verification(origin: str, visitor: Visitor) -> None:
    """A code buys tokens; the ID token passes the client's own verifier with its nonce."""
    tokens = web_application(origin).authorization_code(new_code(origin, visitor, max_age="60"), CALLBACK)
    verifier = TokenVerifier(
        AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json"), issuer=f"{origin}/", audience=WEB
    )
    claims = verifier.verify(tokens["id_token"], nonce="app-nonce", max_age=60)
    assert (claims["sub"], claims["email"]) == (USER, EMAIL)
    scheme, _, domain = origin.partition("://")
    assert Users(domain, protocol=scheme).userinfo(tokens["access_token"])["sub"] == USER


def test_organization(origin: str, visitor: Visitor) -> None:
    """A login to an organisation passes the verifier that wants it, by id and by name, and no other."""
    code = new_code(origin, visitor, organization=ORGANIZATION)
    token = web_application(origin).authorization_code(code, CALLBACK)["id_token"]
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    verifier = TokenVerifier(signatures, issuer=f"{origin}/", audience=WEB)
    for organization in (ORGANIZATION, "acme"):
        assert verifier.verify(token, nonce="app-nonce", organization=organization)["sub"] == USER
    with pytest.raises(TokenValidationError, match="Organization"):
        verifier.verify(token, nonce="app-nonce", organization="org_other")


def test_id_token_of_another_application(origin: str, visitor: Visitor) -> None:
    """The verifier of another application refuses the ID token."""
    tokens = web_application(origin).authorization_code(new_code(origin, visitor), CALLBACK)
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    foreign = TokenVerifier(signatures, issuer=f"{origin}/", audience="another")
    with pytest.raises(TokenValidationError, match="Audience"):
        foreign.verify(tokens["id_token"], nonce="app-nonce")


def test_rotated_keys(origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """The next key is published before it signs, so a cached key set survives a rotation."""
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    verifier = TokenVerifier(signatures, issuer=f"{origin}/", audience=WEB)
    web = web_application(origin)
    before = web.authorization_code(new_code(origin, visitor), CALLBACK)["id_token"]
    verifier.verify(before, nonce="app-nonce")
    emulator.plant("^POST /oauth/token", rotate_jwks=True)
    after = web.authorization_code(new_code(origin, visitor), CALLBACK)["id_token"]
    verifier.verify(after, nonce="app-nonce")
    assert len(emulator.calls("jwks")) == 1


def test_codes_that_are_refused(origin: str, visitor: Visitor) -> None:
    """A used code, a foreign callback and a wrong verifier are invalid grants."""
    web = web_application(origin)
    code = new_code(origin, visitor)
    web.authorization_code(code, CALLBACK)
    with pytest.raises(Auth0Error) as used:
        web.authorization_code(code, CALLBACK)
    with pytest.raises(Auth0Error) as elsewhere:
        web.authorization_code(new_code(origin, visitor), "http://127.0.0.4:9/other")
    challenged = new_code(origin, visitor, code_challenge="x" * 43, code_challenge_method="S256")
    with pytest.raises(Auth0Error) as unverified:
        web.post(
            f"{origin}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "client_id": WEB,
                "client_secret": WEB_SECRET,
                "code": challenged,
                "code_verifier": "wrong",
                "redirect_uri": CALLBACK,
            },
        )
    for refused in (used, elsewhere):
        assert (refused.value.status_code, refused.value.error_code) == (403, "invalid_grant")
        assert refused.value.message == "Invalid authorization code"
    assert unverified.value.message == "Failed to verify code verifier"


def test_unregistered_callback(origin: str, visitor: Visitor) -> None:
    """A callback that is not listed is a page of the tenant, not a redirect."""
    page = visitor.send("GET", authorize_url(origin, redirect_uri="http://127.0.0.4:9/other"))
    assert page.status_code == 403
    assert "is not in the list of allowed callback URLs" in page.text


def test_password_and_refresh(origin: str) -> None:
    """A password buys a refresh token, which buys tokens until it is revoked."""
    web = web_application(origin)
    first = web.login(username=EMAIL, password=PASSWORD, scope="openid offline_access", grant_type="password")
    again = web.refresh_token(first["refresh_token"], scope="openid")
    scheme, _, domain = origin.partition("://")
    RevokeToken(domain, WEB, client_secret=WEB_SECRET, protocol=scheme).revoke_refresh_token(
        first["refresh_token"]
    )
    with pytest.raises(Auth0Error) as revoked:
        web.refresh_token(first["refresh_token"])
    assert (first["token_type"], again["scope"]) == ("Bearer", "openid")
    assert revoked.value.message == "Unknown or invalid refresh token."


@pytest.mark.parametrize(
    ("client_id", "secret", "status", "code"),
    [(WEB, "wrong", 401, "access_denied"), (MACHINE, MACHINE_SECRET, 403, "unauthorized_client")],
)
def test_password_is_refused(origin: str, client_id: str, secret: str, status: int, code: str) -> None:
    """A wrong secret and a grant that is off have the statuses of recorded tenants."""
    with pytest.raises(Auth0Error) as refused:
        get_token(origin, client_id=client_id, client_secret=secret).login(
            username=EMAIL, password=PASSWORD, grant_type="password"
        )
    assert (refused.value.status_code, refused.value.error_code) == (status, code)


def test_authentication_limit(origin: str, emulator: Emulator) -> None:
    """The limit of the token endpoint reaches the client with the moment of its reset."""
    limited = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    headers = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1935817749"}
    emulator.plant("^POST /oauth/token", status=429, body=limited, headers=headers)
    token = get_token(origin)
    audience = f"https://{origin.partition('://')[2]}/api/v2/"
    with pytest.raises(RateLimitError) as refused:
        token.client_credentials(audience)
    assert (refused.value.error_code, refused.value.reset_at) == ("too_many_requests", 1935817749)
    assert token.client_credentials(audience)["token_type"] == "Bearer"
