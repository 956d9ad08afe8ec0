"""The npm packages of the real clients, installed once for each state of the lock file."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.errors import MissingToolError, ProcessFailedError
from tests.support.run_folder import ROOT

_HERE = Path(__file__).parent
_OLDEST_NODE = (20, 19)
_PATIENCE_SECONDS = 600


def installed_packages() -> Path:
    """The `node_modules` folder of the lock file's packages, below the run folder.

    Raises:
        MissingToolError: there is no npm, or Node is older than the clients demand.
        ProcessFailedError: npm could not install them.
    """
    _check_tools()
    lock_file = _HERE / "package-lock.json"
    place = _run_folder() / "clients" / hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _install(place)
    return place / "node_modules"


def _run_folder() -> Path:
    return Path(os.environ.get("WAYSTATION_RUN_DIR", ROOT / ".run")).resolve()


def _check_tools() -> None:
    if shutil.which("npm") is None:
        raise MissingToolError("npm is not installed (Debian: apt-get install npm).")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = tuple(int(part) for part in said.removeprefix("v").split(".")[:2])
    if version < _OLDEST_NODE:
        raise MissingToolError(f"the clients of the tenant's tests need Node 20.19 or newer, not {said}.")


def _install(place: Path) -> None:
    """Install beside the place and move: an interrupted installation is never taken for a whole one."""
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, unfinished / name)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    output = place.with_suffix(".log")
    with output.open("w") as log:
        done = subprocess.run(
            ["npm", "ci", *options],
            cwd=unfinished,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise ProcessFailedError(
            f"npm ci failed (its output: {output})", last_lines=tuple(output.read_text().splitlines()[-5:])
        )
    unfinished.rename(place)
