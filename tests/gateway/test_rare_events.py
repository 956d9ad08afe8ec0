"""What a running gateway hardly ever has to say, each with a cause from outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.common.rsa_pairs import rs_token
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.password.form import REQUEST, type_new
from tests.gateway.password_service import CHANGED, TOKEN, PasswordService, serving_passwords
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.mail_server import Mailbox, serving_mail
from tests.support.ports import free_port
from tests.support.secret_folder import write_private
from tests.support.service_process import ServiceProcess
from tests.support.tcp_proxy import TcpProxy
from tests.support.virtual_hosts import VirtualHost
from tests.support.zones import Zone

_STEPUP = {"revision": 1, "attempts": 3, "mails": 5, "retry_after": "1h"}
_STEPS = section()["steps"] | {"password": {"revision": 2, "attempts": 3}, "stepup": _STEPUP}
_CONNECTIONS = 10
_TOO_LATE = "UPDATE gateway.mails SET expires_at = ws_now() - interval '1 hour', due_at = ws_now()"
_DAMAGE = (
    "UPDATE gateway.transactions SET settings = '{}', wake_at = ws_now() - interval '1 hour' WHERE id = $1"
)


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """Acme with every step that mails, and globex, whose keys nobody can have."""
    token = {"alg": "RS256", "audience": "waystation", "jwks_url": f"http://127.0.0.1:{free_port()}/keys"}
    globex = section("globex.eu.auth0.com", session_token=token)
    return write_tenants(tmp_path, {"acme": section(steps=_STEPS), "globex": globex})


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the gateway depends on, each in the hands of the test."""

    service: ServiceProcess
    postgres: TcpProxy
    rabbitmq: TcpProxy
    mailbox: Mailbox
    passwords: PasswordService
    owner: "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def around(
    service: ServiceProcess, database: ServiceDatabase, amqp: VirtualHost, tmp_path: Path
) -> AsyncIterator[Around]:
    write_private(tmp_path / "token", TOKEN)
    async with AsyncExitStack() as exits:
        postgres = await exits.enter_async_context(TcpProxy.to(database.owner))
        rabbitmq = await exits.enter_async_context(TcpProxy.to(amqp.admin))
        mailbox = await exits.enter_async_context(serving_mail())
        passwords = await exits.enter_async_context(serving_passwords())
        owner = await asyncpg.connect(database.owner, server_settings={"search_path": "gateway"})
        exits.push_async_callback(owner.close)
        service.environment |= {
            "DATABASE_URL": postgres.url(database.gateway),
            "AMQP_URL": rabbitmq.url(amqp.gateway),
            "SMTP_URL": f"smtp://127.0.0.1:{mailbox.port}",
            "CONNECTIONS_PER_ADDRESS": str(_CONNECTIONS),
            "MAIL_FROM": "Acme <no-reply@acme.example>",
            "PASSWORD_CALL_URL": passwords.url,
            "PASSWORD_CALL_TOKEN_FILE": str(tmp_path / "token"),
        }
        yield Around(
            service=service,
            postgres=postgres,
            rabbitmq=rabbitmq,
            mailbox=mailbox,
            passwords=passwords,
            owner=owner,
        )
        # Beside the loop, on which the lines run that the service drains through.
        await asyncio.to_thread(service.folder.stop)


def damage(tenants_file: Path) -> None:
    tenants_file.write_text(tenants_file.read_text().replace("deadline: 45m", "deadline: 2h"))


@asynccontextmanager
async def crowd(service: ServiceProcess) -> AsyncIterator[None]:
    """One connection more than an address may have, all open while the block runs."""
    host, _, port = service.environment["LISTEN"].partition(":")
    opening = (asyncio.open_connection(host, int(port)) for _ in range(_CONNECTIONS + 1))
    opened = await asyncio.gather(*opening)
    try:
        yield
    finally:
        for _, writer in opened:
            writer.close()


def arriving(step: str, **claims: Any) -> Any:
    return redirect(FakeClock(datetime.now(UTC)), steps=[step], **claims)


