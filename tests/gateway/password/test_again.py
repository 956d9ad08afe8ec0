"""The login that begins anew once a password was changed."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.steps.password.again import authorize_again
from tests.gateway.browsers import Browser
from tests.gateway.made import login as made_login
from tests.gateway.made import opened
from tests.gateway.password.form import REQUEST, arrival, type_new, way_on
from tests.gateway.rig import Rig

AGAIN: list[tuple[dict[str, str] | None, dict[str, str] | None]] = [
    (None, None),
    ({}, None),
    ({"response_type": "code"}, None),
    ({"redirect_uri": "https://bank.acme.example/callback"}, None),
    (REQUEST | {"prompt": "none"}, REQUEST | {"prompt": "login"}),
    (REQUEST | {"prompt": "consent none login"}, REQUEST | {"prompt": "login consent"}),
    (
        REQUEST
        | {
            "client_id": "evil",
            "login_hint": "anna@acme.example",
            "id_token_hint": "x",
            "request": "x",
            "request_uri": "urn:x",
            "returnTo": "https://evil.example",
            "waystation_step": "password",
        },
        REQUEST | {"prompt": "login"},
    ),
    (REQUEST | {"state": "a&b=c#d\r\n%0a"}, REQUEST | {"state": "a&b=c#d\r\n%0a", "prompt": "login"}),
]


@pytest.mark.parametrize(("request_", "expected"), AGAIN)
def test_authorize_again(request_: dict[str, str] | None, expected: dict[str, str] | None) -> None:
    """Only known parameters, the token's own client and a visible login, at the tenant's host; or nothing."""
    url = authorize_again(made_login(opened("password")), request_)
    if expected is None:
        assert url is None
        return
    assert url is not None
    address = urlsplit(url)
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://acme.eu.auth0.com/authorize"
    assert dict(parse_qsl(address.query)) == {"client_id": "app1", **expected}


async def test_without_a_request_to_repeat(rig: Rig, anna: Browser) -> None:
    """Where the token has none, the person begins at the application's login route."""
    claims: dict[str, Any] = {"authorize": {"response_type": "code"}}
    login = await anna.begin(arrival(rig.clock, **claims))
    await type_new(anna, login)
    assert way_on(await anna.look(login)) == "https://bank.acme.example/login"


async def test_without_any_way(rig: Rig, anna: Browser) -> None:
    """Where nobody knows that either, the page says where to go."""
    login = await anna.begin(arrival(rig.clock, client_id="unknown", authorize={"response_type": "code"}))
    await type_new(anna, login)
    page = await anna.look(login)
    assert "Go back to Acme and log in there with your new password." in page.html.get_text()
    assert page.html.select_one("main a.button") is None
