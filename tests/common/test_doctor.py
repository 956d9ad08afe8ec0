"""What `waystation doctor` makes of servers on which something is wrong."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest
from aiohttp import web

from common.doctor import Finding, Patient, examine, ok
from common.doctor_broker import look_at_broker, look_at_management
from common.doctor_cli import admit
from common.doctor_database import judge_clock, look_at_database
from common.doctor_process import judge_readiness, look_at_process
from common.environments import Environment
from common.health import Health, serve_health
from common.outgoing import Outgoing
from common.settings import Address
from proofing.doctor import EXAMINATION
from tests.support.broker_definitions import DEPLOYED
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.queues import channel_of
from tests.support.virtual_hosts import VirtualHost

BINDINGS = {
    "gateway": frozenset({("waystation.events", "#"), ("waystation.dead", "gateway.again")}),
    "gateway.dead": frozenset({("waystation.dead", "gateway")}),
}
EXCHANGES = ("waystation.commands", "waystation.dead")


def patient(*, database_url: str = "", amqp_url: str = "", management_url: str = "") -> Patient:
    return Patient(
        schema="gateway",
        production=True,
        settings=None,
        tenants=None,
        outgoing=Outgoing(),
        database_url=database_url,
        amqp_url=amqp_url,
        management_url=management_url,
    )


def told(findings: Sequence[Finding]) -> dict[str, tuple[str, str]]:
    return {finding.about: (finding.status.value, finding.text) for finding in findings}


async def test_all_checks_run() -> None:
    """One that breaks and one that takes too long are findings, and keep no other from telling."""

    async def good() -> Sequence[Finding]:
        return [ok("good", "well")]

    async def broken() -> Sequence[Finding]:
        raise ZeroDivisionError

    async def slow() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    found = await examine({"slow": slow, "broken": broken, "good": good}, seconds=0.1)
    assert told(found) == {
        "slow": ("fail", "took longer than 0.1 s"),
        "broken": ("fail", "could not be looked at (ZeroDivisionError)"),
        "good": ("ok", "well"),
    }


@pytest.mark.parametrize(("seconds", "status"), [(0.5, "ok"), (-3, "warn"), (31, "fail"), (-400, "fail")])
def test_clocks(seconds: float, status: str) -> None:
    """Seconds are told, half a minute keeps tokens from being taken."""
    assert judge_clock("clock", seconds).status == status


def test_a_setting_of_its_own() -> None:
    """What names the management plugin is told like any other setting if it is wrong, and not gone by."""
    for name, value, problem in (
        ("BROKER_MANAGEMENT_URL", "ftp://m:hush@mq", "must be a URL that begins with http:// or https://"),
        ("BROKER_MANAGEMENT_URL_FILE", "/nowhere/hush", "names a file that cannot be read"),
    ):
        found, findings = admit(Environment(schema="proofing", variables={name: value}), EXAMINATION)
        assert found.management_url == ""
        (wrong,) = (one for one in findings if "BROKER" in one.text)
        assert (wrong.about, wrong.text) == ("settings", f"{name} {problem}")
        assert wrong.fix.startswith(f"Correct {name}; for example ")
        assert "hush" not in repr(findings)


async def test_a_database_with_holes(database: ServiceDatabase) -> None:
    """A wall that is down, a right that is gone or too much, and messages that wait are each told."""
    whole = told(await look_at_database(patient(database_url=database.gateway)))
    assert {status for status, _ in whole.values()} == {"ok"}
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute(
            """
            ALTER TABLE gateway.transactions NO FORCE ROW LEVEL SECURITY;
            DROP POLICY own_tenant ON gateway.mails;
            REVOKE UPDATE ON gateway.consents FROM waystation_gateway;
            INSERT INTO gateway.outbox (event_id, exchange, routing_key, body, due_at)
                VALUES ('e', 'x', 'y', '', now() - interval '1 hour')
            """
        )
        holes = told(await look_at_database(patient(database_url=database.gateway)))
        await owner.execute("DELETE FROM gateway.schema_migrations WHERE name LIKE 'gateway/0001%'")
        old = told(await look_at_database(patient(database_url=database.gateway)))
    finally:
        await owner.close()
    assert holes["tenants apart"] == ("fail", "row-level security is not whole on mails, transactions")
    assert holes["database role"] == ("fail", "waystation_gateway may not read and write consents")
    assert holes["outbox"][0] == "warn"
    assert holes["outbox"][1].startswith("1 messages wait to be sent, the oldest since 3600 s")
    assert old == {"schema": ("fail", "migrations are missing (not applied: gateway/0001_transactions.sql)")}


async def test_a_database_that_does_not_let_us_in(database: ServiceDatabase) -> None:
    """Another password, another role, nobody there: each has its own fix; the password is in none."""
    wrong = database.gateway.replace("@", "hush@")
    (refused,) = await look_at_database(patient(database_url=wrong))
    assert refused.text == "does not answer (InvalidPasswordError)"
    other = told(await look_at_database(patient(database_url=database.owner)))
    assert other["database role"] == ("fail", "logs in as another role than waystation_gateway")
    (away,) = await look_at_database(patient(database_url=f"postgresql://a:hush@127.0.0.1:{free_port()}/x"))
    assert away.fix.startswith("Start PostgreSQL")
    assert "hush" not in repr((refused, away))


async def _healthy() -> Health:
    return Health.OK


def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.acme.test ESMTP\r\n")
    writer.close()


async def _leave_it(_message: object) -> None:
    return None


async def test_a_broker_with_holes(amqp: VirtualHost) -> None:
    """A queue that is another's or that nobody consumes, an exchange that is not there: told, and no more."""
    async with channel_of(amqp.admin) as channel:
        queue = await channel.get_queue("gateway", ensure=False)
        tag = await queue.consume(_leave_it)
        whole = told(await look_at_broker(patient(amqp_url=amqp.gateway), EXCHANGES))
        assert {status for status, _ in whole.values()} == {"ok"}
        assert whole["consumers"] == ("ok", "1 of gateway; 0 messages wait in it")
        await queue.cancel(tag)
    found = await look_at_broker(
        patient(amqp_url=amqp.proofing), (*EXCHANGES, "waystation.events", "waystation.nowhere")
    )
    texts = [finding.text for finding in found if finding.status.value == "fail"]
    assert texts == [
        "user proofing may not read gateway",
        "user proofing may not write to waystation.commands",
        "there is no exchange waystation.nowhere",
        "nobody consumes gateway; 0 messages wait in it",
    ]
    assert [await amqp.depth(queue) for queue in ("gateway", "gateway.dead", "proofing")] == [0, 0, 0]
    fixes = {finding.fix for finding in found if finding.about == "permissions"}
    permit = f"rabbitmqctl set_permissions -p {amqp.name} proofing '^$' "
    assert fixes == {permit + r"'^waystation\.(commands|dead)$' '^gateway(\.dead)?$'"}
    for url, text in (
        (f"{amqp.gateway}-not", "refuses this user, password or virtual host"),
        (f"amqp://a:hush@127.0.0.1:{free_port()}/x", "does not answer"),
    ):
        (away,) = await look_at_broker(patient(amqp_url=url), EXCHANGES)
        assert (away.text.startswith(text), "hush" in repr(away)) == (True, False)


