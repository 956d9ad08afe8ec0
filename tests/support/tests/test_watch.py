"""./dev up --watch tells where each login stands, from lines alone."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.support.logins_seen import KEPT_LOGINS, Board
from tests.support.watch import Tail, drawn, watching


def line(
    event: str, *, service: str = "gateway", second: int = 0, login: str = "a" * 22, **more: Any
) -> dict[str, Any]:
    return {
        "timestamp": f"2026-11-22T10:00:{second:02}.000Z",
        "severity": "INFO",
        "event": event,
        "service_name": service,
        "transaction_id": login,
        "tenant": "acme",
        **more,
    }


@pytest.fixture
def passed() -> Board:
    """One login, from its beginning to its end."""
    board = Board()
    for told in (
        line("login.opened", steps=["idproof"]),
        line("login.claimed", second=2),
        line("verification.concluded", service="proofing", second=4),
        line("step.concluded", second=5, step="idproof", outcome="passed"),
        line("metadata.applied", service="metadata-sync", second=6),
        line("login.handed_back", second=7),
    ):
        board.take(told)
    return board


def test_a_login_is_followed_through_the_services(passed: Board) -> None:
    """It has a state, the outcome of each step, the newest event of each service, and its time."""
    (login,) = passed.logins
    assert (login.state, login.is_over, login.outcomes, login.seconds) == (
        "handed back",
        True,
        {"idproof": "passed"},
        7.0,
    )
    assert login.last == {
        "gateway": "login.handed_back",
        "proofing": "verification.concluded",
        "metadata-sync": "metadata.applied",
    }


def test_the_newest_come_first_and_the_oldest_are_forgotten() -> None:
    """However long the stack is up, no more logins are kept than somebody can look at."""
    board = Board()
    for number in range(KEPT_LOGINS + 1):
        board.take(line("login.opened", login=f"login{number}", second=number))
    assert len(board.logins) == 50
    assert board.logins[0].transaction_id == "login50"
    assert "login0" not in {login.transaction_id for login in board.logins}


def test_what_is_drawn(passed: Board) -> None:
    """The table names login, state and outcomes; before the first login it says what to do."""
    assert "No login yet" in _shown(Board())
    shown = _shown(passed)
    for part in ("aaaaaaaa", "acme", "handed back", "idproof passed", "verification.concluded", "7.0"):
        assert part in shown


def _shown(board: Board) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(drawn(board))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    return tmp_path / "gateway.log"


def test_half_a_line_waits_for_its_end(growing: Path) -> None:
    """A line that is being written is read once it is whole; what is no line of ours is passed over."""
    tail = Tail(growing)
    assert tail.lines() == []
    whole = json.dumps(line("login.opened"))
    growing.write_text(f"Traceback\n[1]\n{whole}\n{whole[:20]}")
    assert [read["event"] for read in tail.lines()] == ["login.opened"]
    assert tail.lines() == []
    growing.write_text(f"Traceback\n[1]\n{whole}\n{whole}\n")
    assert [read["event"] for read in tail.lines()] == ["login.opened"]


def test_where_there_is_no_terminal(growing: Path) -> None:
    """Each event is a line of text, without what every line has."""
    growing.write_text(json.dumps(line("step.concluded", step="terms", outcome="passed")) + "\n")
    out = io.StringIO()
    with watching({"gateway": growing}, out=out) as watch:
        watch.look()
        watch.look()
    assert (
        out.getvalue() == "10:00:00.000  gateway        aaaaaaaa  step.concluded  step=terms outcome=passed\n"
    )
