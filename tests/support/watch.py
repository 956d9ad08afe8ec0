"""`./dev up --watch`: the logins of a local stack as they happen, from the services' lines and nothing else.

On a terminal a table that is drawn anew; anywhere else a line for each event, as text.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from common.log_catalogue import ALWAYS, CONTEXT
from tests.support.logins_seen import Board, SeenLogin

_SERVICES = ("gateway", "proofing", "metadata-sync")
_SHOWN_LOGINS = 12
_OF_EVERY_LINE = {field.name for field in (*ALWAYS, *CONTEXT)}
_SEVERITIES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_OUTCOMES = {"passed": "green", "failed": "red", "pending": "yellow"}


class Watch(Protocol):
    """Called again and again while the stack is up."""

    def look(self) -> None: ...


class Tail:
    """The lines that a growing file has gained since it was last asked; half a line waits for its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._offset += len(whole) + 1
        read = (_line(text) for text in whole.split(b"\n"))
        return [line for line in read if line is not None]


def _line(text: bytes) -> dict[str, Any] | None:
    """A structured line; None for what is none, such as a trace of an interpreter that did not start."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"event", "timestamp", "service_name"} <= set(line) else None


@contextmanager
def watching(outputs: Mapping[str, Path], *, out: TextIO = sys.stdout) -> Iterator[Watch]:
    """Watch these files, by service, while the block runs."""
    tails = [Tail(path) for path in outputs.values()]
    if not out.isatty():
        yield _PlainWatch(tails, out)
        return
    with Live(console=Console(file=out), auto_refresh=False) as live:
        yield _LiveWatch(tails, live)


class _PlainWatch:
    def __init__(self, tails: list[Tail], out: TextIO) -> None:
        self._tails = tails
        self._out = out

    def look(self) -> None:
        for line in _in_order(self._tails):
            self._out.write(f"{as_text(line)}\n")
        self._out.flush()


class _LiveWatch:
    def __init__(self, tails: list[Tail], live: Live) -> None:
        self._tails = tails
        self._live = live
        self._board = Board()

    def look(self) -> None:
        for line in _in_order(self._tails):
            self._board.take(line)
        self._live.update(drawn(self._board), refresh=True)


def _in_order(tails: list[Tail]) -> list[dict[str, Any]]:
    return sorted((line for tail in tails for line in tail.lines()), key=lambda line: str(line["timestamp"]))


def as_text(line: Mapping[str, Any]) -> str:
    """Time, service, login and event of a line, and what it says besides."""
    rest = " ".join(f"{name}={value}" for name, value in line.items() if name not in _OF_EVERY_LINE)
    time, login = str(line["timestamp"])[11:23], str(line.get("transaction_id", "-"))[:8]
    return f"{time}  {line['service_name']:<13}  {login:<8}  {line['event']}  {rest}".rstrip()


def drawn(board: Board) -> Group:
    """The table of logins, newest first, and the latest lines under it."""
    if not board.logins:
        return Group(Text("No login yet: open the address above.", style="dim"), *_latest(board))
    table = Table(title="Logins, newest first", title_justify="left", expand=True)
    for heading in ("login", "tenant", "state", "steps", *_SERVICES):
        table.add_column(heading, overflow="fold")
    table.add_column("seconds", justify="right")
    for login in board.logins[:_SHOWN_LOGINS]:
        table.add_row(*_cells(login), style="dim" if login.is_over else "")
    return Group(table, *_latest(board))


def _cells(login: SeenLogin) -> list[Text]:
    steps = Text(" ").join(
        Text(f"{step} {outcome}", style=_OUTCOMES.get(outcome, ""))
        for step, outcome in login.outcomes.items()
    )
    return [
        Text(login.transaction_id[:8]),
        Text(login.tenant),
        Text(login.state),
        steps,
        *(Text(login.last.get(service, "")) for service in _SERVICES),
        Text(f"{login.seconds:.1f}"),
    ]


def _latest(board: Board) -> Iterator[Text]:
    for line in board.lines:
        yield Text(
            as_text(line), style=_SEVERITIES.get(str(line.get("severity")), "dim"), overflow="ellipsis"
        )