async def test_a_service_that_is_not_ready() -> None:
    """It is asked where it listens: what it misses is told, and that it or somebody else is there."""
    listening = Address(host="127.0.0.1", port=free_port())
    there = replace(patient(), admin=listening)
    async with serve_health(listening, service="gateway") as vitals:
        starting = told(await look_at_process(there))
        with vitals.serving({"queue": _healthy}):
            well = told(await look_at_process(there))
    assert starting == {"readiness": ("fail", "gateway is not ready: start failed")}
    assert well == {"readiness": ("ok", "gateway is ready")}
    (gone,) = await look_at_process(there)
    assert (gone.status, gone.text) == (
        "fail",
        f"127.0.0.1:{listening.port} does not answer (ClientConnectorError)",
    )
    elsewhere = replace(there, may_be_elsewhere=True)
    async with await asyncio.start_server(_hang_up, listening.host, listening.port):
        assert told(await look_at_process(elsewhere))["readiness"][0] == "fail"
    for unknown in (elsewhere, replace(there, admin=None)):
        assert told(await look_at_process(unknown))["readiness"][0] == "skipped"


async def test_a_service_where_another_answers() -> None:
    """One service is not taken for another that has the same ADMIN_LISTEN, nor is a stranger for it."""
    port = free_port()
    gateway = replace(patient(), admin=Address(host="0.0.0.0", port=port))  # noqa: S104 - asked on loopback
    proofing = replace(gateway, schema="proofing")
    at_hand = Address(host="127.0.0.1", port=port)

    async def ask(whom: Patient) -> list[tuple[str, str]]:
        places = (whom, replace(whom, may_be_elsewhere=True))
        return [told(await look_at_process(one))["readiness"] for one in places]

    elsewhere = "proofing does not run on this machine, or listens elsewhere"
    async with serve_health(at_hand, service="gateway") as vitals:
        with vitals.serving({"queue": _healthy}):
            assert await ask(gateway) == [("ok", "gateway is ready")] * 2
            answered = "gateway answers there"
            assert await ask(proofing) == [("fail", answered), ("skipped", f"{answered}: {elsewhere}")]
    async with await asyncio.start_server(_greet, at_hand.host, port):
        answered = "somebody else answers there, and not by HTTP"
        assert await ask(proofing) == [("fail", answered), ("skipped", f"{answered}: {elsewhere}")]


