"""Thousands of seeded runs: whatever happens in whatever order, the guarantees hold.

`WAYSTATION_SEEDS=5000` runs more; a failure names its seed, and `World(seed, …)` of that test repeats it.
"""

import os
from collections.abc import Callable

from tests.metadata_sync.simulation import Faults, World

SEEDS = int(os.environ.get("WAYSTATION_SEEDS", "1000"))


def _each_seed(run: Callable[[int], World], check: Callable[[World], bool], *, part: float = 1.0) -> None:
    for seed in range(max(1, int(SEEDS * part))):
        world = run(seed)
        assert world.complaints == [], f"seed {seed}"
        assert check(world), f"seed {seed}"


def _is_settled(world: World) -> bool:
    has_told_all = world.told.keys() == world.asked.keys()
    return world.held() == world.expected() and has_told_all and not world.readable()


def test_latest_state_wins_and_nothing_is_lost() -> None:
    """However updates are ordered, all users end with the latest of every kind, and each is told once."""
    _each_seed(
        lambda seed: World(seed, faults=Faults(), replicas=2, tenants=2).run(updates=25, users=4, seconds=20),
        _is_settled,
    )


def test_alone_nobody_is_refused() -> None:
    """On any plan neither our writes nor the Actions' that follow them meet a 429."""

    def check(world: World) -> bool:
        return all(tenant.refused == tenant.refused_actions == 0 for tenant in world.tenants.values())

    _each_seed(
        lambda seed: World(seed, faults=Faults(), replicas=3).run(updates=30, users=15, seconds=3),
        check,
        part=0.5,
    )


def test_safe_to_crash_anywhere() -> None:
    """Replicas die with what they began; what they sent may be written late; still the latest wins."""
    _each_seed(
        lambda seed: World(seed, faults=Faults(unseen=0.1, failed=0.1, deaths=6), replicas=3, tenants=2).run(
            updates=25, users=4, seconds=20
        ),
        _is_settled,
    )


def test_updates_while_the_budget_is_spent_are_one_call() -> None:
    """Of many updates of one user there are no more calls of a kind than quiet time and max wait allow."""

    def check(world: World) -> bool:
        return all(calls <= 40 for tenant in world.tenants.values() for calls in tenant.calls.values())

    _each_seed(lambda seed: World(seed, faults=Faults()).run(updates=60, users=1, seconds=20), check)


def test_the_same_seed_is_the_same_run() -> None:
    """A failure can be repeated from its seed."""
    runs = [
        World(7, faults=Faults(unseen=0.1, deaths=3), replicas=2).run(updates=30, users=5, seconds=10)
        for _ in range(2)
    ]
    assert runs[0].told == runs[1].told
    assert runs[0].now == runs[1].now


def test_a_person_is_told_within_two_seconds() -> None:
    """On a plan with a burst of 50 whatever else is pending, and however the replicas share the work."""

    def check(world: World) -> bool:
        return all(
            world.told[transaction] - since <= 2
            for transaction, (user, since, waiting) in world.asked.items()
            if waiting and world.tenants[user[0]].bucket.burst == 50
        )

    _each_seed(
        lambda seed: World(seed, faults=Faults(), replicas=3).run(updates=30, users=15, seconds=10),
        check,
        part=0.5,
    )
