"""What a collector gets of logins, by real services: one trace each, and nothing that may not be seen."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.journeys.browser import LOGGED_IN, WAIT, Browser, transaction_of
from tests.journeys.canaries import seen
from tests.journeys.leaks import brought, personal, secrets_of, taken_back
from tests.journeys.people import Answers, honest
from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.databases import Databases
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitMQ
from tests.support.secret_folder import SecretFolder
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until
from tests.traces.collector import Received, as_tree, collecting
from tests.traces.numbers import counted, handled, published, requests, risen

PORT = free_port()


NOW_AND_THEN = "POST /oauth/token"


class TracedStack(Stack):
    """A stack that exports its traces, soon."""

    def service_environment(self, service: str) -> dict[str, str]:
        return super().service_environment(service) | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{PORT}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=one",
        }


@pytest.fixture(scope="module")
def stack(
    databases: Databases, migrated_template: str, rabbitmq: RabbitMQ, server_secrets: SecretFolder
) -> Iterator[Stack]:
    servers = RunningServers(
        databases=databases, template=migrated_template, rabbitmq=rabbitmq, locks=server_secrets.path
    )
    with ExitStack() as exits:
        made = exits.enter_context(servers.unstarted("traces", of=TracedStack))
        made.start()
        yield made


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    async with open_world(stack) as opened:
        yield opened


@dataclass(frozen=True, kw_only=True)
class LoggedIn:
    browser: Browser
    transaction_id: str
    trace_id: str


async def log_in(world: World, answers: Answers) -> LoggedIn:
    """A whole login that looks once at the waiting page and once at what becomes of it."""
    browser = await world.browser(traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    world.stack.pause("proofing")
    try:
        page = await browser.log_in(answers, to=WAIT)
    finally:
        world.stack.resume("proofing")

    async def ready() -> bool:
        (login,) = await world.rows.transactions(answers.person)
        return bool(login["status"] == "ready")

    await wait_until(ready, 30.0, what="the login to be ready")
    transaction_id = transaction_of(page)
    page = await browser.walk(await browser.reload(), answers)
    assert page.has(LOGGED_IN)
    lines = await wait_until(lambda: lines_of(world, transaction_id, "login.handed_back"), 15.0)
    return LoggedIn(browser=browser, transaction_id=transaction_id, trace_id=lines[0]["trace_id"])


def lines_of(world: World, transaction_id: str, event: str) -> list[dict[str, str]]:
    return [
        line
        for line in world.log_lines("gateway")
        if line["event"] == event and line.get("transaction_id") == transaction_id
    ]


async def test_a_login_is_one_trace(world: World) -> None:
    """Every request, every message's way and the tenant's write are in the login's trace.

    What a browser says of a trace is linked, lines name the spans in which they were written, and neither
    the person nor anything that opens a door is in a span.
    """
    async with collecting(PORT) as collector:
        answers = honest(await world.person())
        login = await log_in(world, answers)
        spans = await collector.trace(login.trace_id, spans=len(TREE), but=NOW_AND_THEN)
        assert as_tree(spans) == TREE
        assert {span.links for span in spans if span.kind == "SERVER"} == {(("ab" * 16, "cd" * 8),)}
        assert {span.service for span in spans if span.failed} == set()
        assert _lines_without_a_span(world, spans) == []
        canaries = {
            **personal(answers),
            **secrets_of(world),
            **brought(login.browser),
            **await taken_back(world, answers.person),
        }
        bodies = [body.decode(errors="replace") for body in collector.bodies]
        assert seen(canaries, bodies) == []
        assert "?" not in "".join(f"{span.name} {span.attributes}" for span in collector.spans)
        (write,) = (span for span in spans if span.name == "PATCH /api/v2/users/{id}")
        assert write.attributes == {
            "http.request.method": "PATCH",
            "url.template": "/api/v2/users/{id}",
            "server.address": world.stack.origins.tenant.removeprefix("http://"),
            "http.response.status_code": 200,
        }
        (whole,) = (span for span in spans if span.name == "login")
        assert whole.attributes == {
            "waystation.tenant": "acme",
            "waystation.transaction_id": login.transaction_id,
            "waystation.status": "handed_back",
            "waystation.metadata": "applied",
            "waystation.step.idproof": "passed",
        }


TREE = [
    "gateway: login",
    "  gateway: GET /start/{tenant}/{entry}",
    "  gateway: GET /t/{id}",
    "  gateway: POST /t/{id}/claim",
    "  gateway: GET /t/{id}",
    "  gateway: POST /t/{id}/{step}/{act}",
    "    gateway: publish waystation.commands:verify-identity.v1",
    "      proofing: process proofing VerifyIdentity",
    "        proofing: verify by document",
    "        proofing: publish waystation.events:verification-changed.v1",
    "          gateway: process gateway VerificationChanged",
    "            gateway: publish waystation.commands:update-metadata.v1",
    "              metadata-sync: process metadata-sync UpdateMetadata",
    "                metadata-sync: write app_metadata",
    "                  metadata-sync: PATCH /api/v2/users/{id}",
    "                metadata-sync: publish waystation.events:metadata-applied.v1",
    "                  gateway: process gateway MetadataApplied",
    "  gateway: GET /t/{id}",
    "  gateway: GET /t/{id}",
    "  gateway: POST /t/{id}/continue",
]


def _lines_without_a_span(world: World, spans: list[Received]) -> list[dict[str, Any]]:
    """Lines of this trace that name no span of it."""
    ids = {span.span_id for span in spans}
    return [
        line
        for service in SERVICES
        for line in world.log_lines(service)
        if line.get("trace_id") == spans[0].trace_id and line.get("span_id") not in ids
    ]


async def test_a_login_in_numbers(stack: Stack, world: World) -> None:
    """Every service counts its part of one login, by tenant, step, outcome, route, message and answer."""
    admin = stack.admin
    before = await counted(admin)

    async def is_told() -> bool:
        return risen(await counted(admin), since=before) == NUMBERS

    async with collecting(PORT):
        await log_in(world, honest(await world.person()))
        await wait_until(is_told, 30.0, what="every number")


NUMBERS = {
    "gateway": {
        'gateway_logins_opened_total{tenant="acme"}': 1,
        'gateway_logins_ended_total{metadata="applied",status="handed_back",tenant="acme"}': 1,
        'gateway_steps_concluded_total{outcome="passed",step="idproof",tenant="acme"}': 1,
        'gateway_login_duration_seconds_count{status="handed_back"}': 1,
        requests("GET", "/start/{tenant}/{entry}", 303): 1,
        requests("GET", "/t/{id}", 200): 4,
        requests("POST", "/t/{id}/claim", 303): 1,
        requests("POST", "/t/{id}/{step}/{act}", 303): 1,
        requests("POST", "/t/{id}/continue", 200): 1,
        **published("verify-identity.v1", "update-metadata.v1"),
        **handled("VerificationChanged", "MetadataApplied"),
    },
    "proofing": {
        'proofing_jobs_total{outcome="approved",provider="document",tenant="acme"}': 1,
        'proofing_job_duration_seconds_count{provider="document"}': 1,
        **published("verification-changed.v1"),
        **handled("VerifyIdentity"),
    },
    "metadata-sync": {
        'metadata_sync_management_request_duration_seconds_count{operation="patch_user",result="200"}': 1,
        'metadata_sync_updates_total{effect="first",tenant="acme",waiting="true"}': 1,
        'metadata_sync_calls_total{kind="app_metadata",result="ok",tenant="acme"}': 1,
        'metadata_sync_patches_sent_total{kind="app_metadata",tenant="acme"}': 1,
        'metadata_sync_queue_duration_seconds_count{waiting="true"}': 1,
        'metadata_sync_work_duration_seconds_count{kind="app_metadata"}': 1,
        **published("metadata-applied.v1"),
        **handled("UpdateMetadata"),
    },
}


@pytest.mark.logs("traces.not_exported", "traces.exported")
async def test_a_collector_that_is_away(world: World) -> None:
    """Nobody who logs in notices; each service says so once, and once that it is over."""

    def told(event: str) -> list[str]:
        return [
            service for service in SERVICES for line in world.log_lines(service) if line["event"] == event
        ]

    async with collecting(PORT) as collector:
        login = await log_in(world, honest(await world.person()))
        await collector.trace(login.trace_id, spans=len(TREE), but=NOW_AND_THEN)
        before = {event: told(event) for event in ("traces.not_exported", "traces.exported")}
    await log_in(world, honest(await world.person()))
    away = sorted([*before["traces.not_exported"], *SERVICES])
    await wait_until(lambda: sorted(told("traces.not_exported")) == away, 30.0, what="three lines")
    async with collecting(PORT) as collector:
        login = await log_in(world, honest(await world.person()))
        spans = await collector.trace(login.trace_id, spans=len(TREE), but=NOW_AND_THEN)
        assert as_tree(spans) == TREE
        back = sorted([*before["traces.exported"], *SERVICES])
        await wait_until(lambda: sorted(told("traces.exported")) == back, 30.0, what="three more lines")
    assert sorted(told("traces.not_exported")) == away
