"""How every command of `waystation` ends, whatever it is about."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from common.cli import AmbiguousIdError, print_table, run, sentence_of, the_only_one
from common.consumer import UnknownTenantError
from common.db import DatabaseUnavailableError
from common.setting_examples import EXAMPLES
from tests.support.processes import base_environment

WAYSTATION = (sys.executable, "-m", "common.cli")


def test_wrong_settings_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, each with its name, what is wrong and an example; status 2."""
    assert run(["transactions", "list"], {"ENVIRONMENT": "prod"}) == 2
    assert run(["reviews", "list"], {"DATABASE_URL": "postgresql://waystation_gateway:x@db/x"}) == 2
    complaints = capsys.readouterr().err.splitlines()
    assert run(["keys", "status"], {"DATABASE_URL": "postgresql://["}) == 2
    complaints += capsys.readouterr().err.splitlines()
    at = "PASSWORD@db.internal:5432/waystation"
    example = f"for example postgresql://waystation_proofing:{at}"
    anybodys = f"for example postgresql://waystation_SERVICE:{at}"
    keys = f"for example {EXAMPLES['DATA_KEY_FILES']}"
    assert complaints == [
        "ENVIRONMENT: must be one of production, development; for example production",
        f"DATABASE_URL: is required; for example postgresql://waystation_gateway:{at}",
        f"DATABASE_URL: must have a password of 16 characters or more, in production; {example}",
        f"DATABASE_URL: logs in for gateway; this command is about proofing; {example}",
        f"DATA_KEY_FILES: is required; {keys}",
        f"DATABASE_URL: must be a URL that begins with postgresql:// or postgres://; {anybodys}",
        f"DATA_KEY_FILES: is required; {keys}",
        f"DATABASE_URL: names no role of a service: say --schema; {anybodys}",
    ]


def test_what_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that is no UTF-8 is told in a sentence, with status 2, before anything else."""
    assert run(["trace", os.fsdecode(b"caf\xe9")], {}) == 2
    assert capsys.readouterr().err == "What is typed must be UTF-8, and this is not: 'caf\\udce9'.\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """As the services' log lines have it."""
    with pytest.raises(SystemExit) as caught:
        run(["--version"], {})
    assert (caught.value.code, capsys.readouterr().out) == (0, f"waystation {version('waystation')}\n")


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends a command that waits with status 130 and a word, not a trace."""
    log = tmp_path / "log"
    os.mkfifo(log)
    command = [*WAYSTATION, "trace", "any-login", "--logs", str(log)]
    with (
        subprocess.Popen(command, env=base_environment(), stderr=subprocess.PIPE, text=True) as process,
        log.open("w", encoding="utf-8"),  # returns when the command has begun to read
    ):
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (130, "Interrupted.\n")


def test_nobody_reads_the_answer(tmp_path: Path) -> None:
    """Where the reader has left, as `head` does, nothing is said about it."""
    path = tmp_path / "tenants.yaml"
    path.write_text("version: 1\ntenants: {acme: {}}\n")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*WAYSTATION, "tenants", "check", str(path), "--json"],
        env=base_environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert "Traceback" not in done.stderr


def test_sentences() -> None:
    """What ends a command is one sentence without the name of an error of ours."""
    assert (
        sentence_of(DatabaseUnavailableError("TimeoutError"))
        == "The database does not answer (TimeoutError)."
    )
    assert sentence_of(UnknownTenantError("the tenants file lacks it")) == "The tenants file lacks it."


def test_tables_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in a row is shown, and nothing of it obeyed."""
    print_table(("id", "what"), [("1", "\x1b[2Jgone"), ("22", "two\nlines")])
    assert capsys.readouterr().out.splitlines() == [
        "id  what",
        r"1   '\x1b[2Jgone'",
        r"22  'two\nlines'",
    ]


def test_beginnings_of_ids() -> None:
    """The one id that begins so, or a whole one; where several do, they are named."""
    assert the_only_one([], beginning="ab") is None
    assert the_only_one(["abc"], beginning="ab") == "abc"
    assert the_only_one(["ab", "abc"], beginning="ab") == "ab"
    with pytest.raises(AmbiguousIdError) as caught:
        the_only_one(["ab1", "ab2", "ab3", "ab4", "ab5", "ab6"], beginning="ab")
    assert sentence_of(caught.value) == "Several ids begin with ab: ab1, ab2, ab3, ab4, ab5, and more."
