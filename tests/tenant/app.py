"""The composition root: one tenant, put together."""

from aiohttp import web

from tests.tenant.account import Account
from tests.tenant.authorize import Authorize
from tests.tenant.calllog import CallLog
from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.control import Control
from tests.tenant.cors import Cors
from tests.tenant.directory import Directory
from tests.tenant.discovery import Discovery
from tests.tenant.faults import Faults
from tests.tenant.flow import Flow
from tests.tenant.grants import Grants
from tests.tenant.keys import Keys
from tests.tenant.login import LoginPage
from tests.tenant.logins import Logins
from tests.tenant.management import Management
from tests.tenant.middleware import Middleware
from tests.tenant.node import ActionRunner
from tests.tenant.oauth import OAuth
from tests.tenant.pipeline import Pipeline
from tests.tenant.ratelimit import Limiter
from tests.tenant.resume import Resume
from tests.tenant.sessions import Sessions
from tests.tenant.tokens import Minter
from tests.tenant.users import Users

_BODY_LIMIT = 1024 * 1024


def create_app(config: Config, *, runner: ActionRunner, keys: Keys) -> web.Application:
    """The whole tenant, with its state in memory."""
    clock, choices = Clock(), config.choices
    users, faults, log = Users(clock), Faults(), CallLog()
    for seed in config.users:
        users.put(seed)
    directory = Directory(config)
    limiter = Limiter(config.rate_limit, choices=choices)
    sessions = Sessions(clock=clock, choices=choices)
    logins = Logins(clock=clock, choices=choices)
    grants = Grants(clock=clock, choices=choices)
    pipeline = Pipeline(
        runner=runner, users=users, logins=logins, limiter=limiter, config=config, clock=clock
    )
    flow = Flow(pipeline=pipeline, grants=grants, sessions=sessions, config=config)
    minter = Minter(keys=keys, users=users, grants=grants, clock=clock)
    control = Control(
        log=log,
        faults=faults,
        clock=clock,
        limiter=limiter,
        users=users,
        logins=logins,
        directory=directory,
        runner=runner,
    )
    middleware = Middleware(log=log, faults=faults, limiter=limiter, keys=keys, choices=choices)
    app = web.Application(
        middlewares=[
            middleware.record,
            Cors(config).middleware,
            middleware.fault,
            middleware.limit,
            middleware.errors,
            control.guard,
        ],
        client_max_size=_BODY_LIMIT,
    )
    app.add_routes(Discovery(directory=directory, keys=keys).routes())
    app.add_routes(
        Authorize(
            config=config,
            directory=directory,
            sessions=sessions,
            logins=logins,
            users=users,
            flow=flow,
            clock=clock,
        ).routes()
    )
    app.add_routes(
        LoginPage(config=config, sessions=sessions, logins=logins, users=users, flow=flow).routes()
    )
    app.add_routes(Resume(config=config, logins=logins, flow=flow, clock=clock).routes())
    app.add_routes(
        OAuth(
            config=config,
            directory=directory,
            grants=grants,
            pipeline=pipeline,
            minter=minter,
            users=users,
            clock=clock,
        ).routes()
    )
    app.add_routes(
        Account(
            config=config,
            directory=directory,
            sessions=sessions,
            users=users,
            keys=keys,
            limiter=limiter,
            clock=clock,
        ).routes()
    )
    app.add_routes(
        Management(
            directory=directory,
            users=users,
            keys=keys,
            sessions=sessions,
            logins=logins,
            choices=choices,
            clock=clock,
        ).routes()
    )
    app.add_routes(control.routes())
    return app
