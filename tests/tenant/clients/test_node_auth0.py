"""node-auth0: the Management client, and the Authentication clients of today and of version 4."""

from typing import Any

import pytest

from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    PASSWORD,
    READER,
    READER_SECRET,
    USER,
    WEB,
    WEB_SECRET,
    Emulator,
    Visitor,
)
from tests.tenant.clients.node_driver import ClientError, NodeDriver

_ACTION = "exports.onExecutePostLogin = async (event, api) => {};"


class NodeAuth0:
    """The clients of one tenant; they put `https://` before its domain by themselves."""

    def __init__(self, node: NodeDriver, domain: str) -> None:
        self.node = node
        self.domain = domain

    def manage(self, path: str, *inputs: Any, **changes: Any) -> Any:
        """One method of the Management client."""
        options = {"clientId": MACHINE, "clientSecret": MACHINE_SECRET, "domain": self.domain}
        return self.node.call("auth0", "management", path=path, input=inputs, **{**options, **changes})

    def authenticate(self, function: str, **args: Any) -> Any:
        """One function about the Authentication client of the web application."""
        options = {"clientId": WEB, "clientSecret": WEB_SECRET, "domain": self.domain}
        more = {"redirectUri": CALLBACK, "scope": "openid profile offline_access"}
        return self.node.call("auth0", function, **{**options, **more, **args})

    def version4(self, path: str, *inputs: Any, **changes: Any) -> Any:
        """One method of version 4's Authentication client."""
        options = {"clientId": WEB, "clientSecret": WEB_SECRET, "domain": self.domain}
        return self.node.call("auth0", "version4", path=path, input=inputs, **{**options, **changes})

    def log_in(self, visitor: Visitor) -> tuple[str, str]:
        """The callback that came, and the verifier to it."""
        begun = self.authenticate("begin")
        return visitor.go(begun["url"], until=CALLBACK), begun["verifier"]


@pytest.fixture
def auth0(node: NodeDriver, domain: str) -> NodeAuth0:
    """Its clients for this tenant."""
    return NodeAuth0(node, domain)


def test_users(auth0: NodeAuth0, emulator: Emulator) -> None:
    """Users are read, found by address, listed and changed, metadata merged at its first level."""
    found = auth0.manage("users.get", USER)
    by_email = auth0.manage("users.listUsersByEmail", {"email": EMAIL})
    listed = auth0.manage("users.list", {"per_page": 50})
    changed = auth0.manage("users.update", USER, {"app_metadata": {"nested": {"c": 3}, "plan": None}})
    assert (found["email"], [user["user_id"] for user in by_email]) == (EMAIL, [USER])
    assert [user["user_id"] for user in listed] == [USER]
    assert changed["app_metadata"] == emulator.user()["app_metadata"] == {"nested": {"c": 3}}


def test_actions(auth0: NodeAuth0) -> None:
    """An Action is created, deployed, bound, changed and deleted."""
    trigger = [{"id": "post-login", "version": "v3"}]
    body = {"name": "one", "code": _ACTION, "supported_triggers": trigger}
    action = auth0.manage("actions.create", body)
    auth0.manage("actions.deploy", action["id"])
    bindings = {"bindings": [{"ref": {"type": "action_id", "value": action["id"]}, "display_name": "One"}]}
    bound = auth0.manage("actions.triggers.bindings.updateMany", "post-login", bindings)
    changed = auth0.manage("actions.update", action["id"], {"code": "// changed"})
    listed = auth0.manage("actions.list", {"per_page": 100})
    auth0.manage("actions.delete", action["id"], {"force": True})
    with pytest.raises(ClientError) as missing:
        auth0.manage("actions.get", action["id"])
    assert bound["bindings"][0]["action"]["name"] == "one"
    assert changed["all_changes_deployed"] is False
    assert [item["name"] for item in listed] == ["one"]
    assert missing.value["body"]["message"] == "That action does not exist."


@pytest.mark.parametrize(
    ("changes", "inputs", "status", "code"),
    [
        ({}, ["users.get", "auth0|nobody"], 404, "inexistent_user"),
        ({}, ["users.update", USER, {}], 400, "invalid_body"),
        (
            {"clientId": READER, "clientSecret": READER_SECRET},
            ["users.update", USER, {"app_metadata": {"a": 1}}],
            403,
            "insufficient_scope",
        ),
    ],
)
def test_management_errors(
    auth0: NodeAuth0, changes: dict[str, str], inputs: list[Any], status: int, code: str
) -> None:
    """Each refusal reaches the client with its status and errorCode."""
    with pytest.raises(ClientError) as refused:
        auth0.manage(*inputs, **changes)
    assert (refused.value["status"], refused.value["body"]["errorCode"]) == (status, code)


def test_expired_and_forged_tokens(auth0: NodeAuth0, emulator: Emulator) -> None:
    """A token that has run out and one that somebody else signed are told apart."""
    emulator.plant("^GET /api/v2/users", expire_token=True)
    with pytest.raises(ClientError) as expired:
        auth0.manage("users.get", USER)
    options = {"domain": auth0.domain, "token": "a.b.c"}
    with pytest.raises(ClientError) as forged:
        auth0.node.call("auth0", "management", path="users.get", input=[USER], **options)
    assert expired.value["body"]["message"] == "Expired token received for JSON Web Token validation"
    assert (forged.value["status"], forged.value["body"]["message"]) == (401, "Invalid token")


