"""The whole process on real servers: browsers on one side, the broker on the other."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.messages import (
    EVENTS,
    Message,
    MetadataApplied,
    Outcome,
    UpdateMetadata,
    VerificationChanged,
    VerifyIdentity,
    decode,
    encode,
    envelope_of,
    exchange_of,
    routing_key_of,
)
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.support.clock import FakeClock
from tests.support.queues import publish, take
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until
from tests.support.zones import Zone


async def tell(url: str, event: Message) -> None:
    """Publish an event as its service does."""
    assert exchange_of(event) == EVENTS
    await publish(url, encode(event), exchange=EVENTS, routing_key=routing_key_of(event))


async def answer_verification(amqp: VirtualHost) -> None:
    """Approve what the gateway asks of proofing."""
    asked = decode((await take(amqp.proofing, "proofing")).body)
    assert isinstance(asked, VerifyIdentity)
    verdict = VerificationChanged(
        **envelope_of(asked, occurred_at=datetime.now(UTC)),
        verification_id=asked.verification_id,
        revision=1,
        outcome=Outcome.APPROVED,
        level="document_validated",
        reason=None,
        reference=asked.verification_id,
    )
    await tell(amqp.proofing, verdict)


async def answer_update(amqp: VirtualHost) -> None:
    """Confirm what the gateway asks of metadata-sync."""
    asked = decode((await take(amqp.metadata_sync, "metadata-sync")).body)
    assert isinstance(asked, UpdateMetadata)
    applied = MetadataApplied(
        **envelope_of(asked, occurred_at=datetime.now(UTC)),
        user_id=asked.user_id,
        keys={key: desired.rev for key, desired in asked.keys.items()},
    )
    await tell(amqp.metadata_sync, applied)


@pytest.mark.logs(
    "service.started",
    "login.opened",
    "login.claimed",
    "step.submitted",
    "request.served",
    "verification.noted",
    "step.concluded",
    "metadata.applied",
    "login.handed_back",
    "service.stopped",
)
async def test_a_whole_login(service: ServiceProcess, visitor: Browser, amqp: VirtualHost) -> None:
    """A login from arrival to answer writes exactly these lines, of the catalogue, and stops cleanly."""
    process = service.start()
    login = await visitor.begin(redirect(FakeClock(datetime.now(UTC))))
    await visitor.press(login, "idproof/submit", mrz=Zone().text())
    async with visitor.stream(login) as stream:
        await answer_verification(amqp)
        await answer_update(amqp)
        assert await stream.read() == b"event: changed\ndata:\n\n"
    assert (await visitor.look(login)).title == "That worked"
    assert (await visitor.press(login, "continue")).value("session_token")
    process.stop()
    assert process.exit_code == 0
    # A batch of the audit trail is sealed whenever its time comes.
    others = {"request.served", "audit.sealed"}
    assert [line["event"] for line in service.lines() if line["event"] not in others] == [
        "service.started",
        "login.opened",
        "login.claimed",
        "step.submitted",
        "verification.noted",
        "step.concluded",
        "metadata.applied",
        "login.handed_back",
        "service.stopped",
    ]
    lines = [line for line in service.lines() if line["event"] != "audit.sealed"]
    assert {line.get("transaction_id") for line in lines[1:-1]} == {login}


async def test_a_stop_while_somebody_waits(service: ServiceProcess, visitor: Browser) -> None:
    """At SIGTERM a browser that listens is sent to ask again, and the process ends within seconds."""
    process = service.start()
    login = await visitor.begin(redirect(FakeClock(datetime.now(UTC))))
    await visitor.press(login, "idproof/submit", mrz=Zone().text())
    async with visitor.stream(login) as stream:
        stopping = asyncio.get_running_loop().run_in_executor(None, process.stop)
        assert await stream.read() == b"event: changed\ndata:\n\n"
        async with asyncio.timeout(10):
            await stopping
    assert process.exit_code == 0
    assert service.lines()[-1]["event"] == "service.stopped"


async def test_another_process_goes_on(service: ServiceProcess, visitor: Browser, amqp: VirtualHost) -> None:
    """What one process began another one ends: nothing that matters is in memory."""
    first = service.start()
    login = await visitor.begin(redirect(FakeClock(datetime.now(UTC))))
    await visitor.press(login, "idproof/submit", mrz=Zone().text())
    first.stop()
    await answer_verification(amqp)
    service.start()
    await answer_update(amqp)

    async def ready() -> bool:
        return (await visitor.look(login)).title == "That worked"

    assert await wait_until(ready, what="the login to be ready")
    assert (await visitor.press(login, "continue")).status == 200


def test_wrong_settings(service: ServiceProcess) -> None:
    """Settings that are wrong are all named, one a line, and the exit status is 2."""
    process = service.launch(PUBLIC_BASE_URL="ftp://x", DATABASE_URL="", ENVIRONMENT="prod")
    assert process.wait(20.0) == 2
    assert [line.partition(":")[0] for line in service.output().splitlines()] == [
        "ENVIRONMENT",
        "DATABASE_URL",
        "PUBLIC_BASE_URL",
        "TRUSTED_PROXIES",
        "OUTGOING_ADDRESSES",
    ]


def test_a_wrong_tenants_file(service: ServiceProcess, tenants_file: Path) -> None:
    """Mistakes in the tenants file are listed with line and key, and the exit status is 2."""
    text = tenants_file.read_text()
    tenants_file.write_text(
        text.replace("revision: 1", "revision: 0").replace("deadline: 45m", "deadline: 2h")
    )
    process = service.launch()
    assert process.wait(20.0) == 2
    mistakes = [line.removeprefix(f"{tenants_file}:") for line in service.output().splitlines()]
    keys = [mistake.split(": ")[1] for mistake in mistakes]
    assert keys == [
        f"tenants.{tenant}.{key}"
        for tenant in ("acme", "globex")
        for key in ("transaction.deadline", "steps.idproof.revision")
    ]
