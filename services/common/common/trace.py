"""The story of one login: moments of services' databases and logs, in order, with the gaps between them.

Each service tells what it knows by an entry point of the group `waystation.trace`. Moments are codes, ids and
times, never what a person typed or is called; a `Person` is handed from service to service and shown nowhere.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from common import audit
from common.db import Connection
from common.log_catalogue import ALWAYS, CONTEXT, EXCEPTION_STACKTRACE
from common.log_formats import in_our_words

DATABASE, LOG = "database", "log"
SILENCE_SECONDS = 10.0
# Of a line: what every moment has by itself, and what would only repeat it.
_COMMON_FIELDS: Final = frozenset(field.name for field in (*ALWAYS, *CONTEXT, EXCEPTION_STACKTRACE))


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that happened to a login; `about` is the step or key, `text` the rest in words."""

    at: datetime
    service: str
    source: str
    event: str
    about: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose login it is, and the revs of its results: by these others find what they did for it."""

    tenant: str
    user_id: str = field(repr=False)
    revs: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Sought:
    """The login that is asked about, with what of it is known by now."""

    transaction_id: str
    person: Person | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one service knows of a login; `verdict` and `trace_id` are the gateway's to say."""

    moments: Sequence[Moment] = ()
    gaps: Sequence[str] = ()
    person: Person | None = None
    tenant: str | None = None
    state: str | None = None
    verdict: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """All of it, in order."""

    transaction_id: str
    tenant: str | None
    state: str | None
    verdict: str | None
    trace_id: str | None
    moments: tuple[Moment, ...]
    gaps: tuple[str, ...]


def tell(
    sought: str, *, told: Sequence[Told], lines: Sequence[Moment], more_gaps: Iterable[str] = ()
) -> Story:
    """Put together what services and logs say; what both say is told once, by the log."""
    logged = {(line.service, line.event, line.about) for line in lines}
    kept = [
        moment
        for one in told
        for moment in one.moments
        if (moment.service, moment.event, moment.about) not in logged
    ]
    moments = tuple(sorted([*kept, *lines], key=lambda moment: moment.at))
    gaps = (*(gap for one in told for gap in one.gaps), *more_gaps, *silences(moments))
    return Story(
        transaction_id=sought,
        tenant=_first(one.tenant for one in told),
        state=_first(one.state for one in told),
        verdict=_first(one.verdict for one in told),
        trace_id=_first(one.trace_id for one in told),
        moments=moments,
        gaps=gaps,
    )


def _first(texts: Iterable[str | None]) -> str | None:
    return next((text for text in texts if text), None)


def silences(moments: Sequence[Moment]) -> Iterator[str]:
    """Where nothing is known to have happened for a while."""
    for before, after in pairwise(moments):
        seconds = (after.at - before.at).total_seconds()
        if seconds > SILENCE_SECONDS:
            yield f"nothing for {seconds:.0f} s between {before.event} and {after.event}"


def read_lines(lines: Iterable[str], *, transaction_id: str, trace_id: str | None) -> Iterator[Moment]:
    """Lines of the login out of services' logs in any format that is JSON.

    What a collector wrote before each line is passed over.
    """
    for line in lines:
        if transaction_id in line or (trace_id and trace_id in line):
            content = in_our_words(_object(line[line.find("{") :]))
            if content.get("transaction_id") == transaction_id or (
                trace_id is not None and content.get("trace_id") == trace_id
            ):
                moment = _moment(content)
                if moment is not None:
                    yield moment


def _object(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _moment(content: Mapping[str, Any]) -> Moment | None:
    try:
        at = datetime.fromisoformat(str(content.get("timestamp")))
    except ValueError:
        return None
    rest = {key: value for key, value in content.items() if key not in _COMMON_FIELDS and key != "step"}
    return Moment(
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        service=str(content.get("service_name", "-")),
        source=LOG,
        event=str(content.get("event", "-")),
        about=str(content.get("step", "")),
        text=" ".join(f"{key}={_short(value)}" for key, value in rest.items()),
    )


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def audited(connection: Connection, sought: Sought, *, service: str) -> list[Moment]:
    """Of the service's audit trail."""
    rows = await audit.find(connection, what=sought.transaction_id, limit=1_000)
    return [
        Moment(
            at=row["at"],
            service=service,
            source=DATABASE,
            event=row["event"],
            about=row["about"] or "",
            text=" ".join(part for part in (row["outcome"] or "", *row["reasons"]) if part),
        )
        for row in rows
        if row["transaction_id"] == sought.transaction_id
    ]


async def unsent(connection: Connection, sought: Sought, *, service: str) -> list[str]:
    """Messages of the login that wait in the service's outbox."""
    rows = await connection.fetch(
        """
        SELECT routing_key, attempts, extract(epoch FROM ws_now() - due_at)::float AS seconds FROM outbox
        WHERE position(convert_to($1, 'UTF8') IN body) > 0 ORDER BY id
        """,
        f'"{sought.transaction_id}"',
    )
    return [
        f"{service} has not sent {row['routing_key']} yet: for {row['seconds']:.0f} s, "
        f"{row['attempts']} attempts"
        for row in rows
    ]
