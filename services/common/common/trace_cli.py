"""`waystation trace TRANSACTION`: the story of one login, for whoever has to find out where it is."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias

from common.cli import (
    FAILED,
    IDS_SHOWN,
    Subjects,
    add_command,
    complain,
    print_table,
    printable,
    say,
    say_json,
    the_only_one,
)
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Connection, DatabaseUnavailableError, SchemaOutdatedError
from common.doctor_cli import add_environment_options
from common.environments import Environment, read_environments
from common.errors import WaystationError
from common.settings import PRODUCTION, SettingsReader
from common.trace import Logged, Moment, Sought, Story, Told, find_ids, tell

GROUP = "waystation.trace"
_COLUMNS = ("time", "after", "service", "event", "about", "what")
_STDIN = "-"

_Tells: TypeAlias = Callable[[Connection, Sought], Awaitable[Told]]


class LogFileError(WaystationError):
    """A file of logs cannot be read."""


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    parser = add_command(
        subjects,
        "trace",
        Guide(
            text="tell the story of one login, from databases and logs",
            more="Hops, times, steps, messages, writes and verdict in order, and what is missing. A "
            "service's database tells its own part: give the settings of several by --env. Logs add what no "
            "database keeps. Nothing that the person typed or is called is shown.",
            reads=("ENVIRONMENT", "DATABASE_URL"),
            examples=(
                "waystation trace TRANSACTION",
                "docker compose logs --no-color | waystation trace TRANSACTION --logs -",
                "waystation trace TRANSACTION --env gateway.env --env proofing.env --env metadata-sync.env",
            ),
            shape='{"transaction_id", "tenant", "state", "verdict", "trace_id", "moments": [{"at", "after": '
            'SECONDS, "service", "source": "database"|"log", "event", "about", "text"}, …], "gaps": '
            "[TEXT, …]}",
            fails="nothing is known of such a login, or several ids begin so",
        ),
        run=_run,
    )
    parser.add_argument(
        "transaction",
        metavar="TRANSACTION",
        help="its id, as in the address of its pages, or a beginning that no other has",
    )
    parser.add_argument(
        "--logs",
        action="append",
        default=[],
        metavar="FILE",
        help="structured lines of services, of any number of logins; - is standard input; more than once",
    )
    add_environment_options(parser)


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    story = _find(options, _environments(options, environ))
    if not story.moments:
        complain("Nothing is known of such a login" + (" here:" if story.gaps else "."))
        for gap in story.gaps:
            complain(printable(gap))
        return FAILED
    if options.json:
        say_json(_as_json(story))
    else:
        _tell(story)
    return 0


def _environments(options: argparse.Namespace, environ: Mapping[str, str]) -> list[Environment]:
    """None where logs are all there is."""
    has_database = any(environ.get(name) for name in ("DATABASE_URL", "DATABASE_URL_FILE"))
    if options.logs and not options.env and not has_database:
        return []
    return read_environments(environ, options.env, service=options.service)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What databases tell of a login, and which do not."""

    transaction_id: str
    told: list[Told]
    gaps: list[str]

    @property
    def trace_id(self) -> str | None:
        return next((one.trace_id for one in self.told if one.trace_id), None)


def _find(options: argparse.Namespace, environments: list[Environment]) -> Story:
    """By its id, or else by the beginning of it that no other has; files are read where Ctrl-C ends that."""
    asked = asyncio.run(_ask_databases(environments, options.transaction))
    logged = Logged(sought=asked.transaction_id, trace_id=asked.trace_id)
    for path in options.logs:
        _read(path, logged)
    whole = the_only_one(sorted(logged.by_id), beginning=logged.sought) or logged.sought
    if whole != asked.transaction_id:
        asked = asyncio.run(_ask_all(environments, whole))
    return _put_together(options, environments, asked, logged)


async def _ask_databases(environments: list[Environment], typed: str) -> _Asked:
    asked = await _ask_all(environments, typed)
    if any(one.moments for one in asked.told):
        return asked
    whole = the_only_one(await _ids(environments, typed), beginning=typed)
    return await _ask_all(environments, whole) if whole else asked