def test_wrong_secret(auth0: NodeAuth0) -> None:
    """A wrong secret is a 401 of the token endpoint."""
    with pytest.raises(ClientError) as refused:
        auth0.manage("users.get", USER, clientSecret="wrong")
    assert refused.value["status"] == 401


def test_limit_with_retry(auth0: NodeAuth0, emulator: Emulator) -> None:
    """Three updates at once, at one a second, all arrive: the client waits for the reset it was told."""
    emulator.steer("POST", "/rate", {"per_second": 1})
    inputs = [[USER, {"app_metadata": {f"n{number}": number}}] for number in range(3)]
    options = {"domain": auth0.domain, "clientId": MACHINE, "clientSecret": MACHINE_SECRET}
    answers = auth0.node.call("auth0", "together", path="users.update", inputs=inputs, **options)
    assert [answer["user_id"] for answer in answers] == [USER] * 3
    assert 429 in [call["status"] for call in emulator.calls("^PATCH ")]
    assert {f"n{number}" for number in range(3)} < set(emulator.user()["app_metadata"])


def test_limit_without_retry(auth0: NodeAuth0, emulator: Emulator) -> None:
    """Without retries the limit is the client's error, with the body of recorded tenants."""
    emulator.steer("POST", "/rate", {"per_minute": 1})
    with pytest.raises(ClientError) as refused:
        _ = [auth0.manage("users.get", USER, maxRetries=0) for _ in range(3)]
    assert refused.value["body"] == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }


def test_login(auth0: NodeAuth0, visitor: Visitor) -> None:
    """A login with PKCE ends in verified tokens, which are refreshed, shown and revoked."""
    callback, verifier = auth0.log_in(visitor)
    tokens = auth0.authenticate("finish", callback=callback, verifier=verifier)
    refresh = {"refreshToken": tokens["refreshToken"]}
    again = auth0.authenticate("authentication", method="getTokenByRefreshToken", input=[refresh])
    person = auth0.authenticate(
        "authentication", method="getUserInfo", input=[{"accessToken": again["accessToken"]}]
    )
    auth0.authenticate("authentication", method="revokeToken", input=[{"token": tokens["refreshToken"]}])
    with pytest.raises(ClientError) as revoked:
        auth0.authenticate("authentication", method="getTokenByRefreshToken", input=[refresh])
    assert tokens["claims"]["sub"] == person["sub"] == USER
    assert revoked.value["cause"]["error_description"] == "Unknown or invalid refresh token."


def test_wrong_verifier_and_used_code(auth0: NodeAuth0, visitor: Visitor) -> None:
    """Another verifier buys nothing, and has used the code up."""
    callback, verifier = auth0.log_in(visitor)
    with pytest.raises(ClientError) as wrong:
        auth0.authenticate("finish", callback=callback, verifier="w" * 43)
    with pytest.raises(ClientError) as used:
        auth0.authenticate("finish", callback=callback, verifier=verifier)
    assert wrong.value["cause"]["error_description"] == "Failed to verify code verifier"
    assert used.value["cause"]["error_description"] == "Invalid authorization code"


def test_machine_and_password(auth0: NodeAuth0) -> None:
    """The clients of today and of version 4 get tokens for a machine and for a password."""
    audience = f"https://{auth0.domain}/api/v2/"
    machine = {"clientId": MACHINE, "clientSecret": MACHINE_SECRET}
    first = auth0.authenticate(
        "authentication", method="getTokenByClientCredentials", input=[{"audience": audience}], **machine
    )
    second = auth0.version4("oauth.clientCredentialsGrant", {"audience": audience}, **machine)
    person = {"username": EMAIL, "password": PASSWORD}
    third = auth0.authenticate("authentication", method="getTokenByPassword", input=[person])
    fourth = auth0.version4("oauth.passwordGrant", {**person, "scope": "openid offline_access"})
    fifth = auth0.version4("oauth.refreshTokenGrant", {"refresh_token": fourth["refresh_token"]})
    assert first["accessToken"].count(".") == third["accessToken"].count(".") == 2
    assert (second["token_type"], second["expires_in"], fifth["token_type"]) == ("Bearer", 86400, "Bearer")


@pytest.mark.parametrize(
    ("inputs", "changes", "status", "description"),
    [
        ({"username": EMAIL, "password": "wrong"}, {}, 403, "Wrong email or password."),
        ({"username": EMAIL, "password": PASSWORD}, {"clientSecret": "wrong"}, 401, "Unauthorized"),
        (
            {"username": EMAIL, "password": PASSWORD},
            {"clientId": MACHINE, "clientSecret": MACHINE_SECRET},
            403,
            "Grant type 'password' not allowed for the client.",
        ),
    ],
)
def test_password_is_refused(
    auth0: NodeAuth0, inputs: dict[str, str], changes: dict[str, str], status: int, description: str
) -> None:
    """Refusals of the token endpoint have the statuses and texts of recorded tenants."""
    with pytest.raises(ClientError) as refused:
        auth0.version4("oauth.passwordGrant", inputs, **changes)
    assert (refused.value["status"], refused.value["description"]) == (status, description)
