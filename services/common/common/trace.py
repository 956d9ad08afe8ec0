"""The story of one login: moments of services' databases and logs, in order, with the gaps between them.

Each service tells what it knows by an entry point of the group `waystation.trace`. Moments are codes, ids and
times, never what a person typed or is called; a `Person` is handed from service to service and shown nowhere.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from common import audit
from common.db import Connection
from common.log_catalogue import ALWAYS, CONTEXT, EXCEPTION_STACKTRACE
from common.log_formats import in_our_words

DATABASE, LOG = "database", "log"
SILENCE_SECONDS = 10.0
# As far as clocks may differ before `waystation doctor` calls it a failure.
CLOCKS_DIFFER = timedelta(seconds=30)
# Of a line: what every moment has by itself, and what would only repeat it.
_COMMON_FIELDS: Final = frozenset(field.name for field in (*ALWAYS, *CONTEXT, EXCEPTION_STACKTRACE))
# As `_moment` writes the values of a line.
_WORDS: Final = re.compile(r'[^\s=,"[\]{}]+')


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
    woven = weave([moment for one in told for moment in one.moments], lines)
    moments = tuple(sorted(woven, key=lambda moment: moment.at))
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


def weave(moments: Iterable[Moment], lines: Iterable[Moment]) -> Iterator[Moment]:
    """What of databases no line tells, then the lines, each with the words that only the database has.

    A line tells one moment: the nearest, where clocks may disagree.
    """
    told = list(lines)
    free: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, line in enumerate(told):
        free[line.service, line.event, line.about].append(place)
    for moment in moments:
        places = free[moment.service, moment.event, moment.about]
        nearest = min(places, key=lambda place: abs(told[place].at - moment.at), default=None)
        if nearest is None or abs(told[nearest].at - moment.at) > CLOCKS_DIFFER:
            yield moment
        else:
            places.remove(nearest)
            told[nearest] = _with_words_of(told[nearest], moment)
    yield from told


def _with_words_of(line: Moment, moment: Moment) -> Moment:
    known = set(_WORDS.findall(line.text))
    more = [word for word in moment.text.split() if word not in known]
    return replace(line, text=" ".join((line.text, *more)).strip()) if more else line


def _first(texts: Iterable[str | None]) -> str | None:
    return next((text for text in texts if text), None)


def silences(moments: Sequence[Moment]) -> Iterator[str]:
    """Where nothing is known to have happened for a while."""
    for before, after in pairwise(moments):
        seconds = (after.at - before.at).total_seconds()
        if seconds > SILENCE_SECONDS:
            yield f"nothing for {seconds:.0f} s between {before.event} and {after.event}"


@dataclass(kw_only=True)
class Logged:
    """What lines of services' logs tell of the login whose id is `sought`, or begins so.

    What a collector wrote before each line is passed over. Where no database has told it, `trace_id` is that
    of the first line of the login; lines that only name the trace count from there.
    """

    sought: str
    trace_id: str | None = None
    tenant: str | None = None
    by_id: dict[str, list[Moment]] = field(default_factory=dict)
    of_the_trace: list[Moment] = field(default_factory=list)

    def moments(self, transaction_id: str) -> list[Moment]:
        return [*self.by_id.get(transaction_id, ()), *self.of_the_trace]

    def read(self, lines: Iterable[str]) -> None:
        """Of any number of logins, in any format that is JSON."""
        for line in lines:
            if self.sought in line or (self.trace_id and self.trace_id in line):
                self._take(in_our_words(_object(line[line.find("{") :])))

    def _take(self, content: Mapping[str, Any]) -> None:
        moment, transaction_id = _moment(content), content.get("transaction_id")
        if moment is None:
            return
        if isinstance(transaction_id, str) and transaction_id.startswith(self.sought):
            self.by_id.setdefault(transaction_id, []).append(moment)
            self.tenant = self.tenant or _text(content, "tenant")
            self.trace_id = self.trace_id or _text(content, "trace_id")
        elif self.trace_id is not None and content.get("trace_id") == self.trace_id:
            self.of_the_trace.append(moment)


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    return value if isinstance(value, str) else None


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


async def find_ids(connection: Connection, *, beginning: str, limit: int) -> list[str]:
    """Of logins and erasures in the service's audit trail, those whose id begins so."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT transaction_id AS id FROM audit_events WHERE starts_with(transaction_id, $1)
        ORDER BY id LIMIT $2
        """,
        beginning,
        limit,
    )
    return [row["id"] for row in rows]


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
