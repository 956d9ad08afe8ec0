"""CPU time from /proc, exact to the nanosecond, and memory."""

import os
import time
from pathlib import Path

MOST_OF_OTHERS = 0.2  # of a core: what is measured while they use more tells nothing by itself
_NANOSECONDS = 1e9


def cpu_seconds(pid: int) -> float:
    """What a process, its threads and its children that still run have used."""
    own = sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return own / _NANOSECONDS + sum(cpu_seconds(child) for child in _children(pid))


def most_memory(pid: int) -> float:
    """The most that a process ever had in memory, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def machine_busy_seconds() -> float:
    """What all cores have worked, whoever for."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    user, nice, system, _, _, irq, softirq, *_ = (int(field) for field in fields)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Others:
    """What everybody but this process and its children uses of the machine."""

    def __init__(self) -> None:
        self._marks: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self.cores()

    def cores(self) -> float:
        """On average since the last time, in cores."""
        before = self._marks
        self._marks = (time.monotonic(), machine_busy_seconds(), _ever_used_seconds(os.getpid()))
        seconds, busy, own = (now - then for now, then in zip(self._marks, before, strict=True))
        return max(0.0, busy - own) / max(seconds, 1e-9)


def _ever_used_seconds(pid: int) -> float:
    """What a process and all its children have used, those that have ended included; 0 for one that has."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = _children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    used = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return used + sum(map(_ever_used_seconds, children))


def _children(pid: int) -> list[int]:
    texts = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for text in texts for child in text.split()]
