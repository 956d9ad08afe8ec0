"""openid-client with non-repudiation checks."""

from typing import Any

import httpx
import pytest

from tests.tenant.clients.emulator import (
    CALLBACK,
    EMAIL,
    MACHINE,
    MACHINE_SECRET,
    TELEVISION,
    USER,
    WEB,
    WEB_SECRET,
    Emulator,
    Visitor,
    query_of,
)
from tests.tenant.clients.node_driver import ClientError, NodeDriver

_DENYING = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('not today'); };"


class OpenId:
    """openid-client as the web application uses it."""

    def __init__(self, node: NodeDriver, origin: str) -> None:
        self.node = node
        self.origin = origin

    def begin(self, **parameters: str) -> dict[str, str]:
        """Where to log in, and the login's handle."""
        begun: dict[str, str] = self.node.call(
            "openid",
            "begin",
            issuer=f"{self.origin}/",
            clientId=WEB,
            clientSecret=WEB_SECRET,
            redirectUri=CALLBACK,
            scope="openid profile email offline_access",
            parameters=parameters,
        )
        return begun

    def call(self, name: str, begun: dict[str, str], **args: Any) -> Any:
        """One function about a login."""
        return self.node.call("openid", name, login=begun["login"], **args)

    def finish(self, begun: dict[str, str], callback: str, **changes: str) -> Any:
        """Tokens and claims; `changes` spoil the checks."""
        return self.call("finish", begun, callback=callback, changes=changes)


@pytest.fixture
def openid(node: NodeDriver, origin: str) -> OpenId:
    """The client for one listener."""
    return OpenId(node, origin)


def test_login(openid: OpenId, visitor: Visitor) -> None:
    """A login passes every check of the client: issuer, audience, nonce, signature, times."""
    begun = openid.begin(max_age="300")
    done = openid.finish(begun, visitor.go(begun["url"], until=CALLBACK))
    tokens, claims = done["tokens"], done["claims"]
    person = openid.call("userinfo", begun, token=tokens["access_token"], subject=USER)
    again = openid.call("refresh", begun, token=tokens["refresh_token"], parameters={})
    assert (claims["iss"], claims["sub"], claims["email"]) == (f"{openid.origin}/", USER, EMAIL)
    assert (person["email"], person["email_verified"]) == (EMAIL, False)
    assert again["claims"]["sub"] == USER


def test_logout(openid: OpenId, visitor: Visitor) -> None:
    """The standard logout ends the session: a silent login afterwards needs a person."""
    begun = openid.begin()
    tokens = openid.finish(begun, visitor.go(begun["url"], until=CALLBACK))["tokens"]
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "http://127.0.0.4:9"}
    url = openid.call("logoutUrl", begun, parameters=parameters)
    assert visitor.send("GET", url).headers["Location"] == "http://127.0.0.4:9"
    silent = openid.begin(prompt="none")
    with pytest.raises(ClientError) as refused:
        openid.finish(silent, visitor.go(silent["url"], until=CALLBACK))
    assert refused.value["error"] == "login_required"


def test_revocation(openid: OpenId, visitor: Visitor) -> None:
    """A revoked refresh token buys nothing."""
    begun = openid.begin()
    token = openid.finish(begun, visitor.go(begun["url"], until=CALLBACK))["tokens"]["refresh_token"]
    openid.call("revoke", begun, token=token)
    with pytest.raises(ClientError) as refused:
        openid.call("refresh", begun, token=token, parameters={})
    assert (refused.value["status"], refused.value["error"]) == (403, "invalid_grant")


def test_wrong_verifier_and_used_code(openid: OpenId, visitor: Visitor) -> None:
    """Another verifier buys nothing, and has used the code up."""
    begun = openid.begin()
    callback = visitor.go(begun["url"], until=CALLBACK)
    with pytest.raises(ClientError) as wrong:
        openid.finish(begun, callback, pkceCodeVerifier="w" * 43)
    with pytest.raises(ClientError) as used:
        openid.finish(begun, callback)
    assert (wrong.value["status"], wrong.value["description"]) == (403, "Failed to verify code verifier")
    assert used.value["description"] == "Invalid authorization code"


def test_foreign_nonce(openid: OpenId, visitor: Visitor) -> None:
    """The nonce in the ID token is the one of this login."""
    begun = openid.begin()
    callback = visitor.go(begun["url"], until=CALLBACK)
    with pytest.raises(ClientError) as refused:
        openid.finish(begun, callback, expectedNonce="another")
    assert "nonce" in str(refused.value["cause"] or refused.value["message"])


