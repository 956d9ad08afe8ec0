"""The Management client of auth0-python."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from auth0.management.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)

from tests.tenant.clients.auth0_python import Manager, new_code, web_application
from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    READER,
    READER_SECRET,
    USER,
    Emulator,
    Visitor,
)


def _body(error: ApiError) -> dict[str, Any]:
    body = error.body
    if isinstance(body, dict):
        return body
    shown: dict[str, Any] = body.model_dump() if body is not None else {}
    return shown


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
    created = users.create(connection=connection, email="bob@example.org", password="bob-has-a-Password")
    assert created.user_id is not None
    with pytest.raises(ApiError) as taken:
        users.create(
            connection=connection,
            email="bob@example.org",
            password="bob-has-a-Password",
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
    assert abs(int(headers["x-ratelimit-reset"]) - time.time()) <= 60


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
    tokens = web_application(origin).authorization_code(new_code(origin, visitor), CALLBACK)
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
