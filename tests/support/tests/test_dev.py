import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.run_folder import ROOT

DEV = ROOT / "dev"
COMMANDS = ("demo", "up", "test", "check", "fuzz", "bench", "migrate")


def _dev(
    *arguments: str, dev: str | Path = DEV, user: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": "/", **variables}
    return subprocess.run(
        ["/bin/sh", dev, *arguments], capture_output=True, text=True, check=False, cwd="/", env=env, user=user
    )


def test_help_names_every_command() -> None:
    """`./dev --help` lists what there is, from any folder."""
    done = _dev("--help")
    assert done.returncode == 0
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command: str) -> None:
    """Every command explains itself, and nothing is installed for that."""
    done = _dev(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"./dev {command}")
    assert done.stderr == ""


def test_unknown_command() -> None:
    """A command that does not exist is named, and the exit status says that nothing was done."""
    done = _dev("dmeo")
    assert done.returncode == 2
    assert done.stderr.startswith("./dev: there is no command 'dmeo'.\n")


def test_migrate_needs_a_database() -> None:
    """Without a database there is one plain sentence."""
    done = _dev("migrate")
    assert done.returncode == 2
    assert done.stderr == "./dev: which database? Give --database DSN or set MIGRATE_DATABASE_URL.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("check", "foo"),
            "there is no check 'foo'. There is: mutations, tenant-mutations, or nothing for the short ones.",
        ),
        (("bench",), "which bench? There is: tenant, metadata-sync, traces."),
        (("bench", "foo"), "which bench? There is: tenant, metadata-sync, traces."),
        (("migrate", "--database"), "migrate takes --database DSN, or nothing and MIGRATE_DATABASE_URL."),
        (("migrate", "now"), "migrate takes --database DSN, or nothing and MIGRATE_DATABASE_URL."),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], sentence: str) -> None:
    """What a command does not know is one sentence and exit code 2, and nothing is run or installed."""
    done = _dev(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"./dev: {sentence}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become an ordinary user")
def test_ordinary_user_is_told_what_to_install() -> None:
    """Without root nothing is installed: one line says what is missing, and what else would do."""
    with tempfile.TemporaryDirectory() as checkout:
        Path(checkout).chmod(0o755)
        dev = shutil.copy(DEV, checkout)
        done = _dev("up", dev=dev, user="nobody", RABBITMQ_SERVER="/nowhere/rabbitmq-server")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("./dev: please install what is missing: sudo apt-get install ")
    assert line.endswith("rabbitmq-server, or use the other way: docker compose up --build")
