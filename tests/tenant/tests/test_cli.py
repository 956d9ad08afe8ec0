"""The program itself: how it starts, what it refuses, how it ends."""

import asyncio
import json
import os
import select
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from bs4 import BeautifulSoup
from yarl import URL

from tests.tenant.__main__ import main
from tests.tenant.tests.support import (
    CLIENT,
    EMAIL,
    PASSWORD,
    REDIRECTING,
    SECRET,
    browser,
    document,
)
from tests.tenant.tls import server_context

_ROOT = Path(__file__).parents[3]
_COMMAND = [sys.executable, "-m", "tests.tenant"]


def _config(folder: Path, **changes: Any) -> str:
    (folder / "way.js").write_text(REDIRECTING, encoding="utf-8")
    action = {"name": "way", "code": "way.js", "secrets": {"SECRET": SECRET}}
    path = folder / "tenant.yaml"
    path.write_text(json.dumps(document(**{"actions": [action], **changes})), encoding="utf-8")
    return str(path)


def _said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Status and stderr of a call that is refused before anything starts."""
    try:
        code = main(list(arguments))
    except SystemExit as exc:
        code = int(exc.code or 0)
    return code, capsys.readouterr().err


def _refused(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [*_COMMAND, *arguments],
        cwd=_ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


async def _start(*arguments: str, **environment: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, *arguments, cwd=_ROOT, env={**os.environ, **environment}, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    ready: dict[str, str] = json.loads(await process.stdout.readline())
    return process, ready


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in text.split()]


def _ends(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_ready_line_and_end(tmp_path: Path) -> None:
    """One JSON line says where it listens; SIGTERM ends it and its Node child."""
    process, ready = await _start("--config", _config(tmp_path), "--http", "127.0.0.2:0")
    node = _children(process.pid)
    process.send_signal(signal.SIGTERM)
    code = await process.wait()
    assert set(ready) == {"event", "http"}
    assert ready["event"] == "tenant.ready"
    assert ready["http"].startswith("http://127.0.0.2:")
    assert code == 0
    assert len(node) == 1
    assert _ends(node[0])


async def test_node_dies_with_its_parent(tmp_path: Path) -> None:
    """A tenant that is killed leaves no Node behind."""
    process, _ = await _start("--config", _config(tmp_path))
    node = _children(process.pid)
    process.kill()
    await process.wait()
    assert _ends(node[0])


async def test_https(tmp_path: Path) -> None:
    """Both listeners at once; clients that trust the local CA reach the one, the issuer follows the other."""
    folder = tmp_path / "ca"
    arguments = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--ca-dir", str(folder)]
    process, ready = await _start("--config", _config(tmp_path), *arguments)
    context = ssl.create_default_context(cafile=ready["ca"])
    async with browser(ready["https"]) as session:
        url = f"{ready['https']}/.well-known/openid-configuration"
        async with session.get(url, ssl=context) as answer:
            secure = await answer.json()
        async with session.get(f"{ready['http']}/.well-known/openid-configuration") as answer:
            plain = await answer.json()
    process.terminate()
    await process.wait()
    assert ready["https"].startswith("https://localhost:")
    assert (secure["issuer"], plain["issuer"]) == (f"{ready['https']}/", f"{ready['http']}/")
    assert ready["ca"] == str(folder / "ca.pem")
    assert _mode(folder / "ca.key") == 0o600


async def test_ca_is_kept(tmp_path: Path) -> None:
    """A start uses the authority of an earlier one; with https alone there is no plain listener."""
    folder = tmp_path / "ca"
    server_context(folder, hosts=("localhost",))
    before = _bytes(str(folder / "ca.pem"))
    arguments = ["--https", "127.0.0.1:0", "--ca-dir", str(folder)]
    process, ready = await _start("--config", _config(tmp_path), *arguments)
    process.terminate()
    await process.wait()
    assert (_bytes(ready["ca"]), "http" in ready) == (before, False)


async def test_broken_action_is_reported_at_start(tmp_path: Path) -> None:
    """An Action that does not parse is named on stderr with its place, and the tenant runs."""
    config = _config(tmp_path)
    (tmp_path / "way.js").write_text("exports.x = ;", encoding="utf-8")
    process, _ = await _start("--config", config)
    process.terminate()
    _, stderr = await process.communicate()
    assert json.loads(stderr) == {
        "event": "action.broken",
        "action": "way",
        "message": "Unexpected token ';'",
        "where": f"{tmp_path / 'way.js'}:1:13",
    }


def test_mistakes_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake of the tenant file is a line on stderr, and the status is 2."""
    config = _config(tmp_path, colour="red", rate_limit={"profile": "fast"})
    code, stderr = _said(capsys, "--config", config)
    assert code == 2
    assert len(stderr.splitlines()) == 2
    assert "line 1: file: unknown key colour" in stderr


def test_remote_addresses(tmp_path: Path) -> None:
    """An address that others could reach is refused."""
    code, stderr = _refused("--config", _config(tmp_path), "--http", "0.0.0.0:0")
    assert (code, stderr) == (2, "0.0.0.0 is not loopback: --allow-remote would be needed\n")


