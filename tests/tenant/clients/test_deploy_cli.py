"""auth0-deploy-cli: our Action imported, deployed, bound, run by logins, changed and exported."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.node import NODE
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT
from tests.tenant.clients.emulator import (
    MACHINE,
    MACHINE_SECRET,
    READER,
    READER_SECRET,
    USER,
    Emulator,
    Visitor,
    authorize_url,
    query_of,
)

_OURS = ROOT / "deploy" / "auth0" / "deploy-cli"
_START_URL = "http://127.0.0.3:9/start/acme/login"
_SESSION_SECRET = "session-secret-of-32-bytes-or-more-"
_KEYWORDS = {
    "WAYSTATION_START_URL": _START_URL,
    "WAYSTATION_SESSION_TOKEN_SECRET": _SESSION_SECRET,
    "WAYSTATION_ANSWER_TOKEN_SECRET": "answer-secret-of-32-bytes-or-more-",
    "WAYSTATION_ANSWER_TOKEN_AUDIENCE": "acme",
    "WAYSTATION_PROFILE_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "WAYSTATION_STEPS": "idproof:1",
}
_PATIENCE_SECONDS = 200


@dataclass(frozen=True)
class DeployCli:
    """The command line tool, which knows of the tenant only its domain and two credentials."""

    program: Path
    environment: dict[str, str]
    domain: str
    folder: Path

    def __call__(self, *arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end; `changes` are keys of its configuration."""
        settings = {
            "AUTH0_DOMAIN": self.domain,
            "AUTH0_CLIENT_ID": MACHINE,
            "AUTH0_CLIENT_SECRET": MACHINE_SECRET,
            "AUTH0_INCLUDED_ONLY": ["actions", "triggers"],
            "AUTH0_KEYWORD_REPLACE_MAPPINGS": _KEYWORDS,
            **changes,
        }
        config = self.folder / "config.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        return subprocess.run(
            [NODE, str(self.program), *arguments, "--config_file", str(config)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def bring(self, source: Path, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Import a folder."""
        return self("import", "--input_file", str(source), **changes)

    def take(self, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Export into the folder `exported`."""
        target = self.folder / "exported"
        return self("export", "--format", "directory", "--output_folder", str(target), **changes)


@pytest.fixture
def cli(packages: Path, emulator: Emulator, domain: str, tmp_path: Path) -> DeployCli:
    """The tool, with a folder of its own."""
    environment = {**base_environment(), "NODE_EXTRA_CA_CERTS": str(emulator.ca)}
    program = packages / "auth0-deploy-cli" / "lib" / "index.js"
    return DeployCli(program, environment, domain, tmp_path)


_EARLIER = """
exports.onExecutePostLogin = async (event, api) => {
  api.user.setAppMetadata('earlier', event.secrets.SAYS);
};
"""
_BINDINGS = {
    "post-login": [
        {"action_name": "earlier", "display_name": "earlier"},
        {"action_name": "waystation", "display_name": "Waystation"},
    ]
}


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """Our Action as the project ships it, another one before it, and both bound."""
    source = tmp_path / "assets"
    shutil.copytree(_OURS, source)
    earlier = {
        "name": "earlier",
        "code": "./actions/earlier/code.js",
        "runtime": "node22",
        "secrets": [{"name": "SAYS", "value": "changed"}],
        "supported_triggers": [{"id": "post-login", "version": "v3"}],
        "deployed": True,
    }
    (source / "actions" / "earlier").mkdir()
    (source / "actions" / "earlier" / "code.js").write_text(_EARLIER, encoding="utf-8")
    (source / "actions" / "earlier.json").write_text(json.dumps(earlier), encoding="utf-8")
    (source / "triggers").mkdir()
    (source / "triggers" / "triggers.json").write_text(json.dumps(_BINDINGS), encoding="utf-8")
    return source


@pytest.mark.timeout(300)
def test_import_run_and_export(cli: DeployCli, assets: Path, emulator: Emulator, visitor: Visitor) -> None:
    """An import makes one Action and changes another in spite of a limit; logins run both; both come back."""
    emulator.steer("PUT", "/actions", [{"name": "earlier", "code": "// as it was before"}])
    limited = {"statusCode": 429, "error": "Too Many Requests"}
    emulator.plant("^PATCH /api/v2/actions/actions", status=429, body=limited)
    imported = cli.bring(assets)
    away = visitor.go(authorize_url(emulator.https), until=_START_URL)
    exported = cli.take()
    assert imported.returncode == exported.returncode == 0, imported.stderr + exported.stderr
    _check_calls(emulator)
    _check_login(emulator, away)
    _check_export(cli.folder / "exported")


def _check_calls(emulator: Emulator) -> None:
    calls = emulator.calls("^(POST|PATCH) /api/v2/actions/")
    shapes = [
        (call["method"], re.sub("[0-9a-f-]{36}", "ID", call["raw_path"]), call["status"]) for call in calls
    ]
    assert sorted(shapes) == [
        ("PATCH", "/api/v2/actions/actions/ID", 200),
        ("PATCH", "/api/v2/actions/actions/ID", 429),
        ("PATCH", "/api/v2/actions/triggers/post-login/bindings", 200),
        ("POST", "/api/v2/actions/actions", 201),
        ("POST", "/api/v2/actions/actions/ID/deploy", 202),
        ("POST", "/api/v2/actions/actions/ID/deploy", 202),
    ]


def _check_login(emulator: Emulator, away: str) -> None:
    token = query_of(away)["session_token"]
    claims = jwt.decode(token, _SESSION_SECRET, algorithms=["HS256"], audience="waystation")
    assert (claims["sub"], claims["steps"]) == (USER, ["idproof:1"])
    assert emulator.user()["app_metadata"]["earlier"] == "changed"


def _check_export(folder: Path) -> None:
    shown = json.loads((folder / "actions" / "waystation.json").read_text())
    assert (shown["deployed"], shown["runtime"]) == (True, "node22")
    assert {name for secret in shown["secrets"] for name in secret} == {"name"}
    assert len(shown["secrets"]) == len(_KEYWORDS)
    code = (folder / "actions" / "waystation" / "code.js").read_text()
    assert code == (_OURS / "actions" / "waystation" / "code.js").read_text()
    assert json.loads((folder / "triggers" / "triggers.json").read_text()) == _BINDINGS


def test_wrong_secret(cli: DeployCli) -> None:
    """A wrong secret ends the tool with what the tenant said."""
    failed = cli.take(AUTH0_CLIENT_SECRET="wrong")
    assert failed.returncode == 1
    assert "Unauthorized" in failed.stderr + failed.stdout


def test_missing_scope(cli: DeployCli) -> None:
    """Without the scope for Actions there is nothing to export, and the tool shows why."""
    done = cli.take(AUTH0_CLIENT_ID=READER, AUTH0_CLIENT_SECRET=READER_SECRET)
    assert "insufficient_scope" in done.stdout
    assert not (cli.folder / "exported" / "actions" / "waystation.json").exists()
