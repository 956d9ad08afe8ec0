"""The device flow, RFC 8628: a device polls while somebody logs in elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.tests.support import (
    CLIENT,
    REDIRECTING,
    USER,
    Answer,
    Tenant,
    answer_token,
    browser,
    claims_of,
    run_tenant,
)

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TELEVISION = "TelTelTelTelTelTelTelTelTelTel12"
_CLIENTS = [
    {"client_id": _TELEVISION, "client_secret": None, "name": "TV", "grant_types": [_GRANT, "refresh_token"]},
    {"client_id": CLIENT, "client_secret": "web-secret", "name": "Web"},
]
_DENYING = (
    "exports.onExecutePostLogin = async (event, api) => { api.access.deny(event.transaction.protocol); };"
)


@dataclass
class Television:
    """A device without a browser, and the tenant's browser beside it."""

    tenant: Tenant
    codes: dict[str, Any]

    async def poll(self, *, after: float = 6, **changes: str) -> Answer:
        """Ask for tokens when so many seconds have passed."""
        await self.tenant.control("POST", "/clock", {"advance": after})
        values = {"grant_type": _GRANT, "client_id": _TELEVISION, "device_code": self.codes["device_code"]}
        return await self.tenant.token(**{**values, **changes})

    async def confirm(self, *, user_code: str | None = None, action: str = "default") -> Answer:
        """Type the code into the tenant's page."""
        form = {"user_code": user_code or self.codes["user_code"], "action": action}
        return await self.tenant.send("POST", "/activate", data=form)

    async def log_in(self) -> Answer:
        """Confirm and log in, up to what follows /authorize/resume."""
        page = await self.confirm()
        submitted = await self.tenant.submit_password(page.query["state"])
        return await self.tenant.send("GET", str(submitted.location))


@asynccontextmanager
async def television(folder: Path, **changes: Any) -> AsyncIterator[Television]:
    """A tenant and a device that has asked for its codes."""
    settings = {"device_interval": 5, "device_code_lifetime": 900, **changes.pop("settings", {})}
    async with run_tenant(folder, clients=_CLIENTS, settings=settings, **changes) as tenant:
        values = {"client_id": _TELEVISION, "scope": "openid profile offline_access"}
        answer = await tenant.send("POST", "/oauth/device/code", data=values)
        yield Television(tenant, answer.json)


async def test_whole_flow(tmp_path: Path) -> None:
    """The device gets its tokens once somebody has logged in for it, and only once."""
    async with television(tmp_path) as device:
        early = await device.poll()
        done = await device.log_in()
        tokens = await device.poll()
        again = await device.poll()
        grant = {"grant_type": "refresh_token", "client_id": _TELEVISION}
        fresh = await device.tenant.token(**grant, refresh_token=tokens.json["refresh_token"])
    assert (early.status, early.json["error"]) == (403, "authorization_pending")
    assert early.json["error_description"] == "User has yet to authorize device code."
    assert (done.status, "Your device is now connected." in done.text) == (200, True)
    assert claims_of(tokens.json["id_token"])["sub"] == USER
    assert (again.status, again.json["error"]) == (403, "invalid_grant")
    assert fresh.status == 200


async def test_codes(tmp_path: Path) -> None:
    """The device is told where to send the person, for how long, and how often to ask."""
    async with television(tmp_path) as device:
        codes = device.codes
        page = await device.tenant.send("GET", codes["verification_uri_complete"])
        discovered = (await device.tenant.send("GET", "/.well-known/openid-configuration")).json
    assert codes["verification_uri"] == f"{device.tenant.base}/activate"
    assert (codes["expires_in"], codes["interval"]) == (900, 5)
    assert (codes["user_code"][4], len(codes["user_code"])) == ("-", 9)
    assert f'value="{codes["user_code"]}"' in page.text
    assert discovered["device_authorization_endpoint"] == f"{device.tenant.base}/oauth/device/code"


async def test_impatient_device(tmp_path: Path) -> None:
    """A device that asks before its interval is over is told to slow down."""
    async with television(tmp_path) as device:
        await device.poll(after=0)
        hasty = await device.poll(after=1)
        patient = await device.poll(after=5)
    assert (hasty.status, hasty.json["error"]) == (429, "slow_down")
    assert hasty.json["error_description"] == (
        "You are polling faster than the specified interval of 5 seconds."
    )
    assert patient.json["error"] == "authorization_pending"


async def test_interval_variant(tmp_path: Path) -> None:
    """Another interval is told and kept."""
    async with television(tmp_path, settings={"device_interval": 1}) as device:
        await device.poll(after=0)
        answer = await device.poll(after=1)
    assert (device.codes["interval"], answer.json["error"]) == (1, "authorization_pending")