async def _ask_all(environments: list[Environment], transaction_id: str) -> _Asked:
    sought = Sought(transaction_id=transaction_id)
    told: list[Told] = []
    gaps = []
    # The gateway first: it knows whose login it is.
    for environment in sorted(environments, key=lambda one: one.schema):
        try:
            told.append(await _ask(environment, sought))
        except (DatabaseUnavailableError, SchemaOutdatedError) as exc:
            gaps.append(f"the database of {environment.service} does not tell ({exc})")
        else:
            sought = Sought(transaction_id=sought.transaction_id, person=told[-1].person or sought.person)
    return _Asked(transaction_id=transaction_id, told=told, gaps=gaps)


async def _ask(environment: Environment, sought: Sought) -> Told:
    (entry,) = entry_points(group=GROUP, name=environment.schema)
    moments_of: _Tells = entry.load()
    async with _connected(environment) as connection:
        return await moments_of(connection, sought)


async def _ids(environments: list[Environment], beginning: str) -> list[str]:
    """Those that begin so, of all databases that answer."""
    found: set[str] = set()
    for environment in environments:
        with suppress(DatabaseUnavailableError, SchemaOutdatedError):
            async with _connected(environment) as connection:
                found.update(await find_ids(connection, beginning=beginning, limit=IDS_SHOWN + 1))
    return sorted(found)


@asynccontextmanager
async def _connected(environment: Environment) -> AsyncIterator[Connection]:
    reader = SettingsReader(environment.variables)
    production = reader.environment() == PRODUCTION
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    reader.finish()
    async with (
        open_for_command(url, schema=environment.schema, production=production) as database,
        database.connection() as connection,
    ):
        yield connection


def _put_together(
    options: argparse.Namespace, environments: list[Environment], asked: _Asked, logged: Logged
) -> Story:
    lines = logged.moments(asked.transaction_id)
    silent = {environment.service for environment in environments} - {line.service for line in lines}
    silences = []
    if options.logs:
        silences = [f"the given logs have no line of {service} about it" for service in sorted(silent)]
    by_logs = Told(tenant=logged.tenant, trace_id=logged.trace_id)
    return tell(
        asked.transaction_id, told=[*asked.told, by_logs], lines=lines, more_gaps=[*asked.gaps, *silences]
    )


def _read(path: str, logged: Logged) -> None:
    with ExitStack() as stack:
        try:
            file = (
                sys.stdin
                if path == _STDIN
                else stack.enter_context(Path(path).open(encoding="utf-8", errors="replace"))
            )
        except OSError:
            raise LogFileError(f"the file {path} cannot be read") from None
        logged.read(file)


def _tell(story: Story) -> None:
    say(f"{story.transaction_id} of tenant {story.tenant or '?'}; trace {story.trace_id or '?'}\n")
    first = story.moments[0].at
    print_table(_COLUMNS, [_row(moment, first) for moment in story.moments])
    say("")
    for gap in story.gaps:
        say(f"? {printable(gap)}")
    say(f"= {printable(story.verdict or 'the gateway was not asked, so the verdict is not known')}")


def _row(moment: Moment, first: datetime) -> tuple[str, ...]:
    time = moment.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    after = f"+{(moment.at - first).total_seconds():.3f} s"
    return (time, after, moment.service, moment.event, moment.about or "-", moment.text or "-")


def _as_json(story: Story) -> dict[str, Any]:
    first = story.moments[0].at
    return {
        "transaction_id": story.transaction_id,
        "tenant": story.tenant,
        "state": story.state,
        "verdict": story.verdict,
        "trace_id": story.trace_id,
        "moments": [
            {
                "at": moment.at.isoformat(),
                "after": round((moment.at - first).total_seconds(), 3),
                "service": moment.service,
                "source": moment.source,
                "event": moment.event,
                "about": moment.about,
                "text": moment.text,
            }
            for moment in story.moments
        ],
        "gaps": list(story.gaps),
    }
