"""New passwords: what a connection's policy says to them, and tickets with which people set their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.connections import Connection, check_password
from tests.tenant.errors import ApiError
from tests.tenant.tests.support import CLIENT, EMAIL, PASSWORD, PUBLIC, USER, Tenant, document, run_tenant

_DATABASE = "Username-Password-Authentication"
_NEW = "Tr0ubadour-of-Rome"
_TICKETS = "/tickets/password-change"


def refusal(password: str, *, former: tuple[str, ...] = (), **options: Any) -> str:
    """The name of the error that a password meets, or nothing."""
    user = {"name": "Ann Li", "nickname": "ann", "email": "ann.smith@example.org"}
    connection = Connection(name=_DATABASE, **options)
    try:
        check_password(password, connection=connection, user=user, former=former)
    except ApiError as exc:
        return exc.message.partition(":")[0]
    return ""


@pytest.mark.parametrize(
    ("policy", "weak", "strong"),
    [
        ("none", "", "a"),
        ("low", "abcde", "abcdef"),
        ("fair", "abcdefg1", "Abcdefg1"),
        ("good", "abcdefg1", "abcdefg1!"),
        ("excellent", "Abcdefg111", "Abcdefg112"),
    ],
)
def test_strength(policy: str, weak: str, strong: str) -> None:
    """Each level of strength that Auth0 documents refuses what is just below it."""
    assert refusal(weak, password_policy=policy) == "PasswordStrengthError"
    assert refusal(strong, password_policy=policy) == ""


@pytest.mark.parametrize(
    ("options", "password", "error"),
    [
        ({"password_dictionary": True, "password_policy": "low"}, "Password1", "PasswordDictionaryError"),
        ({"password_no_personal_info": True}, "my-ANN.smith-1", "PasswordNoUserInfoError"),
        ({"password_no_personal_info": True}, "Li-is-short-1", ""),
        ({"password_history": 2}, "Second-One-2", "PasswordHistoryError"),
        ({"password_history": 2}, "Third-One-3", ""),
        ({}, "First-One-1", ""),
    ],
)
def test_options(options: Mapping[str, Any], password: str, error: str) -> None:
    """Dictionary, personal information and history each have their own error, where they are switched on."""
    assert refusal(password, former=("First-One-1", "Second-One-2", "Third-One-3"), **options) == error


def with_tickets(**options: Any) -> dict[str, Any]:
    """A tenant whose machine may make tickets, and whose database has these options."""
    clients = document()["clients"]
    clients[2]["scope"] += " create:user_tickets"
    google = {"user_id": "google-oauth2|7", "email": "g@example.org"}
    return {
        "clients": clients,
        "users": [*document()["users"], google],
        "connections": [{"name": _DATABASE, **options}],
    }


async def ticket_of(tenant: Tenant, **body: Any) -> str:
    token = await tenant.machine_token()
    answer = await tenant.manage("POST", _TICKETS, token, json={"user_id": USER, **body})
    assert answer.status == 201, answer.text
    address: str = answer.json["ticket"]
    return address.removesuffix("#").partition("/u/")[2]


async def set_password(tenant: Tenant, address: str, password: str = _NEW, again: str | None = None) -> Any:
    form = {"password-reset": password, "re-enter-password": password if again is None else again}
    return await tenant.send("POST", f"/u/{address}", data=form)


async def test_a_ticket(tmp_path: Path) -> None:
    """Its address shows a form; the new password ends the sessions; the browser goes where it should."""
    async with run_tenant(tmp_path, **with_tickets()) as tenant:
        await tenant.log_in()
        result = "https://app.example.org/done?a=1"
        address = await ticket_of(
            tenant, result_url=result, mark_email_as_verified=True, includeEmailInRedirect=True
        )
        form = await tenant.send("GET", f"/u/{address}")
        done = await set_password(tenant, address)
        used = await tenant.send("GET", f"/u/{address}")
        user = await tenant.user()
        silent = await tenant.authorize(prompt="none")
        state = (await tenant.authorize()).query["state"]
        right = await tenant.submit_password(state, password=_NEW)
    assert 'name="password-reset"' in form.text
    assert str(done.location).partition("?")[0] == "https://app.example.org/done"
    assert done.query == {
        "a": "1",
        "email": EMAIL,
        "success": "true",
        "code": "success",
        "message": "You can now login to the application with the new password.",
    }
    assert (used.status, "access_expired" in used.text) == (400, True)
    assert (user["email_verified"], "last_password_reset" in user) == (True, True)
    assert silent.query["error"] == "login_required"
    assert right.status == 302


async def test_a_ticket_that_is_tried_twice(tmp_path: Path) -> None:
    """What does not match or is too weak is said beside the field, and the ticket stays good."""
    async with run_tenant(tmp_path, **with_tickets(password_history=1)) as tenant:
        address = await ticket_of(tenant, client_id=PUBLIC)
        different = await set_password(tenant, address, again="x")
        weak = await set_password(tenant, address, "short")
        good = await set_password(tenant, address)
        address = await ticket_of(tenant)
        same = await set_password(tenant, address)
    assert (different.status, "Passwords don&#39;t match" in different.text) == (400, True)
    assert (weak.status, "PasswordStrengthError" in weak.text) == (400, True)
    assert (good.status, "https://app.example.org/login" in good.text) == (200, True)
    assert (same.status, "PasswordHistoryError" in same.text) == (400, True)


async def test_a_ticket_that_is_too_old(tmp_path: Path) -> None:
    """A ticket lives as long as was asked, else five days."""
    async with run_tenant(tmp_path, **with_tickets()) as tenant:
        short, long = await ticket_of(tenant, ttl_sec=60), await ticket_of(tenant)
        await tenant.control("POST", "/clock", {"advance": 61})
        assert (await tenant.send("GET", f"/u/{short}")).status == 400
        assert (await tenant.send("GET", f"/u/{long}")).status == 200
        await tenant.control("POST", "/clock", {"advance": 432_000})
        assert (await tenant.send("GET", f"/u/{long}")).status == 400


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "Missing required property: user_id"),
        ({"user_id": "auth0|nobody"}, 404, "The user does not exist."),
        ({"user_id": "google-oauth2|7"}, 400, "The user's main connection does not support this operation"),
        ({"user_id": USER, "client_id": "x"}, 404, "The client does not exist."),
        ({"user_id": USER, "client_id": CLIENT, "result_url": "https://a.example/"}, 400, "both"),
        ({"user_id": USER, "result_url": "javascript:alert(1)"}, 400, "format uri"),
        ({"user_id": USER, "ttl_sec": "60"}, 400, "on property ttl_sec"),
        ({"user_id": USER, "ttl_sec": -1}, 400, "on property ttl_sec"),
        ({"user_id": USER, "email": EMAIL}, 400, "Additional properties not allowed: email"),
    ],
)
async def test_a_ticket_that_is_refused(
    tmp_path: Path, body: dict[str, Any], status: int, words: str
) -> None:
    """A wrong body, an unknown user and one without a password each get their answer."""
    async with run_tenant(tmp_path, **with_tickets()) as tenant:
        answer = await tenant.manage("POST", _TICKETS, await tenant.machine_token(), json=body)
    assert (answer.status, words in answer.json["message"]) == (status, True)


async def test_tickets_have_a_scope_of_their_own(tmp_path: Path) -> None:
    """Who may update users may not therefore make tickets."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.manage("POST", _TICKETS, await tenant.machine_token(), json={"user_id": USER})
    assert (answer.status, answer.json["errorCode"]) == (403, "insufficient_scope")


