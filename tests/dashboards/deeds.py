"""What people, attackers and accidents do to one stack, so that every panel has something to show."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from yarl import URL

from tests.attacks.links import Mint
from tests.journeys.browser import IDENTITY, WAIT, Browser, transaction_of
from tests.journeys.people import honest, new_person, passport, refusing
from tests.journeys.world import World
from tests.support.databases import ServiceDatabase
from tests.support.deeds import Customer
from tests.support.demo_tenant import DemoTenant, Person
from tests.support.journey import Page
from tests.support.ports import free_port
from tests.support.queues import publish
from tests.support.run_folder import ROOT, RunFolder
from tests.support.stack import Stack
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until
from tests.support.walk import log_in

_CONNECTIONS = 80
_ALL_STEPS = ("password", "terms", "profile", "idproof", "stepup")
_SECONDS = 60.0


class EventfulStack(Stack):
    """One of few connections, of one login a user, and where a wrong document may be tried again."""

    def __init__(self, folder: RunFolder, *, database: ServiceDatabase, amqp: VirtualHost) -> None:
        super().__init__(
            folder,
            database=database,
            amqp=amqp,
            tenant=DemoTenant(idproof={"retry_declined": True}),
            service_environment={
                "CONNECTIONS_PER_ADDRESS": str(_CONNECTIONS),
                "OPEN_LOGINS_PER_USER": "1",
            },
        )


async def everything(world: World, stack: Stack) -> None:
    """All of it, side by side where nothing is in the way of anything else; 15 seconds or so."""
    strays = _start_strays(stack)
    await asyncio.gather(
        _every_step(world, stack),
        _decline(world),
        _stop(world),
        _mistype(world),
        _guess_codes(world),
        _attack(world, stack),
        _crowd(stack),
        _expire(world),
        _send_poison(stack),
        _be_rejected(world),
    )
    await asyncio.gather(_pass(world), _pass(world), _overrun_the_tenant(world), _change_tenants(stack))
    await asyncio.gather(_be_erased(world, stack), _be_reviewed(world, stack), _go_on_without(world))
    await _told(stack, "gateway", "login.displaced")
    await _told(stack, "gateway", "login.expired")
    for name, event in strays.items():
        await _told(stack, name, event)


async def _every_step(world: World, stack: Stack) -> None:
    """One person, all five steps; a new password begins the login again."""
    person = stack.tenant.person
    flags = {"waystation_require": ",".join(f"{step}:1" for step in _ALL_STEPS)}
    await world.tenant.change(person, app_metadata=flags)
    customer = Customer(person, inbox=world.inbox(person), steps=_ALL_STEPS)
    await log_in(stack, customer, on_hop=lambda _hop: None)


async def _pass(world: World) -> None:
    browser = await world.browser()
    await browser.log_in(honest(await world.person()))


async def _decline(world: World) -> None:
    browser = await world.browser()
    await browser.log_in(refusing(await world.person()))


async def _stop(world: World) -> None:
    person, browser = await world.person(), await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    page = await browser.open(f"{page.url}/stop")
    await browser.walk(await browser.submit(page, "form#stop"), honest(person))


async def _mistype(world: World) -> None:
    """A slip that the form finds, then the passport of somebody else, then one's own."""
    person, browser = await world.person(), await world.browser()
    lines = passport(person)
    page = await browser.log_in(honest(person), to=IDENTITY)
    page = await browser.submit(page, IDENTITY, {"mrz": lines[:-1]})
    stranger = replace(person, given_name="Cressida", family_name="Featherstonehaugh")
    page = await browser.submit(page, IDENTITY, {"mrz": passport(stranger)})
    page = await browser.look_again() if page.has(WAIT) else page
    await browser.walk(page, honest(person))


async def _guess_codes(world: World) -> None:
    person, browser = await _asked_for(world, "stepup"), await world.browser()
    page = await browser.log_in(honest(person), to="form#verify")
    for guess in range(5):
        page = await browser.submit(page, "form#verify", {"code": f"{guess:06}"})
    await browser.walk(page, honest(person))


