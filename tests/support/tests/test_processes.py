import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.errors import ProcessFailedError
from tests.support.processes import MARK, Identity, stop_marked
from tests.support.run_folder import RunFolder, claim_run_folder
from tests.support.waiting import block_until

# Starts a child of its own, says so, and ignores a polite end.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    folder = RunFolder(tmp_path)
    yield folder
    folder.stop()


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_stop_ends_children_too(folder: RunFolder) -> None:
    """Whoever does not go when asked is killed, and so is everything it had started."""
    process = folder.start("stubborn", _python(STUBBORN), env={})
    (line,) = process.block_until_ready(process.last_lines, 10)
    child = Identity.of(int(line))
    assert child is not None
    process.stop(grace=0.1)
    assert not process.running()
    block_until(lambda: not child.alive(), 5)


def test_a_zombie_counts_as_gone(folder: RunFolder) -> None:
    """A process that ended but was not waited for is not running."""
    process = folder.start("sleeper", _python(SLEEPER), env={})
    assert process.identity.alive()
    process.identity.send(signal.SIGKILL)
    block_until(lambda: not process.identity.alive(), 5)


def test_another_process_with_the_same_number_is_left_alone(folder: RunFolder) -> None:
    """A note whose start time does not fit names nobody, whoever has that number now."""
    process = folder.start("sleeper", _python(SLEEPER), env={})
    stale = Identity(process.pid, "1", process.identity.boot)
    stale.stop()
    assert process.running()


def test_failed_start_says_why(folder: RunFolder) -> None:
    """A process that ends instead of becoming ready is reported with its last words."""
    process = folder.start("broken", _python("import sys; sys.exit('no such file: x')"), env={})
    with pytest.raises(
        ProcessFailedError, match=r"broken ended with exit code 1 .*no such file: x"
    ) as caught:
        process.block_until_ready(lambda: False, 10)
    assert caught.value.last_lines == ("no such file: x",)


def test_late_start_says_so(folder: RunFolder) -> None:
    """A process that never becomes ready is reported after the deadline."""
    process = folder.start("slow", _python(SLEEPER), env={})
    with pytest.raises(ProcessFailedError, match=r"slow was not ready after 0\.1 s"):
        process.block_until_ready(lambda: False, 0.1)


def test_settings_are_not_inherited(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to be in our environment does not reach a process."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere.else/")
    process = folder.start("child", _python("import os; print(os.environ.get('DATABASE_URL'))"), env={})
    assert process.wait(10) == 0
    assert process.last_lines() == ("None",)


def test_two_stacks_take_two_folders(tmp_path: Path) -> None:
    """A second stack of the same kind gets a folder of its own, and a later one the first folder again."""
    with claim_run_folder("demo", base=tmp_path) as first, claim_run_folder("demo", base=tmp_path) as second:
        assert (first.path.name, second.path.name) == ("demo", "demo-2")
    with claim_run_folder("demo", base=tmp_path) as third:
        assert third.path == first.path


def test_relative_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that is named from the current folder is the same place for files that name each other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAYSTATION_RUN_DIR", "here")
    with claim_run_folder("demo") as folder:
        assert folder.path == tmp_path / "here" / "demo"


def test_leftovers_are_stopped(tmp_path: Path) -> None:
    """What a killed run left running is stopped by the next run of that folder."""
    killed = RunFolder(tmp_path / "demo")
    process = killed.start("sleeper", _python(SLEEPER), env={})
    with claim_run_folder("demo", base=tmp_path):
        assert not process.running()


def test_leaving_a_folder_stops_everything(tmp_path: Path) -> None:
    """At the end of the block nothing runs, also when it ends with an error."""
    started = []

    def run_and_fail() -> None:
        with claim_run_folder("demo", base=tmp_path) as folder:
            started.append(folder.start("sleeper", _python(SLEEPER), env={}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run_and_fail()
    assert not started[0].running()
    assert list((tmp_path / "demo" / "processes").iterdir()) == []


def test_what_a_killed_run_left_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of a run are found by their mark, those of children included; others are left alone."""
    ours, other = RunFolder(tmp_path / "ours"), RunFolder(tmp_path / "other")
    monkeypatch.setenv(MARK, str(ours.path))
    marked = ours.start("parent", ["sh", "-c", "sleep 60 & wait"], env={})
    monkeypatch.setenv(MARK, str(other.path))
    unmarked = other.start("sleeper", ["sleep", "60"], env={})
    stop_marked(ours.path)
    block_until(lambda: not marked.running(), what="the marked process to end")
    assert unmarked.running()
    other.stop()