async def test_the_management_api_judges_alike(tmp_path: Path) -> None:
    """PATCH and POST refuse what the connection refuses, and a password for who has none."""
    options = with_tickets(password_history=3, password_no_personal_info=True)
    async with run_tenant(tmp_path, **options) as tenant:
        passwords = ("short", PASSWORD + "1", _NEW)
        tried = [(await tenant.patch_user({"password": text})).json for text in passwords]
        again = await tenant.patch_user({"password": _NEW, "connection": _DATABASE})
        elsewhere = await tenant.patch_user({"password": "Another-0ne", "connection": "other"})
        token = await tenant.machine_token()
        google = await tenant.manage("PATCH", "/users/google-oauth2%7C7", token, json={"password": _NEW})
        new = {"email": "new@example.org", "connection": _DATABASE, "password": "weak"}
        created = await tenant.manage("POST", "/users", token, json=new)
    assert [answer.get("message") for answer in tried] == [
        "PasswordStrengthError: Password is too weak",
        "PasswordNoUserInfoError: Password contains user information",
        None,
    ]
    assert again.json["message"] == "PasswordHistoryError: Password has previously been used"
    assert (elsewhere.status, google.status, created.status) == (400, 400, 400)
    assert google.json["errorCode"] == "operation_not_supported"
    assert created.json["message"] == "PasswordStrengthError: Password is too weak"
