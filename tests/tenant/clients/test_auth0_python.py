"""auth0-python: its Management client, its Authentication client and its token verifier."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from auth0.authentication import GetToken, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error, RateLimitError, TokenValidationError
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier
from auth0.management import Auth0, ManagementClient
from auth0.management.core.api_error import ApiError
from auth0.management.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)

from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    ORGANIZATION,
    PASSWORD,
    READER,
    READER_SECRET,
    USER,
    WEB,
    WEB_SECRET,
    Emulator,
    Visitor,
    authorize_url,
    query_of,
)


def _get_token(
    origin: str, *, client_id: str = MACHINE, client_secret: str | None = MACHINE_SECRET
) -> GetToken:
    scheme, _, domain = origin.partition("://")
    return GetToken(domain, client_id, client_secret=client_secret, protocol=scheme)


class Manager:
    """Makes Management clients whose connections the test closes."""

    def __init__(self, origin: str, connections: httpx.Client) -> None:
        self._origin = origin
        self._connections = connections

    def __call__(self, *, client_id: str = MACHINE, secret: str = MACHINE_SECRET) -> Auth0:
        """A client with a token of its own."""
        audience = f"https://{self._origin.partition('://')[2]}/api/v2/"
        machine = _get_token(self._origin, client_id=client_id, client_secret=secret)
        return self.with_token(machine.client_credentials(audience)["access_token"])

    def with_token(self, token: str) -> Auth0:
        """A client with a given token."""
        return Auth0(base_url=f"{self._origin}/api/v2", token=token, httpx_client=self._connections)


@pytest.fixture
def connections(trust: None) -> Iterator[httpx.Client]:
    """What the clients send with, as they would make it themselves."""
    del trust
    with httpx.Client(timeout=10, follow_redirects=True) as client:
        yield client


@pytest.fixture
def management(origin: str, connections: httpx.Client) -> Manager:
    """Clients of the Management API of one listener."""
    return Manager(origin, connections)


def _code(origin: str, visitor: Visitor, **changes: str) -> str:
    return query_of(visitor.go(authorize_url(origin, **changes), until=CALLBACK))["code"]


def _web(origin: str) -> GetToken:
    return _get_token(origin, client_id=WEB, client_secret=WEB_SECRET)


def _body(error: ApiError) -> dict[str, Any]:
    body = error.body
    if isinstance(body, dict):
        return body
    shown: dict[str, Any] = body.model_dump() if body is not None else {}
    return shown


def test_read_a_user(management: Manager) -> None:
    """A user is read whole, or the fields that were asked for."""
    users = management().users
    whole = users.get(USER)
    some = users.get(USER, fields="user_id,app_metadata", include_fields=True)
    assert (whole.user_id, whole.email, whole.given_name) == (USER, EMAIL, "Ann")
    assert whole.identities is not None
    assert whole.identities[0].connection == "Username-Password-Authentication"
    assert (some.app_metadata, some.email) == ({"plan": "gold", "nested": {"a": 1, "b": 2}}, None)


def test_patch_metadata(management: Manager, emulator: Emulator) -> None:
    """Metadata is merged at its first level, null deletes, and the answer is the whole user."""
    users = management().users
    answer = users.update(USER, app_metadata={"nested": {"c": 3}, "plan": None, "step": {"status": "passed"}})
    assert answer.app_metadata == {"nested": {"c": 3}, "step": {"status": "passed"}}
    assert answer.email == EMAIL
    assert emulator.user()["app_metadata"] == answer.app_metadata
    sent = emulator.calls("^PATCH ")[-1]
    assert sent["raw_path"] == "/api/v2/users/auth0%7Cann"


def test_empty_object_wipes_metadata(management: Manager, emulator: Emulator) -> None:
    """An empty object removes the metadata completely."""
    management().users.update(USER, app_metadata={})
    assert "app_metadata" not in emulator.user()


def test_empty_patch(management: Manager) -> None:
    """A PATCH of nothing is refused."""
    with pytest.raises(BadRequestError) as refused:
        management().users.update(USER)
    assert _body(refused.value)["errorCode"] == "invalid_body"


def test_list_by_email(management: Manager) -> None:
    """Users are found by their address, whatever its case, and nobody is an empty list."""
    users = management().users
    assert [user.user_id for user in users.list_users_by_email(email=EMAIL.upper())] == [USER]
    assert users.list_users_by_email(email="nobody@example.org") == []


def test_list_users(management: Manager) -> None:
    """The pager walks over the list with its totals."""
    found = [user.user_id for user in management().users.list(per_page=1, include_totals=True)]
    assert found == [USER]


def test_create_and_delete(management: Manager) -> None:
    """A user is created, cannot be created twice, and may be deleted twice."""
    users = management().users
    connection = "Username-Password-Authentication"
    created = users.create(connection=connection, email="bob@example.org", password="bob-has-a-password")
    assert created.user_id is not None
    with pytest.raises(ApiError) as taken:
        users.create(
            connection=connection,
            email="bob@example.org",
            password="bob-has-a-password",
            request_options={"max_retries": 0},
        )
    users.delete(created.user_id)
    users.delete(created.user_id)
    with pytest.raises(NotFoundError):
        users.get(created.user_id)
    assert (taken.value.status_code, _body(taken.value)["message"]) == (409, "The user already exists.")


def test_unknown_user(management: Manager) -> None:
    """Somebody who does not exist is the client's own kind of error, with the code of recorded tenants."""
    with pytest.raises(NotFoundError) as missing:
        management().users.get("auth0|nobody")
    assert _body(missing.value) == {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The user does not exist.",
        "errorCode": "inexistent_user",
    }


