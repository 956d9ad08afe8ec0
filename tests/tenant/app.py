"""The composition root: one tenant, put together."""

from aiohttp import web

from tests.tenant.account import Account
from tests.tenant.action_api import ActionApi
from tests.tenant.api_access import ApiAccess
from tests.tenant.authorize import Authorize
from tests.tenant.calllog import CallLog
from tests.tenant.client_auth import ClientAuth
from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.connections import Connections
from tests.tenant.control import Control
from tests.tenant.cors import Cors
from tests.tenant.desk import Desk
from tests.tenant.device import DeviceFlow
from tests.tenant.devices import Devices
from tests.tenant.directory import Directory
from tests.tenant.discovery import Discovery
from tests.tenant.faults import Faults
from tests.tenant.fence import Fence
from tests.tenant.flow import Flow
from tests.tenant.grants import Grants
from tests.tenant.keys import Keys
from tests.tenant.library import Library
from tests.tenant.login import LoginPage
from tests.tenant.logins import Logins
from tests.tenant.management import Management
from tests.tenant.middleware import Middleware
from tests.tenant.node import ActionRunner
from tests.tenant.oauth import OAuth
from tests.tenant.passwords import Passwords
from tests.tenant.pipeline import Pipeline
from tests.tenant.ratelimit import Limiter
from tests.tenant.resume import Resume
from tests.tenant.sessions import Sessions
from tests.tenant.states import seed
from tests.tenant.tickets import Tickets
from tests.tenant.tokens import Minter
from tests.tenant.users import Users

_BODY_LIMIT = 1024 * 1024


class _Parts:
    """What the handlers share: the tenant's state and the rules over it."""

    def __init__(self, config: Config, *, runner: ActionRunner, keys: Keys) -> None:
        choices = config.choices
        self.config, self.choices, self.runner, self.keys = config, choices, runner, keys
        self.clock = Clock(starts_at=config.starts_at)
        if config.seed is not None:
            seed(config.seed)
        self.users = Users(self.clock)
        self.directory = Directory(config)
        self.library = Library(directory=self.directory, clock=self.clock)
        self.faults, self.log = Faults(), CallLog()
        self.limiter = Limiter(config.rate_limit, choices=choices)
        self.sessions = Sessions(clock=self.clock, choices=choices)
        self.logins = Logins(clock=self.clock, choices=choices)
        self.devices = Devices(clock=self.clock, choices=choices)
        self.client_auth = ClientAuth(config)
        self.grants = Grants(clock=self.clock, choices=choices)
        self.pipeline = Pipeline(
            runner=runner,
            users=self.users,
            logins=self.logins,
            limiter=self.limiter,
            config=config,
            clock=self.clock,
        )
        self.minter = Minter(
            keys=keys,
            users=self.users,
            grants=self.grants,
            clock=self.clock,
            apis=config.apis,
            organization_names=choices.organization_names == "on",
        )
        self.connections = Connections(config.connections)
        self.passwords = Passwords(
            connections=self.connections,
            users=self.users,
            sessions=self.sessions,
            logins=self.logins,
            choices=choices,
        )
        for user in config.users:
            self.users.put(user)
        for fault in config.faults:
            self.faults.add(fault)


def create_app(config: Config, *, runner: ActionRunner, keys: Keys) -> web.Application:
    """The whole tenant, with its state in memory."""
    parts = _Parts(config, runner=runner, keys=keys)
    control = _control(parts)
    middleware = Middleware(
        log=parts.log, faults=parts.faults, limiter=parts.limiter, keys=keys, choices=parts.choices
    )
    app = web.Application(
        middlewares=[
            middleware.record,
            Cors(config).middleware,
            middleware.fault,
            middleware.limit,
            middleware.errors,
            Fence(config).middleware,
        ],
        client_max_size=_BODY_LIMIT,
    )
    app.add_routes(
        [*_browser_routes(parts), *_application_routes(parts), *_desk(parts).routes(), *control.routes()]
    )
    return app


def _control(parts: _Parts) -> Control:
    return Control(
        log=parts.log,
        faults=parts.faults,
        clock=parts.clock,
        limiter=parts.limiter,
        users=parts.users,
        logins=parts.logins,
        library=parts.library,
        runner=parts.runner,
    )


def _desk(parts: _Parts) -> Desk:
    return Desk(
        config=parts.config,
        logins=parts.logins,
        sessions=parts.sessions,
        grants=parts.grants,
        minter=parts.minter,
        clock=parts.clock,
    )


def _browser_routes(parts: _Parts) -> list[web.RouteDef]:
    config, sessions, logins, users = parts.config, parts.sessions, parts.logins, parts.users
    flow = Flow(
        pipeline=parts.pipeline,
        grants=parts.grants,
        sessions=sessions,
        devices=parts.devices,
        config=config,
    )
    authorize = Authorize(
        config=config,
        directory=parts.directory,
        sessions=sessions,
        logins=logins,
        users=users,
        flow=flow,
        clock=parts.clock,
    )
    login = LoginPage(config=config, sessions=sessions, logins=logins, users=users, flow=flow)
    resume = Resume(config=config, logins=logins, flow=flow, clock=parts.clock)
    device = DeviceFlow(
        devices=parts.devices, client_auth=parts.client_auth, authorize=authorize, choices=parts.choices
    )
    return [route for handler in (authorize, login, resume, device) for route in handler.routes()]


def _application_routes(parts: _Parts) -> list[web.RouteDef]:
    oauth = OAuth(
        config=parts.config,
        directory=parts.directory,
        grants=parts.grants,
        pipeline=parts.pipeline,
        minter=parts.minter,
        users=parts.users,
        devices=parts.devices,
        client_auth=parts.client_auth,
        clock=parts.clock,
    )
    account = Account(
        config=parts.config,
        directory=parts.directory,
        sessions=parts.sessions,
        users=parts.users,
        keys=parts.keys,
        limiter=parts.limiter,
        clock=parts.clock,
    )
    access = ApiAccess(directory=parts.directory, keys=parts.keys, clock=parts.clock)
    management = Management(
        access=access,
        users=parts.users,
        connections=parts.connections,
        passwords=parts.passwords,
        choices=parts.choices,
    )
    tickets = Tickets(
        config=parts.config,
        access=access,
        users=parts.users,
        passwords=parts.passwords,
        clock=parts.clock,
    )
    actions = ActionApi(access=access, library=parts.library)
    discovery = Discovery(directory=parts.directory, keys=parts.keys)
    handlers = (discovery, oauth, account, management, tickets, actions)
    return [route for handler in handlers for route in handler.routes()]
