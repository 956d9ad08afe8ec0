"""What a disturbed machine may say of metadata-sync, and what it may not."""

from tests.bench.metadata_sync.cost import Cost
from tests.bench.metadata_sync.findings import Findings


def _cost(update: float, *, others: float) -> Cost:
    return Cost(update=update, call=100, insert=100, calls=10, emulator=100, others=others)


def test_turns_in_which_others_used_the_machine_are_left_out() -> None:
    """Of three turns the two quiet ones count, and the note says how many do not."""
    findings = Findings()
    findings.cost([_cost(250, others=0.1), _cost(900, others=1.2), _cost(270, others=0.0)])
    (bar,) = findings.bars
    assert (bar.value, bar.verdict) == (2.6, "met")
    assert findings.notes == ["cost: 1 of 3 turns disturbed by others"]


def test_a_goal_that_is_missed_only_beside_others_is_open() -> None:
    """Where every turn was disturbed all count, and a goal that is not reached says nothing."""
    findings = Findings()
    findings.cost([_cost(900, others=0.9)])
    assert [bar.verdict for bar in findings.bars] == ["inconclusive"]


def test_a_ratio_that_is_met_only_beside_others_is_open_too() -> None:
    """What disturbed the update may have disturbed the insert more."""
    findings = Findings()
    findings.cost([_cost(250, others=0.9)])
    assert [bar.verdict for bar in findings.bars] == ["inconclusive"]


def test_a_goal_that_is_missed_on_a_quiet_machine_is_missed() -> None:
    """One quiet turn is enough to miss it."""
    findings = Findings()
    findings.cost([_cost(900, others=0.1)])
    assert [bar.verdict for bar in findings.bars] == ["missed"]
