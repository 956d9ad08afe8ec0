"""The whole process on real servers: what comes in by its queue and what goes out."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from common.messages import Outcome, encode
from tests.proofing.commands import command
from tests.proofing.process import next_event, send
from tests.support.databases import ServiceDatabase
from tests.support.queues import take
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import block_until, wait_until
from tests.support.zones import Zone


async def test_a_command_becomes_an_event(service: ServiceProcess, amqp: VirtualHost) -> None:
    """What the gateway asks by its queue is answered in the gateway's queue."""
    service.start()
    await send(amqp, encode(command(now=datetime.now(UTC))))
    event = await next_event(amqp)
    assert (event.verification_id, event.outcome, event.level) == (
        "ver-1",
        Outcome.APPROVED,
        "document_validated",
    )


@pytest.mark.logs("verification.concluded")
async def test_its_log_tells_the_story_without_the_person(service: ServiceProcess, amqp: VirtualHost) -> None:
    """One verification writes exactly these lines, of the catalogue, and none names the person."""
    process = service.start()
    await send(amqp, encode(command(now=datetime.now(UTC))))
    await next_event(amqp)
    process.stop()
    assert process.exit_code == 0
    lines = service.lines()
    assert [line["event"] for line in lines] == [
        "service.started",
        "verification.concluded",
        "service.stopped",
    ]
    assert lines[1] | {"timestamp": "", "trace_id": "", "span_id": ""} == {
        "timestamp": "",
        "severity": "INFO",
        "event": "verification.concluded",
        "service_name": "proofing",
        "service_version": "0.1.0",
        "deployment_environment_name": "production",
        "tenant": "acme",
        "transaction_id": "tx-1",
        "trace_id": "",
        "span_id": "",
        "verification_id": "ver-1",
        "provider": "document",
        "outcome": "approved",
        "assurance": "document_validated",
        "reasons": [],
    }
    output = process.output.read_text().casefold()
    for secret in ("eriksson", "anna", "1974", "740812", "l898902c3", Zone().lines()[1].casefold()):
        assert secret not in output


@pytest.mark.logs("verification.unusable", "message.parked")
async def test_what_cannot_be_opened_is_parked_with_its_reason(
    service: ServiceProcess, amqp: VirtualHost
) -> None:
    """A command sealed for somebody else ends in the dead-letter queue, and its login is told."""
    process = service.start()
    await send(amqp, encode(command(now=datetime.now(UTC), seal_key=b"x" * 32)))
    assert (await next_event(amqp)).outcome is Outcome.ERROR
    parked = await take(amqp.admin, "proofing.dead")
    assert parked.headers["x-reason"] == "sealed_input_unreadable"
    process.stop()
    assert [(line["event"], line.get("reason"), line.get("reasons")) for line in service.lines()] == [
        ("service.started", None, None),
        ("verification.unusable", "sealed_input_unreadable", None),
        ("verification.concluded", None, ["sealed_input_unreadable"]),
        ("message.parked", "sealed_input_unreadable", None),
        ("service.stopped", None, None),
    ]


@pytest.mark.logs("verification.repeated")
async def test_a_second_delivery_leaves_a_line(service: ServiceProcess, amqp: VirtualHost) -> None:
    """A command that comes twice is answered once, and the log says so."""
    process = service.start()
    body = encode(command(now=datetime.now(UTC)))
    await send(amqp, body)
    await next_event(amqp)
    await send(amqp, body)
    await wait_until(lambda: len(service.lines()) == 3, what="the line about the second delivery")
    process.stop()
    repeated = service.lines()[2]
    assert (repeated["event"], repeated["verification_id"]) == ("verification.repeated", "ver-1")
    assert all("dropped_fields" not in line for line in service.lines())


async def test_garbage_does_not_stop_it(service: ServiceProcess, amqp: VirtualHost) -> None:
    """A body that is no message is parked, and the next command is answered."""
    service.start()
    await send(amqp, b"\x00garbage", encode(command(now=datetime.now(UTC))))
    assert (await next_event(amqp)).outcome is Outcome.APPROVED
    assert (await take(amqp.admin, "proofing.dead")).headers["x-reason"] == "malformed"


async def test_killed_in_the_middle_every_verification_is_concluded_once(
    service: ServiceProcess, amqp: VirtualHost, database: ServiceDatabase
) -> None:
    """After a crash the rest is done, nothing twice: one row and at least one equal event for each."""
    names = {f"ver-{number}" for number in range(40)}
    sent = [command(now=datetime.now(UTC), verification_id=name) for name in sorted(names)]
    process = service.start()
    await send(amqp, *map(encode, sent))
    await next_event(amqp)
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    service.start()
    connection = await asyncpg.connect(database.owner)
    try:
        await wait_until(lambda: _all_settled(connection, len(names)), 30.0, what="the rest")
        rows = await connection.fetch("SELECT verification_id, status FROM proofing.verifications")
        evidence = await connection.fetchval("SELECT count(*) FROM proofing.evidence")
    finally:
        await connection.close()
    assert {(row["verification_id"], row["status"]) for row in rows} == {(name, "approved") for name in names}
    assert (len(rows), evidence) == (40, 40)


async def _all_settled(connection: "asyncpg.Connection[asyncpg.Record]", expected: int) -> bool:
    return bool(
        await connection.fetchval(
            """
            SELECT (SELECT count(*) FROM proofing.verifications) = $1
               AND NOT EXISTS (SELECT FROM proofing.outbox)
            """,
            expected,
        )
    )


def refused(service: ServiceProcess) -> tuple[str, ...]:
    """What a process that must not start said before it ended with exit status 2."""
    process = service.launch()
    block_until(lambda: not process.running(), 20.0, what="the end of a misconfigured service")
    assert process.exit_code == 2
    return process.last_lines()


def test_wrong_settings_are_listed(service: ServiceProcess) -> None:
    """Every mistake is on a line of its own, and no value among them."""
    service.environment |= {"DATABASE_URL": "mysql://hidden", "ADMIN_LISTEN": "nowhere", "SEAL_KEY_FILES": ""}
    assert refused(service) == (
        "ADMIN_LISTEN: must be HOST:PORT; for example 127.0.0.1:9090",
        (
            "DATABASE_URL: must be a URL that begins with postgresql:// or postgres://; "
            "for example postgresql://waystation_proofing:PASSWORD@db.internal:5432/waystation"
        ),
        "SEAL_KEY_FILES: is required; for example /run/secrets/seal.key,/run/secrets/seal-before.key",
    )


def test_a_wrong_tenants_file_is_refused(service: ServiceProcess, tenants_file: Path) -> None:
    """The service does not start on a tenants file with a mistake, and says where it is."""
    tenants_file.write_text("version: 2\ntenants: {}\n")
    mistakes = refused(service)
    assert mistakes[0].startswith(f"{tenants_file}:1: version: ")
