"""`waystation transactions list|show|cancel`: logins as the gateway knows them, without what is personal.

Reads ENVIRONMENT and DATABASE_URL as the gateway does.
"""

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeAlias

from common.cli import (
    FAILED,
    IDS_SHOWN,
    MISUSED,
    Subjects,
    add_command,
    add_limit,
    add_subject,
    complain,
    one_word,
    print_table,
    printable,
    read_database_url,
    say,
    say_json,
    the_only_one,
)
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Connection, Database
from common.settings import PRODUCTION, SettingsReader
from common.tenants import load_tenants
from gateway.cancelling import cancel
from gateway.errors import NotFoundError, TransitionError
from gateway.shield import is_transaction_id
from gateway.transaction import OPEN, Status
from gateway.transactions_shown import COLUMNS, as_json, row, time_of
from gateway.transactions_store import Wanted, find_ids, find_login, find_logins, has_logins

LIST_AT_MOST = 50
CANCEL_BY = 8  # as `./dev up --watch` shows of an id; a shorter beginning may be another login's by a slip
_READS = ("ENVIRONMENT", "DATABASE_URL")
_SHAPE = (
    '{"id", "tenant", "application", "state", "waiting_for", "claimed", "metadata", "steps": [{"name", '
    '"status", "level", "reason"}, …], "opened_at", "deadline", "age": SECONDS}'
)
_AGE = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ANY_OPEN = "open"

_Command: TypeAlias = Callable[[Database, argparse.Namespace], Awaitable[int]]


def add_commands(subjects: Subjects) -> None:
    """What the gateway adds to `waystation`, besides `erase`."""
    logins = add_subject(subjects, "transactions", "logins on their way through us")
    _add_list(logins)
    showing = _command(
        logins,
        "show",
        _show,
        Guide(
            text="show one login: state, steps, times; nothing that its person typed or is called",
            reads=_READS,
            of="the gateway",
            examples=("waystation transactions show TRANSACTION",),
            shape=f'{_SHAPE[:-1]}, "waiting_until", "answered_until", "issuer", "language", "trace_id", '
            '"version", "jti"}',
            fails="there is no such login, or several ids begin so",
        ),
    )
    showing.add_argument("id", metavar="TRANSACTION", help="its id, or a beginning that no other has")
    _add_cancel(logins)


def _add_list(logins: Subjects) -> None:
    listing = _command(
        logins,
        "list",
        _list,
        Guide(
            text="list logins, the newest first",
            more="--state open is each that is not over: opened, working, waiting, ready, handed_back or "
            "restarted. For the next page say --after and the last id. A tenant that neither a login nor "
            "TENANTS_FILE knows is a mistake, and no empty list.",
            reads=(*_READS, "TENANTS_FILE"),
            of="the gateway",
            examples=(
                "waystation transactions list --tenant acme --state waiting --older-than 10m",
                "waystation transactions list --state open --after TRANSACTION",
            ),
            shape=f"[{_SHAPE}, …]",
            fails="no such tenant is known, or no login with the id after --after",
        ),
    )
    listing.add_argument("--tenant", help="of this tenant alone")
    listing.add_argument("--user", metavar="USER_ID", help="of this user alone, as the tenant knows them")
    states = [_ANY_OPEN, *(status.value for status in Status)]
    listing.add_argument(
        "--state", action="append", choices=states, help="in this state; more than once: any"
    )
    listing.add_argument(
        "--older-than", type=_age, metavar="AGE", help="opened before that: 90s, 10m, 2h, 3d"
    )
    listing.add_argument("--younger-than", type=_age, metavar="AGE", help="opened since then")
    listing.add_argument("--after", metavar="TRANSACTION", help="what comes after this one in the list")
    add_limit(listing, default=LIST_AT_MOST)


