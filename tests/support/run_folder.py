"""One folder under `.run/` per stack: its data, logs, secrets and the notes of its processes.

The folder is locked as long as the stack lives, so that a second stack of the same kind takes the next one
(`demo`, `demo-2`) and a later run finds the data of an earlier one. What a killed run left running is stopped
when its folder is taken again.
"""

import fcntl
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import ClassVar, TextIO

from tests.support.errors import RunFolderError
from tests.support.interrupts import shielded
from tests.support.processes import Identity, Process, base_environment

ROOT = Path(__file__).resolve().parents[2]


class RunFolder:
    """A claimed folder; `stop()` ends every process started through it, the last one first.

    Attributes:
        told: who wants to know of each process that is started in any folder, and where its output goes.
    """

    told: ClassVar[list[Callable[[Sequence[str | Path], Path], None]]] = []

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self._notes = path / "processes"
        self._processes: list[Process] = []
        self._names: set[str] = set()
        for folder in (self.logs, self._notes):
            folder.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Start a process that `stop()` will end; its output goes to `logs/NAME.log`.

        What a process of this name wrote before stays there if it was started through this object too.
        """
        output = self.logs / f"{name}.log"
        if name not in self._names:
            output.unlink(missing_ok=True)
        self._names.add(name)
        with shielded():
            process = Process.start(
                argv,
                name=name,
                output=output,
                env=base_environment() | dict(env),
                cwd=ROOT,
                user=user,
                stop_signal=stop_signal,
            )
            process.identity.write(self._notes / name)
            self._processes.append(process)
        for tell in self.told:
            tell(argv, output)
        return process

    def stop(self) -> None:
        """Stop all, in reverse order of their start."""
        with shielded():
            while self._processes:
                self.stop_one(self._processes[-1])

    def stop_together(self, processes: Iterable[Process]) -> None:
        """Stop some that do not need each other for that, in the time that one takes."""
        with shielded():
            running = list(processes)
            for process in running:
                process.send(process.stop_signal)
            for process in running:
                self.stop_one(process)

    def ended(self) -> Process | None:
        """A process that is no longer there, though nobody stopped it."""
        return next((process for process in self._processes if not process.running()), None)

    def stop_one(self, process: Process) -> None:
        process.stop()
        if process in self._processes:
            self._processes.remove(process)
        self._forget(process)

    def stop_leftovers(self) -> None:
        """Stop what a run that was killed left behind."""
        for note in self._notes.iterdir():
            if identity := Identity.read(note):
                identity.stop(first=signal.SIGKILL)
            note.unlink()

    def _forget(self, process: Process) -> None:
        note = self._notes / process.name
        if Identity.read(note) == process.identity:
            note.unlink()


def run_dir() -> Path:
    """Where the folders of all runs are."""
    return Path(os.environ.get("WAYSTATION_RUN_DIR") or ROOT / ".run").absolute()


@contextmanager
def claim_run_folder(kind: str, *, base: Path | None = None) -> Iterator[RunFolder]:
    """A folder of this kind that no other stack uses; its processes are stopped at the end.

    Raises:
        RunFolderError: it cannot be made, or not be written to.
    """
    base = (base or run_dir()).absolute()
    for number in count(1):
        path = base / (kind if number == 1 else f"{kind}-{number}")
        with _lock_file(path) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            folder = RunFolder(path)
            folder.stop_leftovers()
            try:
                yield folder
            finally:
                folder.stop()
            return


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("w")
    except OSError as exc:
        raise RunFolderError(
            f"cannot write to {folder}: {exc.strerror} (WAYSTATION_RUN_DIR chooses another place)"
        ) from exc