async def test_remote_addresses_on_demand(tmp_path: Path) -> None:
    """With --allow-remote it listens, and warns."""
    process, ready = await _start("--config", _config(tmp_path), "--http", "0.0.0.0:0", "--allow-remote")
    port = ready["http"].rpartition(":")[2]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/__control/") as answer,
    ):
        assert answer.status == 200
    process.terminate()
    _, stderr = await process.communicate()
    assert json.loads(stderr)["event"] == "tenant.warning"


def test_bad_addresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that is none, or https without its folder, is said in one line."""
    config = _config(tmp_path)
    assert _said(capsys, "--config", config, "--http", "nowhere") == (2, "nowhere is not HOST:PORT\n")
    assert _said(capsys, "--config", config, "--https", "127.0.0.1:0") == (2, "--https needs --ca-dir\n")


async def test_somebody_elses_action() -> None:
    """One line starts a tenant around an Action, with an application, a person and where to go on."""
    example = str(_ROOT / "tests" / "tenant" / "examples" / "redirect_action.js")
    process, ready = await _start("--action", example, "--secret", f"MY_REDIRECT_SECRET={SECRET}")
    async with browser(ready["http"]) as session:
        async with session.get(f"{ready['http']}/__control/") as answer:
            begin = BeautifulSoup(await answer.text(), "html.parser").select_one("a.button")
            assert begin is not None
        async with session.get(f"{ready['http']}{begin['href']}") as answer:
            form = URL(str(answer.url))
        person = {"state": form.query["state"], "username": EMAIL, "password": PASSWORD}
        async with session.post(f"{ready['http']}/u/login", data=person, allow_redirects=False) as answer:
            resume = answer.headers["Location"]
        async with session.get(resume, allow_redirects=False) as answer:
            away = URL(answer.headers["Location"])
    process.terminate()
    _, stderr = await process.communicate()
    assert str(away.with_query(None)) == "http://127.0.0.3:8000/colour"
    claims = jwt.decode(
        away.query["session_token"], SECRET, algorithms=["HS256"], options={"verify_iss": False}
    )
    assert claims["email"] == EMAIL
    assert f"{ready['http']}/__control/" in stderr.decode()
    assert PASSWORD in stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--action", "/nowhere.js"], "--action: cannot read /nowhere.js"),
        (["--action", "X", "--secret", "NAME"], "--secret NAME is not NAME=VALUE"),
        (["--config", "X", "--secret", "A=b"], "--secret goes with --action"),
        (["--config", "X", "--setting", "speed=1"], "--setting: speed is not a setting"),
        (["--config", "X", "--setting", "continue_cookie=x"], "--setting: continue_cookie must be one of"),
        (["--config", "X", "--setting", "code_lifetime=x"], "--setting: code_lifetime must be a number"),
        (["--config", "X", "--action", "Y"], "not allowed with argument --config"),
        ([], "one of the arguments --config --action is required"),
    ],
)
def test_wrong_command_lines(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that cannot be meant is refused with what is wrong with it."""
    code, stderr = _said(capsys, *arguments)
    assert code == 2
    assert says in stderr


async def test_settings_from_outside(tmp_path: Path) -> None:
    """`--setting` wins over the file, the file over TENANT_SETTINGS, and that over the table."""
    settings = {"unknown_client_status": 410, "callback_mismatch_status": 411}
    config = _config(tmp_path, settings=settings)
    environment = "callback_mismatch_status=418 continue_error_status=419 unknown_client_status=418"
    arguments = ["--config", config, "--setting", "unknown_client_status=409"]
    process, ready = await _start(*arguments, TENANT_SETTINGS=environment)
    paths = ["/authorize", f"/authorize?client_id={CLIENT}", "/continue"]
    async with aiohttp.ClientSession() as session:
        statuses = []
        for path in paths:
            async with session.get(f"{ready['http']}{path}") as answer:
                statuses.append(answer.status)
    process.terminate()
    await process.wait()
    assert statuses == [409, 411, 419]


def test_no_node(tmp_path: Path) -> None:
    """Without node on PATH it ends with one line."""
    code, stderr = _refused("--config", _config(tmp_path), PATH="/nowhere")
    assert code == 2
    assert stderr.startswith("node was not found on PATH")
    assert len(stderr.splitlines()) == 1


def test_node_that_does_not_work(tmp_path: Path) -> None:
    """A node that ends at once is one line too."""
    fake = tmp_path / "bin" / "node"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    fake.chmod(0o755)
    code, stderr = _refused("--config", _config(tmp_path), PATH=f"{fake.parent}:/bin")
    assert (code, len(stderr.splitlines())) == (2, 1)
    assert stderr.startswith("node ended as soon as it was started")


def test_port_in_use(tmp_path: Path) -> None:
    """A port that is taken is said in one line, and no Node stays behind to hold stderr open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stderr = _refused("--config", _config(tmp_path), "--http", f"127.0.0.1:{port}")
    assert code == 2
    assert stderr.startswith(f"cannot listen on 127.0.0.1:{port}:")
    assert len(stderr.splitlines()) == 1
