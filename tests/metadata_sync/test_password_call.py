"""The internal password call, asked as the gateway asks it: real process, emulated tenant."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.errors import PasswordCallError, PasswordUnavailableError, PasswordUnknownError
from gateway.password_call import PasswordAnswer, PasswordCalls, open_password_calls
from gateway.settings import PasswordCallSettings
from tests.journeys.canaries import seen
from tests.metadata_sync.process import scrape
from tests.metadata_sync.rows import every_row
from tests.metadata_sync.tenant import Tenant
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.service_process import ServiceProcess
from tests.tenant.tls import server_context

TOKEN = "token-of-the-gateway-" + "t" * 32
CANARY = "Quetzal-7-Canary!"


@pytest.fixture
def listening(service: ServiceProcess, tmp_path: Path) -> ServiceProcess:
    """A running process that answers the call, on loopback without TLS."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    service.environment |= {
        "INTERNAL_LISTEN": f"127.0.0.1:{free_port()}",
        "INTERNAL_TOKEN_FILES": str(tmp_path / "token"),
    }
    service.start()
    return service


@pytest.fixture
async def calls(listening: ServiceProcess) -> AsyncIterator[PasswordCalls]:
    url = f"http://{listening.environment['INTERNAL_LISTEN']}"
    async with open_password_calls(PasswordCallSettings(url=url, token=TOKEN)) as opened:
        yield opened


def demand(tenant: Tenant, password: str = CANARY, **changes: str) -> dict[str, str]:
    fields = {
        "tenant": "acme",
        "transaction_id": "tx-1",
        "user_id": tenant.user_id,
        "connection": "Username-Password-Authentication",
        "password": password,
    }
    return fields | changes


@pytest.mark.logs("password.changed", "password.refused")
async def test_a_password_is_changed_and_seen_nowhere(
    calls: PasswordCalls, listening: ServiceProcess, tenant: Tenant, database: ServiceDatabase
) -> None:
    """One PATCH with the password and its connection; no log line and no row has it in any form."""
    assert await calls.change(**demand(tenant)) == PasswordAnswer(is_changed=True, code="changed")
    assert await calls.change(**demand(tenant, "short")) == PasswordAnswer(
        is_changed=False, code="password_strength"
    )
    sent = [json.loads(call["body"]) for call in await tenant.calls("PATCH")]
    assert sent == [
        {"password": password, "connection": "Username-Password-Authentication"}
        for password in (CANARY, "short")
    ]
    assert "last_password_reset" in await tenant.user()
    lines = listening.lines()
    assert [line["event"] for line in lines if line["event"].startswith("password.")] == [
        "password.changed",
        "password.refused",
    ]
    assert seen({"password": CANARY}, [json.dumps(lines), *await every_row(database)]) == []
    sample = scrape(listening)
    for result in ("ok", "password_strength"):
        assert sample("calls_total", tenant="acme", kind="password", result=result) == 1


async def test_a_refusal_says_why_in_words(listening: ServiceProcess, tenant: Tenant) -> None:
    """Whoever calls without pages of their own has a sentence that is fit for people."""
    url = f"http://{listening.environment['INTERNAL_LISTEN']}/internal/v1/password"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=demand(tenant, "short")) as answer,
    ):
        assert await answer.json() == {
            "outcome": "refused",
            "code": "password_strength",
            "message": "This password is too easy to guess. Use a longer one, with mixed characters.",
        }


@pytest.mark.logs("password.ticket_made", "password.unavailable")
async def test_a_ticket_leads_to_the_tenants_own_page(
    calls: PasswordCalls, listening: ServiceProcess, tenant: Tenant
) -> None:
    """With it that user sets a password there and comes back to the gateway; no log line has it."""
    asked = {"tenant": "acme", "transaction_id": "tx-1", "user_id": tenant.user_id}
    url = await calls.ticket(**asked, result_url="https://steps.acme.example/t/1")
    assert url.startswith(f"{tenant.base}/u/reset-verify?ticket=")
    typed = {"password-reset": CANARY, "re-enter-password": CANARY}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url.removesuffix("#"), data=typed, allow_redirects=False) as done,
    ):
        assert done.headers["Location"].startswith("https://steps.acme.example/t/1?success=true&")
    assert "last_password_reset" in await tenant.user()
    lines = listening.lines()
    assert "password.ticket_made" in [line["event"] for line in lines]
    assert url.partition("ticket=")[2].removesuffix("#") not in json.dumps(lines)
    with pytest.raises(PasswordUnavailableError):
        await calls.ticket(**asked | {"user_id": "auth0|nobody"}, result_url="https://steps.acme.example/t/1")


async def test_the_call_waits_for_no_backlog_and_takes_from_the_same_budget(
    calls: PasswordCalls, tenant: Tenant
) -> None:
    """While the tenant pauses us the answer is 503 at once, with the seconds to wait; nothing is sent."""
    await tenant.fault(status=429, headers={"Retry-After": "30"})
    with pytest.raises(PasswordUnavailableError) as limited:
        await calls.change(**demand(tenant))
    assert limited.value.retry_after == 30
    with pytest.raises(PasswordUnavailableError) as paused:
        await calls.change(**demand(tenant))
    assert 20 <= paused.value.retry_after <= 30
    assert len(await tenant.calls("PATCH")) == 1


