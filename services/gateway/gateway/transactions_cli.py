"""`waystation transactions list|show|cancel`: logins as the gateway knows them, without what is personal.

Reads ENVIRONMENT and DATABASE_URL as the gateway does.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from common.cli import (
    FAILED,
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
)
from common.cli_guide import Guide
from common.db import Database, open_database
from common.settings import PRODUCTION, SettingsReader
from gateway.cancelling import cancel
from gateway.errors import NotFoundError, TransitionError
from gateway.shield import is_transaction_id
from gateway.transaction import OPEN, Status
from gateway.transactions_store import Wanted, find_login, find_logins

LIST_AT_MOST = 50
_COLUMNS = ("id", "tenant", "application", "state", "steps", "age")
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
            fails="there is no such login",
        ),
    )
    showing.add_argument("id", metavar="TRANSACTION")
    _add_cancel(logins)


def _add_list(logins: Subjects) -> None:
    listing = _command(
        logins,
        "list",
        _list,
        Guide(
            text="list logins, the newest first",
            more="--state open is each that is not over: opened, working, waiting, ready, handed_back or "
            "restarted. For the next page say --after and the last id.",
            reads=_READS,
            of="the gateway",
            examples=(
                "waystation transactions list --tenant acme --state waiting --older-than 10m",
                "waystation transactions list --state open --after TRANSACTION",
            ),
            shape=f"[{_SHAPE}, …]",
            fails="never",
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
            fails="there is no such login, or it is over",
        ),
    )
    cancelling.add_argument("id", metavar="TRANSACTION")
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
    reader.finish()
    return asyncio.run(_with_database(options, url, production=environment == PRODUCTION))


async def _with_database(options: argparse.Namespace, url: str, *, production: bool) -> int:
    async with open_database(
        url,
        schema="gateway",
        application_name="waystation",
        production=production,
        pool_size=1,
        all_tenants=True,
    ) as database:
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
    listed = [_as_json(row) for row in rows[: options.limit]]
    if len(rows) > options.limit:
        complain(f"There are more than {options.limit}; the next page: --after {listed[-1]['id']}")
    if options.json:
        say_json(listed)
    elif listed:
        print_table(_COLUMNS, [_row(one) for one in listed])
    else:
        complain("There are no such logins.")
    return 0


def _statuses(given: list[str] | None) -> list[str] | None:
    if given is None:
        return None
    opened = {status.value for status in OPEN} if _ANY_OPEN in given else set()
    return sorted(opened | set(given) - {_ANY_OPEN})


async def _show(database: Database, options: argparse.Namespace) -> int:
    async with database.connection() as connection:
        row = await find_login(connection, options.id) if is_transaction_id(options.id) else None
    if row is None:
        complain("There is no such login.")
        return FAILED
    shown = _as_json(row) | {
        "waiting_until": _time(row["waiting_until"]),
        "answered_until": _time(row["answered_until"]),
        "issuer": row["issuer"],
        "language": row["language"],
        "trace_id": row["traceparent"][3:35],
        "version": row["version"],
        "jti": row["jti"],
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


async def _cancel(database: Database, options: argparse.Namespace) -> int:
    try:
        was = await cancel(database, options.id, reason=options.reason, operator=options.operator)
    except NotFoundError:
        complain("There is no such login.")
        return FAILED
    except TransitionError:
        complain("This login is over already; nothing was changed.")
        return FAILED
    if options.json:
        say_json({"id": options.id, "was": was, "state": Status.CANCELLED})
    else:
        say(f"{options.id} is cancelled; it was {was}.")
    if was is Status.HANDED_BACK:
        complain("Its answer was given out before: if the tenant has taken it, the person is in.")
    return 0


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "tenant": row["tenant"],
        "application": row["client_id"],
        "state": row["status"],
        "waiting_for": row["waiting_for"],
        "claimed": row["is_claimed"],
        "metadata": row["metadata"],
        "steps": [_step(step) for step in json.loads(row["steps"])],
        "opened_at": row["opened_at"].isoformat(),
        "deadline": row["deadline"].isoformat(),
        "age": round((row["now"] - row["opened_at"]).total_seconds()),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    conclusion = step.get("conclusion") or {}
    return {
        "name": step["name"],
        "status": step["status"],
        "level": conclusion.get("level"),
        "reason": conclusion.get("reason"),
    }


def _row(listed: Mapping[str, Any]) -> tuple[str, ...]:
    waiting = f" for {listed['waiting_for']}" if listed["waiting_for"] else ""
    steps = ", ".join(f"{step['name']} {step['status']}" for step in listed["steps"])
    age = str(timedelta(seconds=listed["age"]))
    return (listed["id"], listed["tenant"], listed["application"], listed["state"] + waiting, steps, age)


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
