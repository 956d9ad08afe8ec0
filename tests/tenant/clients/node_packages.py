"""npm packages of a lock file, those of the real clients or others, installed once for each state of it."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.support.errors import ProcessFailedError
from tests.support.node import NODE, NPM
from tests.support.run_folder import run_dir

_HERE = Path(__file__).parent
_PATIENCE_SECONDS = 600


def installed_packages(source: Path = _HERE) -> Path:
    """The `node_modules` folder of the packages of the lock file in `source`, below the run folder.

    Raises:
        ProcessFailedError: npm could not install them.
    """
    lock_file = source / "package-lock.json"
    place = run_dir() / "clients" / hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _install(place, source)
    return place / "node_modules"


def _install(place: Path, source: Path) -> None:
    """Install beside the place and move: an interrupted installation is never taken for a whole one."""
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, unfinished / name)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    output = place.with_suffix(".log")
    with output.open("w") as log:
        done = subprocess.run(
            [NODE, NPM, "ci", *options],
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