async def test_a_lost_answer_is_told_apart(calls: PasswordCalls, tenant: Tenant) -> None:
    """Where the tenant's answer is lost nobody knows: the person is to try the new password."""
    await tenant.fault(reset="after-commit")
    with pytest.raises(PasswordUnknownError):
        await calls.change(**demand(tenant))
    assert len(await tenant.calls("PATCH")) == 1


WRONG_CALLS: list[tuple[dict[str, Any], int, str | None]] = [
    ({"body": {"tenant": "globex"}}, 404, "tenant_unknown"),
    ({"body": {"password": ""}}, 400, "malformed"),
    ({"body": {"password": 7}}, 400, "malformed"),
    ({"body": {"user_id": ".."}}, 400, "malformed"),
    ({"body": {"more": "x"}}, 400, "malformed"),
    ({"raw": b'{"password": "' + CANARY.encode()}, 400, "malformed"),
    ({"raw": b"\xff\xfe"}, 400, "malformed"),
    ({"headers": {"Content-Type": "text/plain"}}, 415, "not_json"),
    ({"headers": {"Authorization": "Bearer another-token"}}, 401, "unauthorized"),
    ({"headers": {"Authorization": f"Basic {TOKEN}"}}, 401, "unauthorized"),
    ({"headers": {"Authorization": ""}}, 401, "unauthorized"),
    ({"body": {"password": "p" * 9000}}, 413, None),
]


async def test_wrong_calls(listening: ServiceProcess, tenant: Tenant) -> None:
    """Each mistake is a clear 4xx that repeats nothing of the call, and the tenant is not asked."""
    url = f"http://{listening.environment['INTERNAL_LISTEN']}/internal/v1/password"
    right = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession() as session:
        for changes, status, error in WRONG_CALLS:
            body = json.dumps(demand(tenant) | changes.get("body", {})).encode()
            headers = right | changes.get("headers", {})
            async with session.post(url, data=changes.get("raw", body), headers=headers) as response:
                text = await response.text()
            assert (response.status, CANARY in text) == (status, False), changes
            assert error is None or json.loads(text) == {"error": error}
    assert await tenant.calls("PATCH") == []


async def test_a_gateway_with_another_token_is_told_that_it_is_misconfigured(
    listening: ServiceProcess, tenant: Tenant
) -> None:
    """Trying again does not help, and the error has no more than the status."""
    url = f"http://{listening.environment['INTERNAL_LISTEN']}"
    async with open_password_calls(PasswordCallSettings(url=url, token="another")) as calls:
        with pytest.raises(PasswordCallError, match=r"^status 401$"):
            await calls.change(**demand(tenant))


async def test_over_tls(service: ServiceProcess, tenant: Tenant, tmp_path: Path) -> None:
    """With a certificate the call is https, and a gateway that does not trust it sends no password."""
    (tmp_path / "token").write_text(TOKEN)
    server_context(tmp_path / "tls", hosts=("127.0.0.1",))
    port = free_port()
    service.environment |= {
        "INTERNAL_LISTEN": f"127.0.0.1:{port}",
        "INTERNAL_TOKEN_FILES": str(tmp_path / "token"),
        "INTERNAL_TLS_CERT_FILE": str(tmp_path / "tls" / "server.pem"),
        "INTERNAL_TLS_KEY_FILE": str(tmp_path / "tls" / "server.pem"),
    }
    service.start()
    trusting = PasswordCallSettings(
        url=f"https://127.0.0.1:{port}", token=TOKEN, ca_file=tmp_path / "tls" / "ca.pem"
    )
    async with open_password_calls(trusting) as calls:
        assert (await calls.change(**demand(tenant))).is_changed
    async with open_password_calls(
        PasswordCallSettings(url=f"https://127.0.0.1:{port}", token=TOKEN)
    ) as calls:
        with pytest.raises(PasswordUnavailableError):
            await calls.change(**demand(tenant))


async def test_a_service_that_is_not_there() -> None:
    """Nothing was sent: the person may try again."""
    settings = PasswordCallSettings(url=f"http://127.0.0.1:{free_port()}", token=TOKEN)
    async with open_password_calls(settings) as calls:
        with pytest.raises(PasswordUnavailableError):
            await calls.change(
                tenant="acme", transaction_id="tx", user_id="auth0|1", connection="db", password=CANARY
            )


async def _in_two_pieces(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"outcome": "changed", "code": "chan')
    for _ in range(100):  # whoever reads has had a turn before there is more
        await asyncio.sleep(0)
    await response.write(b'ged", "message": "Password changed."}')
    await response.write_eof()
    return response


async def test_an_answer_in_pieces() -> None:
    """An answer is read whole, in however many pieces it comes."""
    app, port = web.Application(), free_port()
    app.router.add_post("/internal/v1/password", _in_two_pieces)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settings = PasswordCallSettings(url=f"http://127.0.0.1:{port}", token=TOKEN)
    try:
        async with open_password_calls(settings) as calls:
            assert await calls.change(
                tenant="acme", transaction_id="tx", user_id="auth0|1", connection="db", password=CANARY
            ) == PasswordAnswer(is_changed=True, code="changed")
    finally:
        await runner.cleanup()