def test_insufficient_scope(management: Manager) -> None:
    """Who may only read cannot write."""
    users = management(client_id=READER, secret=READER_SECRET).users
    assert users.get(USER).email == EMAIL
    with pytest.raises(ForbiddenError) as refused:
        users.update(USER, app_metadata={"a": 1})
    assert _body(refused.value)["errorCode"] == "insufficient_scope"


def test_limit_with_retry(management: Manager, emulator: Emulator) -> None:
    """Updates beyond the limit wait for the reset that the headers name, and all of them arrive."""
    users = management().users
    emulator.steer("POST", "/rate", {"per_second": 1})
    numbers = itertools.count()
    statuses: list[int] = []
    while 429 not in statuses:  # on a slow machine a second passes between two updates
        last = next(numbers)
        users.update(USER, app_metadata={"n": last})
        statuses = [call["status"] for call in emulator.calls("^PATCH ")]
    assert statuses[-1] == 200
    assert emulator.user()["app_metadata"]["n"] == last


def test_limit_without_retry(management: Manager, emulator: Emulator) -> None:
    """Without retries the client reports the limit with its headers."""
    users = management().users
    emulator.steer("POST", "/rate", {"per_minute": 1})
    with pytest.raises(TooManyRequestsError) as refused:
        _ = [users.get(USER, request_options={"max_retries": 0}) for _ in range(3)]
    headers = refused.value.headers or {}
    assert _body(refused.value)["errorCode"] == "too_many_requests"
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("1", "0")
    assert 0 < int(headers["x-ratelimit-reset"]) - time.time() <= 60


def test_commit_then_error(management: Manager, emulator: Emulator) -> None:
    """An update that took effect and answered 500 is repeated, and has the same effect."""
    users = management().users
    emulator.plant("^PATCH ", status=500, commit=True)
    users.update(USER, app_metadata={"n": 1})
    assert [call["status"] for call in emulator.calls("^PATCH ")] == [500, 200]
    assert emulator.user()["app_metadata"]["n"] == 1


def test_expired_token(management: Manager, emulator: Emulator) -> None:
    """A token that has run out is told so."""
    users = management().users
    emulator.plant("^GET /api/v2/users", expire_token=True)
    with pytest.raises(UnauthorizedError) as refused:
        users.get(USER)
    assert _body(refused.value)["message"] == "Expired token received for JSON Web Token validation"


def test_foreign_token(origin: str, management: Manager, visitor: Visitor) -> None:
    """A token for another audience is no token for the Management API."""
    tokens = _web(origin).authorization_code(_code(origin, visitor), CALLBACK)
    foreign = management.with_token(tokens["access_token"])
    with pytest.raises(UnauthorizedError) as refused:
        foreign.users.get(USER)
    assert _body(refused.value)["message"] == f"Bad audience: {origin}/userinfo"


def test_forged_token(management: Manager) -> None:
    """A token that somebody else signed is invalid."""
    users = management.with_token("a.b.c").users
    with pytest.raises(UnauthorizedError) as refused:
        users.get(USER)
    assert _body(refused.value)["message"] == "Invalid token"


