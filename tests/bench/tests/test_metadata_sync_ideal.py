"""What the bench of metadata-sync compares with is right: the ideal, the workload, the goals."""

from tests.bench.metadata_sync.ideal import Rules, ideal_of
from tests.bench.metadata_sync.workload import Update, Workload, revs_in, scattered
from tests.bench.report import Row, at_least

RULES = Rules(rate=10, burst=2, quiet=2, max_wait=5)


def _update(at: float, *, user: int = 0, rev: int = 1, waiting: bool = False) -> Update:
    return Update(at=at, user=user, key="waystation_idproof", rev=rev, waiting=waiting)


def test_updates_of_a_quiet_time_are_one_call() -> None:
    """Three updates a second apart are written once, two seconds after the last."""
    ideal = ideal_of(Workload(users=1, updates=tuple(_update(at) for at in (0.0, 1.0, 2.0))), RULES)
    assert ideal.calls == {"app_metadata": 1}
    assert round(ideal.seconds) == 4


def test_nobody_waits_longer_than_allowed() -> None:
    """Updates that never pause are written after the longest wait, and once more after the last."""
    updates = tuple(_update(float(at)) for at in range(8))
    assert ideal_of(Workload(users=1, updates=updates), RULES).calls == {"app_metadata": 2}


def test_a_person_is_served_at_once_and_costs_two() -> None:
    """Whoever comes when the budget is spent waits until there is one call again."""
    updates = tuple(_update(0.0, user=user, waiting=True) for user in range(2))
    ideal = ideal_of(Workload(users=2, updates=updates), RULES)
    assert [round(wait, 1) for wait in ideal.waits] == [0.0, 0.1]


def test_kinds_are_calls_of_their_own() -> None:
    """One user of ten has another kind of write, and a run with one seed is the same again."""
    workload = scattered(updates=2_000, users=100, seconds=1, people=0, seed=3)
    assert workload == scattered(updates=2_000, users=100, seconds=1, people=0, seed=3)
    assert ideal_of(workload, RULES).calls == {"app_metadata": 90, "root": 5, "user_metadata": 5}


def test_revs_of_a_user() -> None:
    """A rev is found in every kind of write, and in nothing else."""
    body = {
        "app_metadata": {"waystation_idproof": {"rev": 3}, "confirmed_seen": {"rev": 9}},
        "user_metadata": {"favourite": "rev 4"},
        "nickname": "rev 5",
    }
    assert revs_in(body) == {"waystation_idproof": 3, "favourite": 4, "nickname": 5}


def test_a_goal_may_be_a_least() -> None:
    """More is met there, less is missed."""
    measured = Row(name="x", unit="", value=0.97, low=0.97, high=0.97, samples=1)
    assert (at_least(measured, 0.97).verdict, at_least(measured, 0.98).verdict) == ("met", "missed")
