"""How tests are dealt out to workers."""

import pytest

from tests.support.parallel import turn_of, unit_of, workers_by_default


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/journeys/test_again.py::test_x", "tests/journeys/"),
        ("tests/tenant/clients/test_spa.py::test_x[a::b]", "tests/tenant/clients/"),
        ("tests/common/test_db.py::test_x[SELECT '::']", "tests/common/test_db.py"),
    ],
)
def test_what_stays_together(test: str, unit: str) -> None:
    """A file is one worker's, and so is a folder that shares a stack."""
    assert unit_of(test) == unit


def test_the_longest_first() -> None:
    """Who waits for the last worker waits short."""
    units = ["tests/common/test_db.py", "tests/journeys/test_again.py", "tests/faults/test_crash_loop.py"]
    assert sorted(units, key=turn_of) == list(reversed(units))


def test_a_worker_has_no_workers(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker would read the same command line as who started it, and start more of its kind."""
    monkeypatch.setattr(pytestconfig, "args_source", pytest.Config.ArgsSource.TESTPATHS)
    monkeypatch.setattr(pytestconfig.option, "numprocesses", None)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert workers_by_default(pytestconfig) == 4
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert workers_by_default(pytestconfig) is None
