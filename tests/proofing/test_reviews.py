"""`waystation reviews`: what a person decides about verifications that no check could."""

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.messages import Outcome, VerificationChanged
from tests.proofing.commands import ANNA, DATA_KEY, command
from tests.proofing.rig import Rig
from tests.support.databases import ServiceDatabase
from tests.support.processes import base_environment
from tests.support.zones import Zone

UNCLEAR = ANNA | {"family_name": "Erikson-Ek"}
PERSONAL = ("ERIKSSON", "Erikson-Ek", "1974-08-12", "L898902C3", "auth0|anna")


@dataclass
class Command:
    """`waystation reviews …` on one database."""

    database_url: str
    key_file: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from common.cli import main; sys.exit(main())"
        variables = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": self.database_url,
            "DATA_KEY_FILES": str(self.key_file),
        }
        return subprocess.run(
            [sys.executable, "-c", code, "reviews", *arguments],
            env=base_environment() | variables | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cli(database: ServiceDatabase, tmp_path: Path) -> Command:
    key_file = tmp_path / "data.key"
    key_file.write_bytes(base64.urlsafe_b64encode(DATA_KEY))
    return Command(database.proofing, key_file)


@pytest.fixture
async def review(rig: Rig) -> str:
    """A verification whose name is neither clearly the same nor clearly another."""
    await rig.worker.handle(command(profile=UNCLEAR))
    assert await rig.rows("SELECT status, reasons FROM verifications") == [("review", ["name_unclear"])]
    return "ver-1"


@pytest.mark.usefixtures("review")
def test_what_waits_is_listed(cli: Command) -> None:
    """The list says what waits since when and why, for programs and people; nothing of the document."""
    (listed,) = cli.json("list")
    assert (listed["id"], listed["tenant"], listed["reasons"]) == ("ver-1", "acme", ["name_unclear"])
    table = cli.run("list", "--tenant", "acme").stdout
    assert table.split()[:6] == ["id", "tenant", "step", "provider", "reasons", "age"]
    assert "ver-1" in table
    assert [word for word in PERSONAL if word in table] == []
    assert cli.run("list", "--tenant", "other").stderr == "Nothing waits for a review.\n"


@pytest.mark.usefixtures("review")
async def test_evidence_is_shown_and_that_is_kept(cli: Command, rig: Rig) -> None:
    """The evidence is decrypted for a named reviewer; the log says so without naming anybody."""
    done = cli.run("show", "ver-1", "--reviewer", "r.roe", "--json")
    shown = json.loads(done.stdout)
    assert shown["evidence"]["profile"]["family_name"] == "Erikson-Ek"
    assert shown["evidence"]["verified_claims"]["claims"]["family_name"] == "ERIKSSON"
    assert [one["name"] for one in shown["checks"] if one["result"] == "unclear"] == ["names"]
    assert done.stderr.startswith("What follows is personal data, decrypted for you")
    assert '"event": "review.shown"' in done.stderr
    assert [word for word in (*PERSONAL, "r.roe") if word in done.stderr] == []
    assert await rig.rows("SELECT act, reviewer, reason FROM review_log") == [("shown", "r.roe", None)]


@pytest.mark.usefixtures("review")
async def test_an_approval_is_told_as_the_next_revision(cli: Command, rig: Rig) -> None:
    """Approved, a review reaches the gateway once more, and what is kept says how it is known now."""
    await rig.told()
    assert cli.json("decide", "ver-1", "approved", "--reviewer", "r.roe") == {
        "id": "ver-1",
        "outcome": "approved",
        "revision": 2,
    }
    event = (await rig.told())[-1]
    assert isinstance(event, VerificationChanged)
    assert (event.transaction_id, event.verification_id, event.revision) == ("tx-1", "ver-1", 2)
    assert (event.outcome, event.level, event.reason) == (Outcome.APPROVED, "document_validated", None)
    kept = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert kept["verified_claims"]["verification"]["assurance_level"] == "document_validated"
    assert await rig.rows("SELECT act, reviewer, reason FROM review_log") == [("approved", "r.roe", None)]
    assert cli.json("list") == []


@pytest.mark.usefixtures("review")
async def test_a_refusal_has_a_reason(cli: Command, rig: Rig) -> None:
    """Declined, a review says why in one of the known codes, and nothing is claimed about the person."""
    cli.json("decide", "ver-1", "declined", "--reason", "name_mismatch", "--reviewer", "r.roe")
    event = (await rig.told())[-1]
    assert isinstance(event, VerificationChanged)
    assert (event.revision, event.outcome) == (2, Outcome.DECLINED)
    assert (event.level, event.reason) == ("none", "name_mismatch")
    kept = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert kept["verified_claims"] is None
    assert kept["mrz"] == list(Zone().lines())


@pytest.mark.usefixtures("review")
async def test_a_review_is_decided_once(cli: Command, rig: Rig) -> None:
    """Whoever comes second is told so and changes nothing."""
    cli.json("decide", "ver-1", "declined", "--reviewer", "r.roe")
    before = await rig.rows("SELECT revision, status, reasons FROM verifications")
    assert before == [(2, "declined", ["review_declined"])]
    second = cli.run("decide", "ver-1", "approved", "--reviewer", "j.doe")
    assert second.returncode == 1
    assert "It is declined, not in review." in second.stderr
    assert await rig.rows("SELECT revision, status, reasons FROM verifications") == before
    assert await rig.rows("SELECT reviewer FROM review_log") == [("r.roe",)]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("show", "ver-2", "--reviewer", "r.roe"), 1),
        (("decide", "ver-2", "approved", "--reviewer", "r.roe"), 1),
        (("show", "ver-1"), 2),
        (("decide", "ver-1", "approved"), 2),
        (("decide", "ver-1", "approved", "--reviewer", "r roe"), 2),
        (("decide", "ver-1", "approved", "--reviewer", "r.roe", "--reason", "name_mismatch"), 2),
        (("decide", "ver-1", "declined", "--reviewer", "r.roe", "--reason", "ugly"), 2),
        (("decide", "ver-1", "maybe", "--reviewer", "r.roe"), 2),
        (("list", "--limit", "0"), 2),
    ],
)
@pytest.mark.usefixtures("review")
async def test_mistakes_change_nothing(
    cli: Command, rig: Rig, arguments: tuple[str, ...], status: int
) -> None:
    """An unknown id is status 1, a wrong command status 2; neither leaves anything."""
    assert cli.run(*arguments).returncode == status
    assert await rig.rows("SELECT status FROM verifications") == [("review",)]
    assert await rig.rows("SELECT * FROM review_log") == []


@pytest.mark.usefixtures("review")
async def test_keys_that_do_not_open_change_nothing(cli: Command, rig: Rig, tmp_path: Path) -> None:
    """With other data keys than proofing's there is nothing to see and nothing to decide."""
    other = tmp_path / "other.key"
    other.write_bytes(base64.urlsafe_b64encode(bytes(range(9, 41))))
    for arguments in (("show", "ver-1"), ("decide", "ver-1", "approved")):
        done = cli.run(*arguments, "--reviewer", "r.roe", DATA_KEY_FILES=str(other))
        assert (done.returncode, done.stdout) == (1, "")
        assert "No file of DATA_KEY_FILES opens this" in done.stderr
    assert cli.run("list", DATA_KEY_FILES="").returncode == 2
    assert await rig.rows("SELECT status FROM verifications") == [("review",)]
