"""`waystation dead-letters` on a real broker: nothing is lost, changes its place or is unsealed."""

import asyncio
import io
import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
import asyncpg
import pytest

from common.audit import Audited
from common.broker import BrokerUnavailableError
from common.cli import run
from common.dead_letters import DeadLetterQueueError, Sought, hold
from common.dead_letters_trail import Deed, keep_trail
from tests.common.log_lines import logging_into
from tests.support.databases import ServiceDatabase
from tests.support.log_contract import faults_of
from tests.support.ports import free_port
from tests.support.queues import channel_of, publish, take
from tests.support.virtual_hosts import VirtualHost

QUEUE = "proofing.dead"
SEALED = "c2VhbGVkLWNhbmFyeQ"


def body(number: int, **changes: Any) -> bytes:
    content = {
        "type": "VerifyIdentity",
        "v": 1,
        "event_id": f"e{number}",
        "tenant": "acme",
        "transaction_id": f"t{number}",
        "occurred_at": "2026-11-22T10:00:00+00:00",
        "sealed": SEALED,
    }
    return json.dumps(content | changes).encode()


async def bury(amqp: VirtualHost, *bodies: bytes, **headers: str) -> None:
    """As a service gives up messages."""
    async with channel_of(amqp.admin) as channel:
        dead = await channel.get_exchange("waystation.dead", ensure=False)
        given: Any = {name.replace("_", "-"): value for name, value in headers.items()}
        for one in bodies:
            await dead.publish(aio_pika.Message(one, headers=given), "proofing")


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """`waystation dead-letters …` with proofing's settings."""

    def __init__(self, amqp: VirtualHost, capsys: pytest.CaptureFixture[str]) -> None:
        self._environ = {"ENVIRONMENT": "development", "AMQP_URL": amqp.proofing}
        self._capsys = capsys

    async def __call__(self, *arguments: str, **settings: str) -> Done:
        self._capsys.readouterr()
        with logging_into(io.StringIO(), ()):  # it configures its own, which ends here
            status = await asyncio.to_thread(run, ["dead-letters", *arguments], self._environ | settings)
        said = self._capsys.readouterr()
        return Done(returncode=status, stdout=said.out, stderr=said.err)


