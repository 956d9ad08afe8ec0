from typing import Any

import pytest

from tests.tenant.clock import Clock
from tests.tenant.errors import ApiError
from tests.tenant.payload import check_user
from tests.tenant.users import Users, merge


def _users() -> Users:
    users = Users(Clock())
    users.put(
        {"user_id": "auth0|1", "email": "a@example.org", "app_metadata": {"a": 1, "n": {"x": 1, "y": 2}}}
    )
    return users


def test_merge_replaces_nested_objects() -> None:
    """Only the first level is merged: a nested object takes the place of the old one."""
    assert merge({"n": {"x": 1, "y": 2}, "a": 1}, {"n": {"x": 3}}) == {"n": {"x": 3}, "a": 1}


def test_merge_null_deletes() -> None:
    """A null removes its key."""
    assert merge({"a": 1, "b": 2}, {"a": None}) == {"b": 2}


def test_patch_keeps_other_keys() -> None:
    """A patch of one key of app_metadata leaves its neighbours."""
    assert _users().patch("auth0|1", {"app_metadata": {"b": 2}})["app_metadata"] == {
        "a": 1,
        "n": {"x": 1, "y": 2},
        "b": 2,
    }


def test_empty_object_wipes() -> None:
    """`{}` removes the whole of app_metadata, as documented."""
    assert "app_metadata" not in _users().patch("auth0|1", {"app_metadata": {}})


def test_patch_of_nobody() -> None:
    """A user who does not exist is a 404 with its error code."""
    with pytest.raises(ApiError) as caught:
        _users().patch("auth0|2", {"name": "B"})
    assert (caught.value.status, caught.value.code) == (404, "inexistent_user")


def test_stale_read_shows_an_older_version() -> None:
    """A read with a lag answers what was true that long ago."""
    clock = Clock()
    users = Users(clock)
    users.put({"user_id": "auth0|1", "email": "a@example.org", "name": "old"})
    clock.advance(10)
    users.patch("auth0|1", {"name": "new"})
    stale = users.get("auth0|1", lag=5)
    assert stale is not None
    assert stale["name"] == "old"


def test_seed_is_not_shared() -> None:
    """Changing what was put in changes nothing in the store."""
    users, seed = Users(Clock()), {"user_id": "auth0|1", "email": "a@example.org", "app_metadata": {"a": {}}}
    users.put(seed)
    seed["app_metadata"] = {}
    assert users.all()[0]["app_metadata"] == {"a": {}}


_APP = "app_metadata (User metadata to which this user has read-only access.)"
_USER = "user_metadata (User metadata to which this user has read/write access.)"
_EMAIL = "email (Email address of this user.)"
_GIVEN = "given_name (Given name/first name/forename of this user.)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'Too few properties defined (0), minimum 1'."),
        ({"x": 1}, "'Additional properties not allowed: x'."),
        ({"app_metadata": {"blocked": True}}, f"'Not allowed in app_metadata: blocked' on property {_APP}."),
        ({"app_metadata": "a"}, f"'Expected type object but found type string' on property {_APP}."),
        ({"user_metadata": {"a.b": 1}}, f"'Metadata keys must not contain . or $: a.b' on property {_USER}."),
        (
            {"email": "x"},
            f"'Object didn't pass validation for format email: x' on property {_EMAIL}.",
        ),
        (
            {"verify_email": "yes"},
            "'Expected type boolean but found type string' on property verify_email.",
        ),
        ({"given_name": "x" * 151}, f"'String is too long (151 chars), maximum 150' on property {_GIVEN}."),
        ({"name": ""}, "'String is too short (0 chars), minimum 1' on property name (Name of this user.)."),
    ],
)
def test_refused_payloads(body: dict[str, Any], message: str) -> None:
    """Every payload that real tenants refuse is a 400 that says why, with the property's description."""
    with pytest.raises(ApiError) as caught:
        check_user(body)
    assert (caught.value.status, caught.value.message) == (400, f"Payload validation error: {message}")