@pytest.mark.logs(
    "jwks.unavailable",
    "request.not_possible_now",
    "limit.reached",
    "mail.not_sent",
    "mail.expired",
    "mail.refused",
    "mail.sent",
    "stepup.code_posted",
    "password.not_now",
    "password.call_refused",
    "password.notice_not_sent",
    "login.not_moved",
    "audit.sealed",
    "tenants.reload_refused",
)
async def test_what_it_depends_on(around: Around, visitor: Browser, tenants_file: Path) -> None:
    """Keys, mail, password call, row and tenants file that fail, a crowd: each is told by its event."""
    service = around.service
    await asyncio.to_thread(service.start)
    damage(tenants_file)

    good = arriving("idproof:1", tenant="globex")
    signed = rs_token("now", iss="globex.eu.auth0.com", jti=good.jti)
    assert (await visitor.get(replace(good, session_token=signed).path)).status == 503
    await service.says("jwks.unavailable")
    assert (await service.says("request.not_possible_now"))["error_type"] == "KeySetUnavailableError"

    around.mailbox.refuse = ["450 later"] * 20
    late = await visitor.begin(arriving("stepup:1"))
    assert (await service.says("mail.not_sent"))["transaction_id"] == late
    await around.owner.execute(_TOO_LATE)
    assert (await service.says("mail.expired"))["transaction_id"] == late
    around.mailbox.refuse = ["550 no such mailbox"]
    refused = await visitor.begin(arriving("stepup:1"))
    assert (await service.says("mail.refused"))["transaction_id"] == refused

    await visitor.begin(arriving("stepup:1"))
    await service.says("mail.sent")
    await service.says("stepup.code_posted")

    away = {"code": "unreachable", "retry_after": 7}
    around.passwords.answers = [(503, away), (404, {"error": "tenant_unknown"}), (200, CHANGED)]
    profile = {"email": "nobody", "connection": {"name": "Users", "strategy": "auth0"}}
    changing = await visitor.begin(arriving("password:2", profile=profile, authorize=REQUEST))
    for _ in range(2):
        assert (await type_new(visitor, changing)).status == 503
    assert (await service.says("password.not_now"))["retry_after"] == 7
    assert (await service.says("password.call_refused"))["transaction_id"] == changing
    assert (await type_new(visitor, changing)).status == 303
    assert (await service.says("password.notice_not_sent"))["transaction_id"] == changing

    damaged = await visitor.begin(arriving("idproof:1"))
    await around.owner.execute(_DAMAGE, damaged)
    assert (await service.says("login.not_moved"))["transaction_id"] == damaged
    async with crowd(service):
        assert (await service.says("limit.reached"))["limit"] == "connections"
    await service.says("audit.sealed")
    assert "transaction.deadline" in (await service.says("tenants.reload_refused"))["mistakes"][0]


@pytest.mark.logs(
    "broker.unavailable",
    "message.not_confirmed",
    "message.expired",
    "library.message",
    "broker.available",
    "database.unavailable",
)
async def test_servers_that_go_away(around: Around, visitor: Browser) -> None:
    """A broker that is lost and found, a message that is too late then, a lost database: each is told."""
    service = around.service
    await asyncio.to_thread(service.start)
    login = await visitor.begin(arriving("idproof:1"))
    await around.rabbitmq.refuse()
    await visitor.press(login, "idproof/submit", mrz=Zone().text())
    await service.says("broker.unavailable")
    await service.says("message.not_confirmed")
    await service.says("library.message")  # an attempt to connect again has failed
    await around.owner.execute("UPDATE gateway.outbox SET expires_at = ws_now() - interval '1 hour'")
    around.rabbitmq.accept()
    assert (await service.says("message.expired"))["messaging_rabbitmq_destination_routing_key"] == (
        "verify-identity.v1"
    )
    await service.says("broker.available")
    await around.postgres.refuse()
    await service.says("database.unavailable")
    around.postgres.accept()
