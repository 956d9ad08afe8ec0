import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common.tenant_models import Steps
from tests.support.deeds import STEPS
from tests.support.demo import log_in
from tests.support.run_folder import ROOT
from tests.support.stack import Stack
from tests.support.waiting import block_until

if TYPE_CHECKING:
    from tests.support.journey import Hop

_BOOT_SECONDS = 90


async def test_login_is_told_hop_by_hop(stack: Stack) -> None:
    """A login passes application, tenant and gateway and comes back; no hop shows a token or a state."""
    hops: list[Hop] = []
    login = await log_in(stack, on_hop=hops.append)
    places = [hop.who for hop in hops]
    assert [who for who, before in zip(places, ["", *places], strict=False) if who != before] == [
        "application",
        "tenant",
        "gateway",
        "tenant",
        "application",
    ]
    assert [hop.number for hop in hops] == list(range(1, len(hops) + 1))
    assert not any("=" in hop.path or "=" in hop.what for hop in hops)
    assert (
        login.app_metadata["waystation_idproof"]["jti"]
        == login.app_metadata["waystation_idproof_seen"]["jti"]
    )


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A place for private servers that a server's own user can reach; after the test nothing runs there."""
    (ROOT / ".run").mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="test-commands-", dir=ROOT / ".run"))
    path.chmod(0o755)
    yield path
    assert _alive_in(path) == []
    for data in path.glob("*/postgresql"):
        shutil.rmtree(data.resolve())
    shutil.rmtree(path)


def _command(name: str, *arguments: str, run_dir: Path, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.support.{name}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"WAYSTATION_RUN_DIR": str(run_dir)} | variables,
    )


