"""`python -m tests.faults.crash PACKAGE`: the service with a bomb in it, and a new one when it dies.

The service's modules are loaded once; each life is a fork of that and knows nothing of the one before. That a
claim or a lease of the dead one is over takes a new life five seconds to find out, and here no time: its
connections to PostgreSQL are `CRASH_DOWNTIME` seconds ahead of those of the life before, as if the process
had been down for so long.

Environment: the service's own; CRASH_FOLDER, where bomb.py and `Crashing` meet; CRASH_DOWNTIME.
"""

import importlib
import os
import pkgutil
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.faults.bomb import EXIT_CODE, Bomb

LIFE = "life"


def main(package: str) -> int:
    """Run lives of a service until it ends in another way than by its bomb or by SIGKILL."""
    folder = Path(os.environ["CRASH_FOLDER"])
    downtime = float(os.environ["CRASH_DOWNTIME"])
    _load(package)
    life = 0
    while True:
        child = os.fork()
        if child == 0:
            _live(package, folder, clock_offset=life * downtime)
        life += 1
        _note(folder, f"{life} {child}")
        code = _wait(child)
        if code not in (EXIT_CODE, -signal.SIGKILL):
            return code


def _load(package: str) -> None:
    """Everything of the package but its start."""
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)


def _live(package: str, folder: Path, *, clock_offset: float) -> NoReturn:
    os.environ["DATABASE_URL"] += f"?waystation.clock_offset={clock_offset:.0f}s"
    Bomb(folder).plant()
    runpy.run_module(package, run_name="__main__", alter_sys=True)
    os._exit(os.EX_SOFTWARE)  # a service's start ends by sys.exit


def _note(folder: Path, text: str) -> None:
    """Write the file whole: somebody may be reading it."""
    (folder / f"{LIFE}.new").write_text(text)
    (folder / f"{LIFE}.new").rename(folder / LIFE)


def _wait(child: int) -> int:
    """The exit code of a life; SIGTERM ends it, and us."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        os.kill(child, signal.SIGKILL)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    _, status = os.waitpid(child, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
