"""What the tenant file says of applications and APIs, and what becomes of it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.config import DEVICE_GRANT, load_config
from tests.tenant.errors import ConfigError
from tests.tenant.tests.support import CLIENT, claims_of, document, run_tenant

_MACHINE = {"client_id": "machine", "client_secret": "machine-secret"}
_API = "https://api.example/"


def _applications(**changes: Any) -> list[dict[str, Any]]:
    web, public, machine = document()["clients"]
    return [web, public, {**machine, **changes}]


@pytest.mark.parametrize(
    ("kind", "grants"),
    [
        ("regular_web", ("authorization_code", "refresh_token")),
        ("spa", ("authorization_code", "refresh_token")),
        ("native", ("authorization_code", "refresh_token", DEVICE_GRANT)),
        ("non_interactive", ("client_credentials",)),
    ],
)
def test_type_of_an_application(tmp_path: Path, kind: str, grants: tuple[str, ...]) -> None:
    """An application of a type has the grants of that type, unless it lists its own."""
    path = tmp_path / "tenant.yaml"
    clients = [
        {"client_id": "a", "app_type": kind},
        {"client_id": "b", "app_type": kind, "grant_types": ["password"]},
    ]
    path.write_text(json.dumps({"tenant": {"id": "acme"}, "clients": clients}), encoding="utf-8")
    known = load_config(path).clients
    assert (known["a"].grants, known["b"].grants) == (grants, ("password",))


@pytest.mark.parametrize(
    ("method", "statuses"),
    [(None, [200, 200]), ("client_secret_basic", [200, 401]), ("client_secret_post", [401, 200])],
)
async def test_method_of_authentication(tmp_path: Path, method: str | None, statuses: list[int]) -> None:
    """Where one method is named, the right secret by another is Unauthorized; else any will do."""
    clients = _applications(**({"token_endpoint_auth_method": method} if method else {}))
    basic = {"Authorization": f"Basic {base64.b64encode(b'machine:machine-secret').decode()}"}
    async with run_tenant(tmp_path, clients=clients) as tenant:
        grant = {"grant_type": "client_credentials", "audience": f"{tenant.base}/api/v2/"}
        answers = [
            await tenant.send("POST", "/oauth/token", data=grant, headers=basic),
            await tenant.token(**grant, **_MACHINE),
        ]
    assert [answer.status for answer in answers] == statuses


@pytest.mark.parametrize(
    "client",
    [
        {"client_id": "a", "client_secret": "s", "token_endpoint_auth_method": "none"},
        {"client_id": "a", "client_secret": None, "token_endpoint_auth_method": "client_secret_post"},
    ],
)
def test_method_that_does_not_fit(tmp_path: Path, client: dict[str, Any]) -> None:
    """A method without the secret it needs, or with one too many, is a mistake of the file."""
    path = tmp_path / "tenant.yaml"
    path.write_text(json.dumps({"tenant": {"id": "acme"}, "clients": [client]}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 1: .*token_endpoint_auth_method does not fit"):
        load_config(path)


async def test_scopes_of_an_api(tmp_path: Path) -> None:
    """Of the scopes that were asked for, tokens carry those of the API and OpenID Connect's own."""
    api = {"identifier": _API, "scopes": ["read:things"], "permissions": True}
    async with run_tenant(tmp_path, apis=[api]) as tenant:
        asked = {"audience": _API, "scope": "openid read:things write:things"}
        person = (await tenant.exchange((await tenant.log_in(**asked)).query["code"])).json
    assert person["scope"] == "openid read:things"
    claims = claims_of(person["access_token"])
    assert (claims["scope"], claims["permissions"]) == ("openid read:things", [])


async def test_logout_without_an_application(tmp_path: Path) -> None:
    """A logout that names no application returns to the tenant's own list, and to no application's."""
    section = {"id": "acme", "allowed_logout_urls": ["https://acme.example/bye"]}
    async with run_tenant(tmp_path, tenant=section) as tenant:
        own = await tenant.send("GET", "/v2/logout?returnTo=https://acme.example/bye")
        foreign = await tenant.send("GET", "/v2/logout?returnTo=http://127.0.0.4:9")
        elsewhere = await tenant.send(
            "GET", f"/v2/logout?client_id={CLIENT}&returnTo=https://acme.example/bye"
        )
    assert (own.status, own.headers["Location"]) == (302, "https://acme.example/bye")
    assert (foreign.status, elsewhere.status) == (400, 400)