def _alive_in(run_dir: Path) -> list[str]:
    """Programs whose arguments or environment name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            text = _read(entry / "cmdline") + _read(entry / "environ")
            if str(run_dir).encode() in text:
                found.append(_read(entry / "cmdline").replace(b"\0", b" ").decode()[:80])
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_demo_of_every_step_as_json(run_dir: Path) -> None:
    """`./dev demo --json` ends with one line that holds the outcome, exit code 0, and nothing running."""
    demo = _command("demo", "--json", "--steps", "stepup,idproof,profile,terms,password", run_dir=run_dir)
    output, errors = demo.communicate(timeout=_BOOT_SECONDS)
    assert (demo.returncode, errors) == (0, "")
    *hops, done = [json.loads(line) for line in output.splitlines()]
    assert {hop["event"] for hop in hops} == {"demo.hop"}
    assert list(done) == ["event", "ok", "transaction_id", "total_ms", "app_metadata", "id_token_claims"]
    assert (done["event"], done["ok"]) == ("demo.done", True)
    assert any(done["transaction_id"] in hop["path"] for hop in hops)
    statuses = {
        claim.removeprefix("https://waystation.dev/"): value["status"]
        for claim, value in done["id_token_claims"].items()
        if claim.startswith("https://waystation.dev/")
    }
    assert statuses | {"password": done["app_metadata"]["waystation_password"]["status"]} == {
        "password": "passed",
        "terms": "passed",
        "profile": "passed",
        "idproof": "passed",
        "stepup": "passed",
    }


def test_demo_in_a_browser(run_dir: Path) -> None:
    """`./dev demo --browser` takes a picture of each page that waits for somebody, and says where it is."""
    demo = _command("demo", "--browser", "--steps", "terms,profile,idproof", run_dir=run_dir)
    output, errors = demo.communicate(timeout=_BOOT_SECONDS)
    assert (demo.returncode, errors) == (0, "")
    pictures = [Path(path) for path in re.findall(r"^ +picture (.+)$", output, re.MULTILINE)]
    names = [picture.stem[3:] for picture in pictures]
    assert names[:4] == [
        "tenant-log-in-acme",
        "gateway-before-you-go-on-to-acme-bank",
        "gateway-please-read-and-accept",
        "gateway-your-details",
    ]
    assert names[-2:] == ["gateway-your-identity-document", "application-acme-bank"]
    assert all((ROOT / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_demo_knows_every_step() -> None:
    """The demo can ask for each step that a tenant can have."""
    assert set(STEPS) == set(Steps.model_fields)


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ("terms, biometrics", "--steps: does not know 'biometrics'; there are password, terms, profile,"),
        ("", "--steps: does not know ''; there are password, terms, profile,"),
        ("terms,terms", "--steps: names a step twice"),
    ],
)
@pytest.mark.parametrize("command", ["demo", "up"])
def test_no_such_step(run_dir: Path, command: str, steps: str, sentence: str) -> None:
    """Steps that there are not are one sentence, before anything is started."""
    done = _command(command, "--steps", steps, run_dir=run_dir)
    output, errors = done.communicate(timeout=_BOOT_SECONDS)
    assert (done.returncode, output) == (2, "")
    assert errors.splitlines()[-1].startswith(f"./dev {command}: error: argument {sentence}")
    assert not (run_dir / command).exists()


def test_demo_fails_in_one_sentence(run_dir: Path) -> None:
    """What goes wrong is one line on stderr, and the exit code is 1."""
    demo = _command("demo", "--json", run_dir=run_dir, PG_BINDIR="/nowhere")
    output, errors = demo.communicate(timeout=_BOOT_SECONDS)
    assert (demo.returncode, output) == (1, "")
    assert errors == (
        "The demo failed: PostgreSQL's initdb is not installed (Debian: apt-get install postgresql).\n"
    )


def test_demo_without_a_place(run_dir: Path) -> None:
    """A place that cannot be written to is named, with the variable that chooses another."""
    (run_dir / "file").touch()
    demo = _command("demo", run_dir=run_dir, WAYSTATION_RUN_DIR=str(run_dir / "file"))
    _, errors = demo.communicate(timeout=_BOOT_SECONDS)
    assert demo.returncode == 1
    assert errors == (
        f"The demo failed: cannot write to {run_dir}/file/demo: Not a directory"
        " (WAYSTATION_RUN_DIR chooses another place)\n"
    )


@pytest.fixture
def programs() -> Iterator[Path]:
    """A folder that every user reaches, wherever the checkout is."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_demo_tells_why_initdb_failed(run_dir: Path, programs: Path) -> None:
    """When PostgreSQL's data cannot be made, the sentence has the cause and not only the clean-up."""
    initdb = programs / "initdb"
    initdb.write_text(
        "#!/bin/sh\n"
        'case $1 in --version) echo "initdb (PostgreSQL) 15.1 (x)"; exit ;; esac\n'
        "echo 'initdb: error: could not write file: No space left on device' >&2\n"
        "echo 'initdb: removing data directory' >&2\n"
        "exit 1\n"
    )
    initdb.chmod(0o755)
    demo = _command("demo", run_dir=run_dir, PG_BINDIR=str(programs))
    _, errors = demo.communicate(timeout=_BOOT_SECONDS)
    assert demo.returncode == 1
    home = (run_dir / "demo" / "postgresql").resolve()
    assert errors == (
        f"The demo failed: initdb failed for {home}; it said last: "
        '"initdb: error: could not write file: No space left on device / initdb: removing data directory"\n'
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("server", ["rabbitmq", "postgresql"])
def test_interrupted_demo_cleans_up(run_dir: Path, number: signal.Signals, server: str) -> None:
    """Ctrl-C or SIGTERM while servers start stops them before the demo ends."""
    demo = _command("demo", run_dir=run_dir)
    block_until((run_dir / "demo" / "processes" / server).exists, 30)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert errors == "The demo was interrupted; everything it had started is stopped.\n"


def test_up_stays_until_it_is_told_to_stop(run_dir: Path) -> None:
    """`./dev up --json` prints one line when everything answers, and SIGTERM stops all of it."""
    up = _command("up", "--json", run_dir=run_dir)
    assert up.stdout is not None
    ready = json.loads(up.stdout.readline())
    assert list(ready) == [
        "event",
        "tenant",
        "gateway",
        "app",
        "mails",
        "admin",
        "database",
        "amqp",
        "tenants_file",
    ]
    assert sorted(ready["admin"]) == ["gateway", "metadata-sync", "proofing"]
    waystation = Path(sys.executable).with_name("waystation")
    command = f". {run_dir}/up/env/proofing.sh && {waystation} reviews list --json"
    listed = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert json.loads(listed.stdout) == []
    with urllib.request.urlopen(ready["app"], timeout=5) as response:  # noqa: S310 - a loopback address
        assert b"Acme Bank" in response.read()
    with urllib.request.urlopen(ready["mails"], timeout=5) as response:  # noqa: S310 - likewise
        assert b"None has come." in response.read()
    assert up.poll() is None
    up.terminate()
    output, errors = up.communicate(timeout=30)
    assert (up.returncode, output, errors) == (0, "", "")


def test_up_says_when_something_dies(run_dir: Path) -> None:
    """A service that ends by itself ends the stack, with its name and its last lines."""
    up = _command("up", run_dir=run_dir)
    note = run_dir / "up" / "processes" / "proofing"
    block_until(note.exists, _BOOT_SECONDS)
    assert up.stdout is not None
    prose = "".join(takewhile(lambda line: line != "Ctrl-C stops all of it.\n", up.stdout))
    pid = int(note.read_text().split()[0])
    assert f"/readyz, process {pid}\n" in prose
    os.kill(pid, signal.SIGKILL)
    _, errors = up.communicate(timeout=30)
    assert up.returncode == 1
    assert errors.startswith("./dev up failed: proofing ended with exit code -9")