def test_client_with_credentials(domain: str, connections: httpx.Client, emulator: Emulator) -> None:
    """The client that fetches its tokens by itself does so once for two calls."""
    client = ManagementClient(
        domain=domain, client_id=MACHINE, client_secret=MACHINE_SECRET, httpx_client=connections
    )
    assert client.users.get(USER).email == EMAIL
    assert client.users.get(USER).email == EMAIL
    asked = emulator.calls("^POST /oauth/token")
    assert len(asked) == 1
    assert asked[0]["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_client_with_wrong_credentials(domain: str, connections: httpx.Client) -> None:
    """A wrong secret is a 401 of the token endpoint."""
    client = ManagementClient(
        domain=domain, client_id=MACHINE, client_secret="wrong", httpx_client=connections
    )
    with pytest.raises(httpx.HTTPStatusError) as refused:
        client.users.get(USER)
    assert refused.value.response.json() == {"error": "access_denied", "error_description": "Unauthorized"}


def test_code_and_verification(origin: str, visitor: Visitor) -> None:
    """A code buys tokens; the ID token passes the client's own verifier with its nonce."""
    tokens = _web(origin).authorization_code(_code(origin, visitor, max_age="60"), CALLBACK)
    verifier = TokenVerifier(
        AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json"), issuer=f"{origin}/", audience=WEB
    )
    claims = verifier.verify(tokens["id_token"], nonce="app-nonce", max_age=60)
    assert (claims["sub"], claims["email"]) == (USER, EMAIL)
    scheme, _, domain = origin.partition("://")
    assert Users(domain, protocol=scheme).userinfo(tokens["access_token"])["sub"] == USER


def test_organization(origin: str, visitor: Visitor) -> None:
    """A login to an organisation passes the verifier that wants it, by id and by name, and no other."""
    code = _code(origin, visitor, organization=ORGANIZATION)
    token = _web(origin).authorization_code(code, CALLBACK)["id_token"]
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    verifier = TokenVerifier(signatures, issuer=f"{origin}/", audience=WEB)
    for organization in (ORGANIZATION, "acme"):
        assert verifier.verify(token, nonce="app-nonce", organization=organization)["sub"] == USER
    with pytest.raises(TokenValidationError, match="Organization"):
        verifier.verify(token, nonce="app-nonce", organization="org_other")


def test_id_token_of_another_application(origin: str, visitor: Visitor) -> None:
    """The verifier of another application refuses the ID token."""
    tokens = _web(origin).authorization_code(_code(origin, visitor), CALLBACK)
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    foreign = TokenVerifier(signatures, issuer=f"{origin}/", audience="another")
    with pytest.raises(TokenValidationError, match="Audience"):
        foreign.verify(tokens["id_token"], nonce="app-nonce")


def test_rotated_keys(origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """The next key is published before it signs, so a cached key set survives a rotation."""
    signatures = AsymmetricSignatureVerifier(f"{origin}/.well-known/jwks.json")
    verifier = TokenVerifier(signatures, issuer=f"{origin}/", audience=WEB)
    web = _web(origin)
    before = web.authorization_code(_code(origin, visitor), CALLBACK)["id_token"]
    verifier.verify(before, nonce="app-nonce")
    emulator.plant("^POST /oauth/token", rotate_jwks=True)
    after = web.authorization_code(_code(origin, visitor), CALLBACK)["id_token"]
    verifier.verify(after, nonce="app-nonce")
    assert len(emulator.calls("jwks")) == 1


def test_codes_that_are_refused(origin: str, visitor: Visitor) -> None:
    """A used code, a foreign callback and a wrong verifier are invalid grants."""
    web = _web(origin)
    code = _code(origin, visitor)
    web.authorization_code(code, CALLBACK)
    with pytest.raises(Auth0Error) as used:
        web.authorization_code(code, CALLBACK)
    with pytest.raises(Auth0Error) as elsewhere:
        web.authorization_code(_code(origin, visitor), "http://127.0.0.4:9/other")
    challenged = _code(origin, visitor, code_challenge="x" * 43, code_challenge_method="S256")
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
    web = _web(origin)
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
        _get_token(origin, client_id=client_id, client_secret=secret).login(
            username=EMAIL, password=PASSWORD, grant_type="password"
        )
    assert (refused.value.status_code, refused.value.error_code) == (status, code)


def test_authentication_limit(origin: str, emulator: Emulator) -> None:
    """The limit of the token endpoint reaches the client with the moment of its reset."""
    emulator.steer("POST", "/rate", {"profile": "free"})
    token = _get_token(origin)
    audience = f"https://{origin.partition('://')[2]}/api/v2/"
    with pytest.raises(RateLimitError) as refused:
        _ = [token.client_credentials(audience) for _ in range(1000)]
    assert refused.value.error_code == "too_many_requests"
    assert refused.value.reset_at - time.time() <= 1.5
