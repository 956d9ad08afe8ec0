"""Processes that we start: each in a session of its own, its output in a file, stopped by pid and start time.

A pid alone may by now be somebody else's. Every process is therefore noted as pid, start time and boot, and a
later run can stop what an earlier one left behind without touching anything else. A zombie counts as gone:
process 1 of a small container may never reap it.
"""

import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from tests.support.errors import DeadlineError, ProcessFailedError
from tests.support.waiting import block_until

T = TypeVar("T")

# Every process of a test run has this variable: the folder of the run.
MARK = "WAYSTATION_TEST_RUN"

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", MARK)


def base_environment() -> dict[str, str]:
    """What a child may know of our environment: nothing that could be taken for its settings."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


@dataclass(frozen=True)
class Identity:
    """One process of this boot of the machine."""

    pid: int
    start_ticks: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None if there is no such process, or only its zombie."""
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            return None
        return cls(pid, fields[19], _boot())

    @classmethod
    def read(cls, note: Path) -> Self | None:
        try:
            pid, start_ticks, boot = note.read_text().split()
            return cls(int(pid), start_ticks, boot)
        except (OSError, ValueError):
            return None

    def write(self, note: Path) -> None:
        note.write_text(f"{self.pid} {self.start_ticks} {self.boot}\n")

    def alive(self) -> bool:
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, *, first: signal.Signals = signal.SIGTERM, grace: float = 10.0) -> None:
        """Ask, wait `grace` seconds, then kill it and what it left in its session."""
        self.send(first)
        self.send(signal.SIGCONT)
        try:
            block_until(lambda: not self.alive(), grace)
        except DeadlineError:
            self.send(signal.SIGKILL)
        for survivor in self._session():
            survivor.send(signal.SIGKILL)
        block_until(lambda: not self.alive(), what=f"process {self.pid} to end")

    def _session(self) -> list["Identity"]:
        if Identity.of(self.pid) not in (None, self):
            return []  # the number is somebody else's by now, and so would the session be
        members = (Identity.of(pid) for pid in _pids() if _session_of(pid) == self.pid)
        return [member for member in members if member and member != self]


def stop_marked(folder: Path) -> None:
    """Kill what a run of tests with this folder has left, whoever of it started it."""
    mark = f"\0{MARK}={folder}\0".encode()
    for pid in _pids():
        identity = Identity.of(pid)
        if identity and pid != os.getpid() and mark in b"\0" + _environment(pid) + b"\0":
            identity.stop(first=signal.SIGKILL)


@dataclass(frozen=True)
class Process:
    """A running child; `output` is the file that its stdout and stderr go to."""

    name: str
    identity: Identity
    output: Path
    stop_signal: signal.Signals
    _popen: "subprocess.Popen[bytes]"

    @classmethod
    def start(
        cls,
        argv: Sequence[str | Path],
        *,
        name: str,
        output: Path,
        env: Mapping[str, str],
        cwd: Path,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Self:
        """Start `argv`; its output goes to the end of `output`."""
        with output.open("ab") as sink:
            popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                user=user,
                group=_group_of(user),
                extra_groups=None if user is None else [],
                start_new_session=True,
            )
        # A child that is not yet waited for keeps its number, as a zombie at worst.
        fields = _stat(popen.pid)
        identity = Identity(popen.pid, fields[19] if fields else "0", _boot())
        return cls(name, identity, output, stop_signal, popen)

    @property
    def pid(self) -> int:
        return self.identity.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._popen.poll()

    def wait(self, deadline: float) -> int:
        """The exit code, once it has ended by itself.

        Raises:
            DeadlineError: it runs longer than `deadline` seconds.
        """
        block_until(lambda: not self.running(), deadline, what=f"{self.name} to end")
        return self._popen.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs; SIGSTOP and SIGCONT pause and resume."""
        if self.running():
            self.identity.send(number)

    def stop(self, *, grace: float = 10.0) -> None:
        """End it in order, and by force after `grace` seconds; a second call does nothing."""
        self.identity.stop(first=self.stop_signal, grace=grace)
        self._popen.wait()

    def kill(self) -> None:
        """End it, and every process it started, as a crash would."""
        self.identity.stop(first=signal.SIGKILL)
        self._popen.wait()

    def block_until_ready(self, ready: Callable[[], T], deadline: float) -> T:
        """The first truthy value of `ready`.

        Raises:
            ProcessFailedError: it ended before that, or `deadline` seconds passed.
        """
        try:
            return block_until(lambda: self._checked(ready), deadline)
        except DeadlineError:
            raise self._failed(f"{self.name} was not ready after {deadline:g} s") from None

    def _checked(self, ready: Callable[[], T]) -> T:
        if not self.running():
            raise self._failed(f"{self.name} ended with exit code {self.exit_code} while it was starting")
        return ready()

    def _failed(self, what: str) -> ProcessFailedError:
        lines = self.last_lines()
        said = f'; it said last: "{lines[-1].strip()[:300]}"' if lines else ""
        return ProcessFailedError(f"{what} (its output: {self.output}){said}", last_lines=lines)

    def last_lines(self, count: int = 20) -> tuple[str, ...]:
        lines = self.output.read_text(errors="replace").splitlines()
        return tuple(line for line in lines if line.strip())[-count:]


def _stat(pid: int) -> list[str] | None:
    """Fields of proc(5) stat from `state` on; the name before may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _environment(pid: int) -> bytes:
    """What it was started with; nothing if it is not ours to see."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _session_of(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None

    return pwd.getpwnam(user).pw_gid