@pytest.fixture
def waystation(amqp: VirtualHost, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(amqp, capsys)


async def ids(amqp: VirtualHost) -> list[str]:
    async with hold(amqp.proofing, QUEUE, Sought()) as held:
        return [letter.id for letter, _ in held.letters]


async def trail_of(database: ServiceDatabase) -> list[asyncpg.Record]:
    owner = await asyncpg.connect(database.owner)
    try:
        return await owner.fetch(
            """
            SELECT tenant, event, transaction_id, about, outcome, reasons FROM proofing.audit_events
            ORDER BY id
            """
        )
    finally:
        await owner.close()


async def test_looking_changes_nothing(amqp: VirtualHost, waystation: Command) -> None:
    """However often and by whom they are looked at, all letters stay, in their order."""
    await bury(amqp, *(body(number) for number in range(150)), x_reason="unknown_tenant")
    listed = await waystation("list", "--limit", "2", "--json")
    assert [one["id"] for one in json.loads(listed.stdout)] == ["e0", "e1"]
    assert listed.stderr == "There are more than 2; see --limit.\n"
    assert (await waystation("show", "e149")).returncode == 0
    everything = [f"e{number}" for number in range(150)]
    assert [await ids(amqp) for _ in range(3)] == [everything] * 3


async def test_what_is_kept_in_memory(amqp: VirtualHost) -> None:
    """Of letters that nobody seeks nothing, of the others no body but where it is needed."""
    await bury(amqp, *(body(number) for number in range(4)), x_reason="unknown_tenant")

    async def held(sought: Sought) -> tuple[list[tuple[str, int, bytes]], int]:
        async with hold(amqp.proofing, QUEUE, sought) as there:
            return [(one.id, one.size, one.body) for one, _ in there.letters], there.more

    size = len(body(0))
    assert await held(Sought(at_most=2)) == ([("e0", size, b""), ("e1", size, b"")], 2)
    wanted = Sought(fits=lambda letter: letter.id == "e2", with_bodies=True)
    assert await held(wanted) == ([("e2", size, body(2))], 0)


async def test_what_is_done_leaves_a_trace(
    amqp: VirtualHost, database: ServiceDatabase, waystation: Command
) -> None:
    """The log has which letters, why and by which command; the trail each of them, and who did it."""
    await bury(amqp, *(body(number) for number in range(21)), x_reason="unknown_tenant")
    await bury(amqp, body(21, tenant="a b\0", transaction_id=[1]), x_reason="Odd one")
    dropped = await waystation(
        "drop", "--all", "--type=VerifyIdentity", "--operator=olga", DATABASE_URL=database.proofing
    )
    lines = [json.loads(line) for line in dropped.stderr.splitlines()]
    told = [(one["event"], one["reason"], one["letters"], one["event_ids"]) for one in lines]
    everything = [f"e{number}" for number in range(21)]
    assert told == [
        ("letters.dropped", "unknown_tenant", 20, everything[:20]),
        ("letters.dropped", "unknown_tenant", 1, ["e20"]),
        ("letters.dropped", "unknown", 1, ["e21"]),
    ]
    assert {(one["service_name"], one["queue"], one["command"]) for one in lines} == {
        ("proofing", "proofing", "dead-letters drop --all --type=VerifyIdentity")
    }
    assert [fault for one in lines for fault in faults_of(one)] == []
    rows = await trail_of(database)
    assert [row["about"] for row in rows] == [*everything, "e21"]
    assert tuple(rows[0])[:3] == ("acme", "letter.dropped", "t0")
    assert tuple(rows[0])[4:] == ("VerifyIdentity", ["unknown_tenant", "by:olga"])
    assert tuple(rows[-1])[:3] == (None, "letter.dropped", None)
    assert rows[-1]["reasons"] == ["unknown", "by:olga"]
    assert SEALED not in dropped.stderr + dropped.stdout


async def test_a_trail_that_cannot_be_reached(
    amqp: VirtualHost, database: ServiceDatabase, waystation: Command
) -> None:
    """Without a database of the service that is said; with one that is away, nothing is done."""
    await bury(amqp, body(1), body(2), x_reason="malformed")
    away = f"postgresql://waystation_proofing:x@127.0.0.1:{free_port()}/x"
    refused = await waystation("drop", "e1", DATABASE_URL=away)
    assert (refused.returncode, refused.stderr) == (
        1,
        "The database does not answer (ConnectionRefusedError).\n",
    )
    assert await ids(amqp) == ["e1", "e2"]
    done = await waystation("redrive", "e1", DATABASE_URL=database.gateway)
    line, complaint = done.stderr.splitlines()
    assert json.loads(line)["event"] == "letters.redriven"
    assert complaint == "Not in the audit trail: there is no DATABASE_URL of proofing here."


async def test_a_part_that_is_in_no_trail(amqp: VirtualHost, capsys: pytest.CaptureFixture[str]) -> None:
    """That the trail has nothing of it is said too of what was done before the broker went away."""
    await bury(amqp, body(1), body(2), x_reason="malformed")
    deed = Deed(
        event=Audited.LETTER_DROPPED,
        command="dead-letters drop",
        operator=None,
        production=False,
        database_url="",
    )

    async def break_off() -> None:
        async with keep_trail(deed, QUEUE) as trail, hold(amqp.proofing, QUEUE, Sought()) as held:
            trail.done(held.letters[0][0])
            raise BrokerUnavailableError

    with logging_into(io.StringIO(), ()), pytest.raises(BrokerUnavailableError):
        await break_off()
    line, complaint = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event_ids"] == ["e1"]
    assert complaint == "Not in the audit trail: there is no DATABASE_URL of proofing here."


async def test_an_id_that_may_be_a_name(
    amqp: VirtualHost, database: ServiceDatabase, waystation: Command
) -> None:
    """What a letter says of its id, tenant and login may be anybody's: log and trail have none of it."""
    said = ("Mustermann", "Erika Mustermann 1", "erika1@acme.example", "7" * 81)
    personal = "erika@acme.example"
    malformed = [body(1, event_id=one, tenant=personal, transaction_id=personal, type=None) for one in said]
    await bury(amqp, *malformed, x_reason="malformed", x_event_id="")
    digests = await ids(amqp)
    assert [one for one in digests if not re.fullmatch(r"body-[0-9a-f]{16}", one)] == []
    assert len(set(digests)) == len(said)
    done = await waystation("redrive", *digests, DATABASE_URL=database.proofing)
    assert json.loads(done.stderr)["event_ids"] == digests
    assert [tuple(row) for row in await trail_of(database)] == [
        (None, "letter.redriven", None, digest, None, ["malformed"]) for digest in digests
    ]


async def test_what_is_told_of_a_letter(amqp: VirtualHost, waystation: Command) -> None:
    """Why, what, whose and since when; what is sealed stays sealed; of garbage its beginning."""
    await bury(amqp, body(1), x_reason="unknown_tenant", x_parked_at="2026-11-22T11:00:00+00:00")
    await bury(amqp, b"\x1b[2Jgarbage", x_reason="malformed", x_event_id="")
    good, garbage = json.loads((await waystation("list", "--json")).stdout)
    age = good.pop("age")
    since = datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert abs(age - (datetime.now(UTC) - since).total_seconds()) < 60
    assert good == {
        "queue": QUEUE,
        "id": "e1",
        "reason": "unknown_tenant",
        "type": "VerifyIdentity",
        "version": 1,
        "tenant": "acme",
        "transaction_id": "t1",
        "occurred_at": "2026-11-22T10:00:00+00:00",
        "parked_at": "2026-11-22T11:00:00+00:00",
        "bytes": len(body(1)),
    }
    shown = json.loads((await waystation("show", "e1", "--json")).stdout)
    assert shown["content"]["sealed"] == f"({len(SEALED)} characters)"
    odd = await waystation("show", garbage["id"])
    assert (garbage["type"], garbage["reason"]) == (None, "malformed")
    assert r"\x1b[2Jgarbage" in odd.stdout
    table = (await waystation("list")).stdout
    assert table.splitlines()[0].split() == ["queue", "id", "type", "tenant", "transaction", "reason", "age"]
    assert SEALED not in table + odd.stdout


async def test_a_letter_steers_no_terminal(amqp: VirtualHost, waystation: Command) -> None:
    """Whatever a message says of itself is shown as text alone, in the table and by itself."""
    await bury(amqp, body(1, tenant="\x1b[2Jacme"), x_reason="\x1b[31mred")
    shown = (await waystation("list")).stdout + (await waystation("show", "e1")).stdout
    assert shown.count(r"\x1b[31mred") == 2
    assert "\x1b" not in shown


async def test_redriven_letters_are_in_their_own_queue(amqp: VirtualHost, waystation: Command) -> None:
    """Chosen ones go to the queue that they came from, as they were, and the others stay where they are."""
    await bury(amqp, *(body(number) for number in range(4)), x_reason="unknown_tenant")
    done = await waystation("redrive", "e1", "e3", "--json")
    assert json.loads(done.stdout) == {"redriven": 2}
    assert await ids(amqp) == ["e0", "e2"]
    again = [await take(amqp.proofing, "proofing") for _ in range(2)]
    assert [message.body for message in again] == [body(1), body(3)]
    assert {message.headers["x-event-id"] for message in again} == {"e1", "e3"}
    all_of_one = await waystation("redrive", "--all", "--transaction", "t2")
    assert (all_of_one.returncode, all_of_one.stdout) == (0, "redriven: 1\n")


async def test_dropped_letters_are_gone(amqp: VirtualHost, waystation: Command) -> None:
    """What is given up goes, and nothing else; that nothing fits is status 1."""
    await bury(amqp, body(1), body(2), x_reason="malformed")
    assert (await waystation("drop", "--all", "--transaction", "t9")).returncode == 1
    with pytest.raises(SystemExit, match="2"):
        await waystation("drop", "--all")
    assert await ids(amqp) == ["e1", "e2"]
    assert (await waystation("drop", "e1")).stdout == "dropped: 1\n"
    assert await ids(amqp) == ["e2"]
    assert (await waystation("drop", "--all", "--queue", QUEUE)).stdout == "dropped: 1\n"
    assert await ids(amqp) == []


async def test_killed_between_sending_and_taking(amqp: VirtualHost) -> None:
    """Who dies after a letter was sent and before it was taken leaves it in both queues, never in none."""
    await bury(amqp, body(1), body(2), x_reason="unknown_tenant")
    async with hold(amqp.proofing, QUEUE, Sought(with_bodies=True)) as held:
        await publish(
            amqp.proofing, held.letters[0][0].body, exchange="waystation.dead", routing_key="proofing.again"
        )
    assert await ids(amqp) == ["e1", "e2"]
    assert (await take(amqp.proofing, "proofing")).body == body(1)


async def test_one_at_a_time(amqp: VirtualHost, waystation: Command) -> None:
    """While somebody looks, others are told so instead of a part; and nobody reads another service's."""
    await bury(amqp, body(1), x_reason="malformed")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hold(amqp.proofing, QUEUE, Sought()))
        second = await waystation("list")
        assert (second.returncode, second.stderr) == (
            1,
            "Somebody else looks at proofing.dead now; try again when they are done.\n",
        )
    with pytest.raises(DeadLetterQueueError, match="may not read"):
        await stack.enter_async_context(hold(amqp.gateway, QUEUE, Sought()))


async def test_who_looked_before_may_take_a_moment_to_go(amqp: VirtualHost) -> None:
    """The broker may still know of whoever has just looked: the next one waits, and loses nothing."""
    await bury(amqp, body(1), x_reason="malformed")
    async with hold(amqp.proofing, QUEUE, Sought()):
        next_one = asyncio.create_task(ids(amqp))
        done, _ = await asyncio.wait({next_one}, timeout=0.5)
        assert not done
    assert await next_one == ["e1"]


async def test_nothing_there(waystation: Command) -> None:
    """An empty queue is said to be empty; which letters, must be said."""
    empty = await waystation("list")
    assert (empty.returncode, empty.stdout, empty.stderr) == (0, "", "There are no dead letters.\n")
    assert (await waystation("list", "--json")).stdout == "[]\n"
    with pytest.raises(SystemExit):
        await waystation("drop")