async def _asked_for(world: World, step: str) -> Person:
    flags = {"waystation_require": f"{step}:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags)


async def _attack(world: World, stack: Stack) -> None:
    """A used link, another browser, forged tokens, what is no HTTP, more connections than may be."""
    mint, gateway = Mint(stack), stack.origins.gateway
    person, browser = await world.person(), await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    other = await world.browser()
    await other.open(page.url)
    await other.open(browser.link.update_query(state="another-state-than-before"))
    link = mint.link()
    forged = link.holding(mint.sign(b'{"iss": "x"}', secret="not-the-secret-of-this-tenant"))
    spoilt = mint.link_of(mint.claims() | {"profile": "not.a.jwe"})
    for one in (forged, forged, spoilt):
        await other.open(URL(f"{gateway}{one.target()}", encoded=True))
    await _speak_nonsense(URL(gateway))
    await _connect_too_often(stack)


async def _speak_nonsense(gateway: URL) -> None:
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    writer.write(b"\x16\x03\x01 is no HTTP\r\n\r\n")
    await writer.drain()
    await reader.read()
    writer.close()


async def _connect_too_often(stack: Stack) -> None:
    gateway = URL(stack.origins.gateway)
    opened = [await asyncio.open_connection(gateway.host, gateway.port) for _ in range(_CONNECTIONS + 1)]
    await _told(stack, "gateway", "limit.reached")
    for _, writer in opened:
        writer.close()


async def _crowd(stack: Stack) -> None:
    """Two logins of one user, of which only one may be open."""
    mint = Mint(stack)
    links = [mint.link(sub="auth0|twice") for _ in range(2)]
    gateway = URL(stack.origins.gateway)
    for link in links:
        reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
        head = f"GET {link.target()} HTTP/1.1\r\nHost: {gateway.authority}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await reader.read()
        writer.close()


async def _expire(world: World) -> None:
    person, browser = await world.person(), await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    await world.rows.all(
        "UPDATE gateway.transactions SET deadline = now() - interval '1 second', wake_at = now()"
        " WHERE id = $1 RETURNING id",
        transaction_of(page),
    )


async def _send_poison(stack: Stack) -> None:
    """A message of no known kind, and a command whose sealed part nobody here has sealed."""
    poison, admin = b'{"type": "Nonsense", "v": 1}', stack.amqp.admin
    await publish(admin, poison, exchange="waystation.events", routing_key="nonsense.v1")
    await _told(stack, "gateway", "message.parked")
    command = json.loads((ROOT / "tests" / "contracts" / "verify-identity.v1.json").read_text())["body"]
    deadline = datetime.now(UTC) + timedelta(minutes=10)
    strange = json.dumps(command | {"deadline": deadline.isoformat()}).encode()
    await publish(admin, strange, exchange="waystation.commands", routing_key="verify-identity.v1")
    await _told(stack, "proofing", "verification.unusable")


async def _be_rejected(world: World) -> None:
    """The tenant will never take this person's result."""
    person, browser = await world.person(), await world.browser()
    await world.tenant.plant(_writes_of(person), status=400)
    await browser.log_in(honest(person))


async def _overrun_the_tenant(world: World) -> None:
    """Somebody else has used the limit up: 429, and again in a second."""
    person, browser = await world.person(), await world.browser()
    fault = {"status": 429, "headers": {"Retry-After": "1"}, "times": 1}
    await world.tenant.plant(_writes_of(person), **fault)
    await browser.log_in(honest(person))


async def _go_on_without(world: World) -> None:
    """A confirmation that does not come before the login's last call."""
    person, browser = await world.person(), await world.browser()
    await world.tenant.plant(_writes_of(person), status=503)
    page = await browser.log_in(honest(person), to=WAIT)
    page = await _until_saved(browser, page)
    await world.rows.bring_to_last_call(transaction_of(page))
    await browser.walk(page, honest(person))


async def _until_saved(browser: Browser, page: Page) -> Page:
    """The waiting page of a login whose check is done and whose result is being written."""

    async def saved() -> Page | None:
        now = await browser.reload()
        return now if "is being saved" in now.html.get_text() or not now.has(WAIT) else None

    return await wait_until(saved, _SECONDS, what="the result to be saved", every=0.1) or page


def _writes_of(person: Person) -> str:
    return f"^PATCH /api/v2/users/{quote(person.user_id, safe='')}"


async def _change_tenants(stack: Stack) -> None:
    """A tenants file that is wrong, then one in which typed documents are for a person to judge."""
    stack.lay_tenants("version: 1\ntenants: nonsense\n")
    for service in ("gateway", "proofing"):
        await _told(stack, service, "tenants.reload_refused")
    stack.retune(replace(stack.tenant, allow_document_validated=False))
    for service in ("gateway", "proofing"):
        await _told(stack, service, "tenants.reloaded")


async def _be_reviewed(world: World, stack: Stack) -> None:
    person, browser = await world.person(), await world.browser()
    await browser.log_in(honest(person))
    (verification,) = await world.rows.verifications(person)
    name = str(verification["verification_id"])
    await _operate(stack, "proofing", "reviews", "show", name, "--reviewer", "r.roe")
    await _operate(stack, "proofing", "reviews", "decide", name, "approved", "--reviewer", "r.roe")


async def _be_erased(world: World, stack: Stack) -> None:
    person, browser = await world.person(), await world.browser()
    await browser.log_in(honest(person))
    await _operate(stack, "gateway", "erase", "acme", person.user_id, "--yes")
    await _told(stack, "gateway", "user.forgotten")


async def _operate(stack: Stack, service: str, *arguments: str) -> None:
    """Run a command; what it logs is kept beside the services' lines."""
    operator = stack.operator(service)
    done = await asyncio.to_thread(
        subprocess.run,
        [*operator.argv, *arguments],
        env=dict(operator.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with (stack.folder.logs / f"command-{service}.log").open("a") as file:
        file.write(done.stderr)


def _start_strays(stack: Stack) -> dict[str, str]:
    """Processes that lack what they need: which they are, and what each of them says."""
    nowhere = f"127.0.0.1:{free_port()}"
    proofing = stack.service_environment("proofing")
    amqp = URL(proofing["AMQP_URL"])
    lacking = {
        "without-database": ("service.waiting", {"DATABASE_URL": f"postgresql://nobody@{nowhere}/nothing"}),
        "without-broker": ("broker.unavailable", {"AMQP_URL": str(amqp.with_port(free_port()))}),
        "without-password": ("service.failed", {"AMQP_URL": str(amqp.with_password("not-this-one"))}),
    }
    for name, (_, changes) in lacking.items():
        admin = {"ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}
        argv = [sys.executable, "-m", "proofing"]
        stack.processes[name] = stack.folder.start(name, argv, env=proofing | admin | changes)
    return {name: event for name, (event, _) in lacking.items()}


async def _told(stack: Stack, name: str, event: str) -> None:
    """Wait until a process has logged an event."""
    await wait_until(
        lambda: f'"event": "{event}"' in stack.written(name), _SECONDS, what=f"{event} of {name}", every=0.1
    )