async def test_cancelled(tmp_path: Path) -> None:
    """The person says no: the device stops."""
    async with television(tmp_path) as device:
        page = await device.confirm(action="cancel")
        answer = await device.poll()
    assert page.status == 200
    assert (answer.status, answer.json["error"]) == (403, "access_denied")
    assert answer.json["error_description"] == "User cancelled the confirmation prompt."


@pytest.mark.parametrize("lifetime", [900, 60])
async def test_too_late(tmp_path: Path, lifetime: int) -> None:
    """Codes have their time, for the person as for the device."""
    async with television(tmp_path, settings={"device_code_lifetime": lifetime}) as device:
        answer = await device.poll(after=lifetime + 1)
        page = await device.confirm()
    assert device.codes["expires_in"] == lifetime
    assert (answer.status, answer.json["error"], page.status) == (403, "expired_token", 400)


@pytest.mark.parametrize("typed", ["lower", "bare"])
async def test_typed_by_hand(tmp_path: Path, typed: str) -> None:
    """Letter case and the dash do not count."""
    async with television(tmp_path) as device:
        code = device.codes["user_code"]
        page = await device.confirm(user_code=code.lower() if typed == "lower" else code.replace("-", ""))
    assert page.location.path == "/u/login"


async def test_wrong_codes(tmp_path: Path) -> None:
    """An invented code is no code on either side, and a code leads to one login only."""
    async with television(tmp_path) as device:
        invented = await device.confirm(user_code="BBBB-BBBB")
        unknown = await device.poll(device_code="x")
        foreign = await device.poll(client_id=CLIENT, client_secret="web-secret")
        await device.confirm()
        second = await device.confirm()
    assert (invented.status, second.status) == (400, 400)
    assert "Invalid or expired code" in invented.text
    assert (unknown.json["error"], foreign.json["error"]) == ("invalid_grant", "unauthorized_client")


async def test_grant_is_off(tmp_path: Path) -> None:
    """An application without the grant gets no codes."""
    async with television(tmp_path) as device:
        client = {"client_id": CLIENT, "client_secret": "web-secret"}
        answer = await device.tenant.send("POST", "/oauth/device/code", data=client)
    assert (answer.status, answer.json["error"]) == (403, "unauthorized_client")
    assert answer.json["error_description"] == f"Grant type '{_GRANT}' not allowed for the client."


async def test_denied_by_an_action(tmp_path: Path) -> None:
    """An Action sees the protocol, and its denial reaches the device."""
    async with television(tmp_path, actions={"deny": _DENYING}) as device:
        page = await device.log_in()
        answer = await device.poll()
    assert "Your device is not connected" in page.text
    assert answer.json == {"error": "access_denied", "error_description": "oauth2-device-code"}


async def test_redirect_is_followed(tmp_path: Path) -> None:
    """An Action's redirect is followed in the browser, and the device has its tokens after /continue."""
    settings = {"device_redirect": "followed"}
    async with television(tmp_path, actions={"way": REDIRECTING}, settings=settings) as device:
        away = await device.log_in()
        waiting = await device.poll()
        state = away.query["state"]
        page = await device.tenant.continue_(state, answer_token(state))
        tokens = await device.poll()
    assert waiting.json["error"] == "authorization_pending"
    assert "Your device is now connected." in page.text
    assert claims_of(tokens.json["id_token"])["https://example.org/answer"] == "fine"


async def test_redirect_is_refused(tmp_path: Path) -> None:
    """The other variant: a redirect is an error that the device hears."""
    settings = {"device_redirect": "interaction_required"}
    async with television(tmp_path, actions={"way": REDIRECTING}, settings=settings) as device:
        page = await device.log_in()
        answer = await device.poll()
    assert "Your device is not connected" in page.text
    assert answer.json["error"] == "interaction_required"


async def test_session_is_reused(tmp_path: Path) -> None:
    """Somebody who is logged in only confirms; another browser still asks for the password."""
    async with television(tmp_path) as device, browser(device.tenant.base) as other:
        await device.log_in()
        values = {"client_id": _TELEVISION, "scope": "openid"}
        codes = (await device.tenant.send("POST", "/oauth/device/code", data=values)).json
        form = {"user_code": codes["user_code"], "action": "default"}
        known = await device.tenant.send("POST", "/activate", data=form)
        codes = (await device.tenant.send("POST", "/oauth/device/code", data=values)).json
        form["user_code"] = codes["user_code"]
        async with other.post(f"{device.tenant.base}/activate", data=form, allow_redirects=False) as answer:
            stranger = answer.headers["Location"]
    assert "Your device is now connected." in known.text
    assert "/u/login?" in stranger