_OLD = ("skipped", "who answers there is {}ready, and does not say which service it is")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            200,
            '"gateway", "checks": {"a": "ok", "b": "degraded"}',
            ("warn", "gateway works, but: b degraded"),
        ),
        (503, '"gateway", "checks": {"a": "ok", "b": "failed"}', ("fail", "gateway is not ready: b failed")),
        (200, 'null, "checks": {"a": "ok"}', (_OLD[0], _OLD[1].format(""))),
        (503, 'null, "checks": {"a": "failed"}', (_OLD[0], _OLD[1].format("not "))),
        (200, '"hush", "checks": {"a": "ok"}', ("fail", "somebody else answers there")),
        (200, '"gateway", "checks": "<html>"', ("fail", "somebody else answers there (status 200)")),
        (404, '"gateway", "checks": {"a": "hush"}', ("fail", "somebody else answers there (status 404)")),
    ],
)
def test_what_readiness_says(status: int, body: str, told: tuple[str, str]) -> None:
    """Ready with something to look at, not ready, an earlier release that has no name, and somebody else."""
    for may_be_elsewhere in (False, True):
        asked = replace(
            patient(), admin=Address(host="10.0.0.7", port=9090), may_be_elsewhere=may_be_elsewhere
        )
        found = judge_readiness(asked, f'{{"service": {body}}}'.encode(), status=status)
        assert (found.status, found.text) == told
        assert found.fix


async def test_policies_and_bindings() -> None:
    """The management plugin tells what AMQP does not: as deployed all is well; else what is missing."""
    definitions = json.loads(DEPLOYED.read_text())
    async with serving_definitions(definitions) as origin:
        url = f"http://m:hush@{origin}"
        examinee = patient(amqp_url="amqp://gateway:x@mq/waystation", management_url=url)
        assert told(await look_at_management(examinee, BINDINGS)) == {
            "policies": ("ok", "queues have their type, policies and bindings")
        }
        definitions["policies"].clear()
        definitions["queues"][0]["arguments"]["x-queue-type"] = "classic"
        definitions["bindings"] = definitions["bindings"][5:]
        found = [finding.text for finding in await look_at_management(examinee, BINDINGS)]
        assert found == [
            "gateway is a classic queue, which one lost node loses",
            "gateway has no policy that keeps what it gives up",
            "gateway has no delivery limit of ours",
            "gateway is not bound to waystation.events by #",
            "gateway.dead has no delivery limit of ours",
        ]
    gone = await look_at_management(examinee, BINDINGS)
    assert (gone[0].status.value, "hush" in repr(gone)) == ("warn", False)
    unasked = replace(examinee, management_url="")
    assert told(await look_at_management(unasked, BINDINGS))["policies"][0] == "skipped"


@asynccontextmanager
async def serving_definitions(definitions: dict[str, list[dict[str, object]]]) -> AsyncIterator[str]:
    """Answers about queues as the management plugin does of a broker that has loaded these definitions."""

    def queue(request: web.Request) -> dict[str, object]:
        name = request.match_info["queue"]
        return next(one for one in definitions["queues"] if one["name"] == name)

    async def tell(request: web.Request) -> web.Response:
        found = queue(request)
        arguments = found["arguments"]
        assert isinstance(arguments, dict)
        name = str(found["name"])
        policy = next(
            (one["definition"] for one in definitions["policies"] if _fits(str(one["pattern"]), name)), None
        )
        return web.json_response({"type": arguments["x-queue-type"], "effective_policy_definition": policy})

    async def bindings(request: web.Request) -> web.Response:
        name = queue(request)["name"]
        return web.json_response([one for one in definitions["bindings"] if one["destination"] == name])

    app = web.Application()
    app.router.add_get("/api/queues/waystation/{queue}", tell)
    app.router.add_get("/api/queues/waystation/{queue}/bindings", bindings)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _fits(pattern: str, name: str) -> bool:
    return re.search(pattern, name) is not None
