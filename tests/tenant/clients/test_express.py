"""express-openid-connect: a web application that redirects to the tenant by itself."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from tests.tenant.clients.emulator import EMAIL, USER, WEB, WEB_SECRET, Emulator, Visitor, query_of
from tests.tenant.clients.node_driver import NodeDriver

_DENYING = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('not today'); };"
Start = Callable[..., None]


@pytest.fixture
def start(node: NodeDriver, origin: str, web_origin: str) -> Iterator[Start]:
    """Starts the application against one listener; keywords are the library's options."""

    def begin(**options: Any) -> None:
        scopes = {"response_type": "code", "scope": "openid profile email offline_access"}
        node.call(
            "express",
            "start",
            issuerBaseURL=origin,
            baseURL=web_origin,
            clientID=WEB,
            clientSecret=WEB_SECRET,
            secret="a-secret-of-the-application-with-32-bytes",
            authorizationParams=scopes,
            idpLogout=True,
            authRequired=False,
            **options,
        )

    yield begin
    node.call("express", "stop")


def test_login_and_refresh(start: Start, web_origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """From a protected page over the tenant back to it, with claims, profile and a refreshed token."""
    start()
    callback = visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback")
    home = visitor.send("GET", callback).headers["Location"]
    profile = visitor.send("GET", f"{web_origin}{urlsplit(home).path}").json()
    refreshed = visitor.send("GET", f"{web_origin}/refresh").json()["token"]
    assert (profile["claims"]["sub"], profile["userinfo"]["email"]) == (USER, EMAIL)
    assert jwt.decode(refreshed, options={"verify_signature": False})["gty"] == "refresh_token"
    asked = emulator.calls("^POST /oauth/token")[0]
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    client = json.loads(base64.b64decode(headers["auth0-client"] + "=="))
    assert client["name"] == "express-oidc"
    assert "authorization" in headers


@pytest.mark.parametrize("auth0_logout", [True, False])
def test_logout(start: Start, web_origin: str, visitor: Visitor, *, auth0_logout: bool) -> None:
    """Both kinds of logout end the tenant's session: the next login asks for the password again."""
    start(auth0Logout=auth0_logout)
    visitor.send("GET", visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback"))
    away = visitor.send("GET", f"{web_origin}/logout").headers["Location"]
    back = visitor.send("GET", away)
    again = visitor.send("GET", visitor.send("GET", f"{web_origin}/login").headers["Location"])
    assert urlsplit(away).path == ("/v2/logout" if auth0_logout else "/oidc/logout")
    assert back.headers["Location"] == web_origin
    assert urlsplit(again.headers["Location"]).path == "/u/login"


def test_denied_login(start: Start, web_origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """An Action's denial is an error page of the application that names it."""
    emulator.steer("PUT", "/actions", [{"name": "deny", "code": _DENYING}])
    start()
    callback = visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback")
    page = visitor.send("GET", callback)
    assert (page.status_code, page.json()) == (400, {"error": "access_denied", "description": "not today"})


def test_foreign_state(start: Start, web_origin: str, visitor: Visitor) -> None:
    """A callback of another login is refused."""
    start()
    callback = visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback")
    page = visitor.send("GET", f"{callback}x")
    assert page.status_code == 400


def test_used_code(start: Start, origin: str, web_origin: str, visitor: Visitor) -> None:
    """A code that somebody else has tried before logs nobody in."""
    start()
    callback = visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback")
    grant = {"grant_type": "authorization_code", "code": query_of(callback)["code"]}
    client = {"client_id": WEB, "client_secret": WEB_SECRET, "redirect_uri": f"{web_origin}/callback"}
    thief = visitor.send("POST", f"{origin}/oauth/token", form={**grant, **client, "code_verifier": "x"})
    page = visitor.send("GET", callback)
    assert (thief.status_code, page.status_code) == (403, 400)
    assert page.json() == {"error": "invalid_grant", "description": "Invalid authorization code"}


def test_unregistered_callback(start: Start, web_origin: str, visitor: Visitor) -> None:
    """A callback that is not listed stays at the tenant, on a page that says so."""
    start(routes={"callback": "/other"})
    away = visitor.send("GET", f"{web_origin}/profile").headers["Location"]
    page = visitor.send("GET", away)
    assert page.status_code == 403
    assert f"{web_origin}/other" in page.text


def test_limit(start: Start, web_origin: str, emulator: Emulator, visitor: Visitor) -> None:
    """A token endpoint that has reached its limit is an error page, and the next try works."""
    start()
    body = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    emulator.plant("^POST /oauth/token", status=429, body=body)
    refused = visitor.send("GET", visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback"))
    again = visitor.send("GET", visitor.go(f"{web_origin}/profile", until=f"{web_origin}/callback"))
    assert refused.json()["error"] == "too_many_requests"
    assert again.status_code == 302