def _add_cancel(logins: Subjects) -> None:
    cancelling = _command(
        logins,
        "cancel",
        _cancel,
        Guide(
            text="end a login that is still open; its person starts again at the application",
            more="Its page says that it was ended. What is personal in it goes at once, a verdict that is "
            "still to come is kept for the person, and the audit trail has who ended it and why. A running "
            "gateway logs and counts it.",
            reads=_READS,
            of="the gateway",
            examples=(
                "waystation transactions cancel TRANSACTION --reason ticket-4711 --operator anna@acme",
            ),
            shape='{"id", "was": STATE, "state": "cancelled"}',
            fails="there is no such login, several ids begin so, or it is over",
        ),
    )
    cancelling.add_argument(
        "id", metavar="TRANSACTION", help=f"its id, or {CANCEL_BY} characters of it that no other begins with"
    )
    cancelling.add_argument(
        "--reason", required=True, type=one_word, help="a code without spaces, such as a ticket's number"
    )
    cancelling.add_argument(
        "--operator", required=True, type=one_word, help="who you are, as your organisation knows you"
    )


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    parser.set_defaults(command=command)
    return parser


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("must be a number of s, m, h or d, such as 10m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = read_database_url(reader, schema="gateway")
    options.tenants_file = reader.path("TENANTS_FILE") if environ.get("TENANTS_FILE") else None
    options.production = environment == PRODUCTION
    reader.finish()
    return asyncio.run(_with_database(options, url))


async def _with_database(options: argparse.Namespace, url: str) -> int:
    async with open_for_command(url, schema="gateway", production=options.production) as database:
        status: int = await options.command(database, options)
    return status


async def _list(database: Database, options: argparse.Namespace) -> int:
    wanted = Wanted(
        tenant=options.tenant,
        subject=options.user,
        statuses=_statuses(options.state),
        older_than=options.older_than,
        younger_than=options.younger_than,
        after=options.after,
    )
    async with database.connection() as connection:
        rows = await find_logins(connection, wanted, limit=options.limit + 1)
        mistake = None if rows else await _mistake(connection, options)
    if mistake:
        complain(mistake)
        return FAILED
    listed = [as_json(one) for one in rows[: options.limit]]
    if len(rows) > options.limit:
        complain(f"There are more than {options.limit}; the next page: --after {listed[-1]['id']}")
    if options.json:
        say_json(listed)
    elif listed:
        print_table(COLUMNS, [row(one) for one in listed])
    else:
        complain("There are no such logins.")
    return 0


async def _mistake(connection: Connection, options: argparse.Namespace) -> str | None:
    """What is wrong with the question, where nothing answers it."""
    if options.after and await find_login(connection, options.after) is None:
        return "There is no login with the id that --after names."
    tenant, file = options.tenant, options.tenants_file
    if tenant is None or await has_logins(connection, tenant):
        return None
    if file is None:
        return f"No login of a tenant {printable(tenant)} is known, and no TENANTS_FILE to look it up in."
    if load_tenants(file, production=options.production, parts=frozenset()).get(tenant) is None:
        return f"The tenants file does not have a tenant {printable(tenant)}, and no login of it is known."
    return None


def _statuses(given: list[str] | None) -> list[str] | None:
    if given is None:
        return None
    opened = {status.value for status in OPEN} if _ANY_OPEN in given else set()
    return sorted(opened | set(given) - {_ANY_OPEN})


async def _show(database: Database, options: argparse.Namespace) -> int:
    async with database.connection() as connection:
        whole = await _whole_id(connection, options.id)
        found = await find_login(connection, whole) if whole else None
    if found is None:
        complain("There is no such login.")
        return FAILED
    shown = as_json(found) | {
        "waiting_until": time_of(found["waiting_until"]),
        "answered_until": time_of(found["answered_until"]),
        "issuer": found["issuer"],
        "language": found["language"],
        "trace_id": found["traceparent"][3:35],
        "version": found["version"],
        "jti": found["jti"],
    }
    if options.json:
        say_json(shown)
        return 0
    for name, value in shown.items():
        if name == "steps":
            continue
        say(f"{name.replace('_', ' ')}: {'-' if value is None else printable(str(value))}")
    columns = ("step", "status", "level", "reason")
    print_table(
        columns, [tuple(step[name] or "-" for name in ("name", *columns[1:])) for step in shown["steps"]]
    )
    return 0


async def _whole_id(connection: Connection, typed: str) -> str | None:
    """Of the one login whose id begins so."""
    if is_transaction_id(typed):
        return typed
    return the_only_one(await find_ids(connection, beginning=typed, limit=IDS_SHOWN + 1), beginning=typed)


async def _cancel(database: Database, options: argparse.Namespace) -> int:
    if len(options.id) < CANCEL_BY:
        complain(f"Say more of the id: {CANCEL_BY} characters at least.")
        return MISUSED
    async with database.connection() as connection:
        whole = await _whole_id(connection, options.id) or options.id
    try:
        was = await cancel(database, whole, reason=options.reason, operator=options.operator)
    except NotFoundError:
        complain("There is no such login.")
        return FAILED
    except TransitionError:
        complain("This login is over already; nothing was changed.")
        return FAILED
    if options.json:
        say_json({"id": whole, "was": was, "state": Status.CANCELLED})
    else:
        say(f"{whole} is cancelled; it was {was}.")
    if was is Status.HANDED_BACK:
        complain("Its answer was given out before: if the tenant has taken it, the person is in.")
    return 0