def test_denied_login(openid: OpenId, emulator: Emulator, visitor: Visitor) -> None:
    """An Action's denial reaches the application as the client's own error."""
    emulator.steer("PUT", "/actions", [{"name": "deny", "code": _DENYING}])
    begun = openid.begin()
    with pytest.raises(ClientError) as refused:
        openid.finish(begun, visitor.go(begun["url"], until=CALLBACK))
    assert (refused.value["error"], refused.value["description"]) == ("access_denied", "not today")


def test_rotated_keys(openid: OpenId, emulator: Emulator, visitor: Visitor) -> None:
    """The next key is published before it signs."""
    begun = openid.begin()
    emulator.plant("^POST /oauth/token", rotate_jwks=True)
    done = openid.finish(begun, visitor.go(begun["url"], until=CALLBACK))
    assert done["claims"]["sub"] == USER


def test_unregistered_callback(openid: OpenId, visitor: Visitor) -> None:
    """A callback that is not listed is a page, and the application hears nothing."""
    begun = openid.begin(redirect_uri="http://127.0.0.4:9/other")
    page = visitor.send("GET", begun["url"])
    assert page.status_code == 403


def test_unsupported_response_type(openid: OpenId, visitor: Visitor) -> None:
    """What the tenant does not support is told at the callback."""
    begun = openid.begin(response_type="code id_token")
    answer = visitor.go(begun["url"], until=CALLBACK)
    assert query_of(answer)["error"] == "unsupported_response_type"


def test_machine(node: NodeDriver, origin: str) -> None:
    """A machine gets a token, but not for an API that does not exist."""
    options = {"issuer": f"{origin}/", "clientId": MACHINE, "clientSecret": MACHINE_SECRET}
    token = node.call("openid", "machine", audience=f"{origin}/api/v2/", **options)
    with pytest.raises(ClientError) as refused:
        node.call("openid", "machine", audience="https://nowhere.example/", **options)
    assert (token["token_type"], token["expires_in"]) == ("bearer", 86400)
    assert refused.value["description"] == "Service not enabled within domain: https://nowhere.example/"


def test_limit(node: NodeDriver, origin: str, emulator: Emulator) -> None:
    """A 429 of the token endpoint is the client's error with its status; later it works again."""
    options = {"issuer": f"{origin}/", "clientId": MACHINE, "clientSecret": MACHINE_SECRET}
    body = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    emulator.plant("^POST /oauth/token", status=429, body=body)
    with pytest.raises(ClientError) as refused:
        node.call("openid", "machine", audience=f"{origin}/api/v2/", **options)
    again = node.call("openid", "machine", audience=f"{origin}/api/v2/", **options)
    assert (refused.value["status"], refused.value["error"]) == (429, "too_many_requests")
    assert again["expires_in"] == 86400


@pytest.fixture
def device(node: NodeDriver, origin: str) -> dict[str, Any]:
    """A device that has asked for its codes."""
    options = {"issuer": f"{origin}/", "clientId": TELEVISION, "scope": "openid profile offline_access"}
    started: dict[str, Any] = node.call("openid", "beginDevice", **options)
    return started


def _confirm(visitor: Visitor, device: dict[str, Any], *, action: str = "default") -> httpx.Response:
    form = {"user_code": device["user_code"], "action": action}
    return visitor.send("POST", device["verification_uri"], form=form)


def test_device(node: NodeDriver, device: dict[str, Any], emulator: Emulator, visitor: Visitor) -> None:
    """A device polls in vain, then somebody logs in beside it, and its tokens pass every check."""
    page = visitor.follow(_confirm(visitor, device))
    emulator.plant("^POST /oauth/token", status=403, body={"error": "authorization_pending"})
    done = node.call("openid", "awaitDevice", login=device["device_code"])
    assert "Your device is now connected." in page.text
    assert done["claims"]["sub"] == USER
    assert [call["status"] for call in emulator.calls("^POST /oauth/token")] == [403, 200]


def test_cancelled_device(node: NodeDriver, device: dict[str, Any], visitor: Visitor) -> None:
    """Somebody says no, and the device stops."""
    _confirm(visitor, device, action="cancel")
    with pytest.raises(ClientError) as refused:
        node.call("openid", "awaitDevice", login=device["device_code"])
    assert (refused.value["error"], refused.value["description"]) == (
        "access_denied",
        "User cancelled the confirmation prompt.",
    )
