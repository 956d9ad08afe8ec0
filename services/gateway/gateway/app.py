"""The gateway's process: the only place that opens anything."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from common.clock import Clock, SystemClock
from common.connections import open_connections
from common.db import Database
from common.farewell import Farewell
from common.health import Health, passing, serve_health
from common.log import configure_logging
from common.process import run_loops, stop_on_signals
from common.retention import RetentionJob
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.tracing_open import open_tracing
from common.vault import Vault
from gateway.acts import Acts
from gateway.attempts import Attempts
from gateway.browser import BrowserCookies
from gateway.cancelled import CancelledLogins
from gateway.crowding import Crowding
from gateway.erase import Reports
from gateway.gate import Gate
from gateway.hand_back import HandBack
from gateway.handlers import Handlers
from gateway.intake import ArrivalLimits, Intake
from gateway.jwks_fetch import KeySets, open_key_sets
from gateway.limits import Limit
from gateway.limits_web import limit_addresses
from gateway.listener import serve_browsers
from gateway.live import Bell
from gateway.log_events import EVENTS
from gateway.logins import Logins
from gateway.looks import Looks, page_for_each_request
from gateway.mail.postbox import Postbox
from gateway.mail.postman import Postman
from gateway.outcomes import Outcomes
from gateway.pages.languages import load_languages
from gateway.password_call import PasswordCalls, open_password_calls
from gateway.personal_changes import PersonalChanges
from gateway.planner import Planner
from gateway.published_keys import PublishedKeys
from gateway.retention import RULES
from gateway.settings import PARTS, Settings
from gateway.shield import add_headers, guard
from gateway.steps.idproof.step import IdproofStep
from gateway.steps.password.letter import Notices
from gateway.steps.password.step import PasswordStep
from gateway.steps.port import StepBook
from gateway.steps.profile.step import ProfileStep
from gateway.steps.stepup.letter import CodeLetter
from gateway.steps.stepup.rules import Codes
from gateway.steps.stepup.step import StepupStep
from gateway.steps.terms.step import TermsStep
from gateway.timekeeper import Timekeeper
from gateway.views import Views
from gateway.visits import Doorkeeper
from gateway.web_errors import errors_as_pages, one_line_per_request

SERVICE = QUEUE = SCHEMA = "gateway"

log = structlog.stdlib.get_logger()


def create_app(
    settings: Settings, *, handlers: Handlers, tenants: TenantsWatcher, gate: Gate, clock: Clock
) -> web.Application:
    """The application that browsers reach."""
    languages, origin = load_languages(settings.languages_folder), settings.public_base_url
    app = web.Application(
        middlewares=[
            page_for_each_request(languages=languages, tenants=tenants, clock=clock),
            limit_addresses(gate),
            one_line_per_request,
            errors_as_pages,
            guard(public_base_url=origin),
        ]
    )
    app.on_response_prepare.append(add_headers)
    app.add_routes(handlers.routes())
    app.add_routes(Looks(languages=languages, tenants=tenants, public_base_url=origin).routes())
    app.add_routes(PublishedKeys(tenants).routes())
    return app


def create_steps(
    settings: Settings,
    *,
    database: Database,
    tenants: TenantsWatcher,
    clock: Clock,
    calls: PasswordCalls | None = None,
) -> StepBook:
    """Every kind of step that this release has."""
    vault = Vault(settings.data_keys)
    attempts = Attempts(cookie_key=settings.cookie_keys[0])
    languages = load_languages(settings.languages_folder)
    return StepBook(
        PasswordStep(
            calls=calls,
            attempts=attempts,
            notices=Notices(languages=languages, postbox=Postbox(vault=vault)),
            database=database,
            vault=vault,
            clock=clock,
            public_base_url=settings.public_base_url,
        ),
        TermsStep(database=database, tenants=tenants, clock=clock),
        ProfileStep(changes=create_changes(settings), vault=vault, clock=clock),
        IdproofStep(
            attempts=attempts,
            changes=create_changes(settings),
            vault=vault,
            sealer=Sealer(settings.proofing_seal_keys),
            clock=clock,
        ),
        StepupStep(
            attempts=attempts,
            codes=Codes(settings.cookie_keys),
            letter=CodeLetter(languages=languages, public_base_url=settings.public_base_url),
            postbox=Postbox(vault=vault),
            vault=vault,
            clock=clock,
        ),
    )


def create_changes(settings: Settings) -> PersonalChanges:
    return PersonalChanges(vault=Vault(settings.data_keys), sealer=Sealer(settings.metadata_sync_seal_keys))


def create_postmen(
    settings: Settings, *, database: Database, all_tenants: Database, clock: Clock
) -> list[Postman]:
    """Whoever carries mails off: nobody where there is no server for it."""
    if settings.mail is None:
        return []
    return [
        Postman(
            settings.mail,
            database=database,
            all_tenants=all_tenants,
            postbox=Postbox(vault=Vault(settings.data_keys)),
            clock=clock,
            local_hostname=urlsplit(settings.public_base_url).hostname or "localhost",
        )
    ]


def create_handlers(
    settings: Settings,
    *,
    steps: StepBook,
    planner: Planner,
    database: Database,
    tenants: TenantsWatcher,
    key_sets: KeySets,
    logins: Logins,
    bell: Bell,
    clock: Clock,
) -> Handlers:
    """The routes, and the rules behind them."""
    vault = Vault(settings.data_keys)
    cookies = BrowserCookies(settings.cookie_keys)
    limits = ArrivalLimits(
        user=Limit(settings.limits.user, monotonic=clock.monotonic),
        tenant=Limit(settings.limits.tenant, monotonic=clock.monotonic),
    )
    return Handlers(
        intake=Intake(
            database=database, tenants=tenants, key_sets=key_sets, vault=vault, limits=limits, clock=clock
        ),
        doorkeeper=Doorkeeper(
            logins=logins, cookies=cookies, clock=clock, public_base_url=settings.public_base_url
        ),
        acts=Acts(logins=logins, planner=planner, vault=vault, clock=clock),
        hand_back=HandBack(logins=logins, tenants=tenants, vault=vault, clock=clock),
        views=Views(cookies=cookies, steps=steps),
        steps=steps,
        logins=logins,
        database=database,
        vault=vault,
        cookies=cookies,
        bell=bell,
        clock=clock,
    )


async def serve(settings: Settings) -> None:
    """Serve browsers and consume the queue until a signal comes."""
    configure_logging(
        service=SERVICE,
        events=EVENTS,
        level=settings.log_level,
        log_format=settings.log_format,
        production=settings.production,
    )
    stop = stop_on_signals()
    clock, bell = SystemClock(), Bell()
    tenants = TenantsWatcher(
        settings.tenants_file,
        production=settings.production,
        parts=PARTS,
        can_mail=settings.mail is not None,
        can_call=settings.password_call is not None,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            open_tracing(settings.tracing, service=SERVICE, production=settings.production)
        )
        vitals = await stack.enter_async_context(serve_health(settings.admin_listen, service=SERVICE))
        connections = await stack.enter_async_context(
            open_connections(settings, service=SERVICE, schema=SCHEMA, clock=clock)
        )
        database, relay = connections.database, connections.relay
        logins = Logins(database=database, relay=relay, bell=bell)
        calls = None
        if settings.password_call is not None:
            calls = await stack.enter_async_context(open_password_calls(settings.password_call))
        steps = create_steps(settings, database=database, tenants=tenants, clock=clock, calls=calls)
        planner = Planner(steps=steps, changes=create_changes(settings), clock=clock)
        outcomes = Outcomes(logins=logins, planner=planner, clock=clock)
        reports = Reports(database=database, otherwise=outcomes.handle)
        consumer = connections.consumer(QUEUE, handle=reports.handle)
        key_sets = await stack.enter_async_context(open_key_sets(outgoing=settings.outgoing, clock=clock))
        handlers = create_handlers(
            settings,
            steps=steps,
            planner=planner,
            database=database,
            tenants=tenants,
            key_sets=key_sets,
            logins=logins,
            bell=bell,
            clock=clock,
        )

        async def broker_is_up() -> Health:
            # The outbox keeps what is to be told, so browsers can still be served.
            up = connections.publisher.is_connected and consumer.is_consuming
            return passing(up, otherwise=Health.DEGRADED)

        checks = {"database": connections.database_health, "broker": broker_is_up}
        gate = Gate(settings.limits, monotonic=clock.monotonic)
        app = create_app(settings, handlers=handlers, tenants=tenants, gate=gate, clock=clock)
        farewell = Farewell(vitals=vitals, seconds=settings.drain_seconds, clock=clock)
        app.on_response_prepare.append(farewell.end_connection)
        doors = await stack.enter_async_context(farewell.doors)
        await doors.enter_async_context(serve_browsers(app, address=settings.listen, bell=bell, gate=gate))
        stack.enter_context(vitals.serving(checks, refresh=connections.gauges().refresh))
        log.info("service.started", tenants=len(tenants.current))
        all_tenants = connections.all_tenants
        timekeeper = Timekeeper(all_tenants=all_tenants, logins=logins, planner=planner)
        crowding = Crowding(all_tenants=all_tenants, logins=logins, limits=settings.limits)
        cancelled = CancelledLogins(database=database, all_tenants=all_tenants)
        postmen = create_postmen(settings, database=database, all_tenants=all_tenants, clock=clock)
        retention = RetentionJob(database=database, tenants=tenants, rules=RULES, clock=clock)
        loops = [
            consumer.run,
            connections.audit_sealer.run,
            retention.run,
            timekeeper.run,
            crowding.run,
            cancelled.run,
            tenants.watch,
            *(postman.run for postman in postmen),
        ]
        await run_loops(stop, *loops, first=farewell.say, last=relay.run)
    log.info("service.stopped")
