"""What each transition changes of a login, and that it changes nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import TransitionError
from gateway.transaction import MetadataOutcome, Status, Transaction, WaitingFor
from gateway.transaction_step import Step, StepStatus
from tests.gateway.made import (
    BROWSER,
    NOW,
    concluded,
    expired,
    finished,
    handed_back,
    opened,
    ready,
    restarted,
    settled,
    submitted,
    working,
)

SOON = NOW + timedelta(minutes=5)
PASSED, REFUSED = concluded(), concluded(StepStatus.FAILED, reason="name_mismatch")
STEP = Step(name="idproof", revision=1)
ASKED = replace(STEP, status=StepStatus.ASKED)
JUDGED = replace(STEP, status=StepStatus.SUBMITTED, verification_id="V1")
DONE = replace(JUDGED, status=StepStatus.PASSED, conclusion=PASSED)


def after(before: Transaction, **changes: Any) -> Transaction:
    """The same, one saved change later."""
    return replace(before, version=before.version + 1, **changes)


def test_a_claim() -> None:
    """It is this browser's from now on, with its device and the language of its pages."""
    assert opened().claim(BROWSER, device=b"device", language="de") == after(
        opened(), status=Status.WORKING, claimed_by=BROWSER, device=b"device", language="de"
    )


def test_a_step_that_is_asked_for() -> None:
    """The step knows that its page was shown."""
    assert working().ask("idproof") == after(working(), steps=(ASKED,))


def test_what_is_submitted() -> None:
    """A new verification, of which no verdict is known, is waited for."""
    again = replace(ASKED, verification_id="V0", verification_revision=3, conclusion=REFUSED)
    before = replace(working(), steps=(again,))
    assert before.submit("idproof", verification_id="V1") == after(
        before, steps=(JUDGED,), status=Status.WAITING, waiting_for=WaitingFor.VERIFICATION
    )


def test_a_verdict() -> None:
    """It ends the step and the waiting."""
    held = submitted().hold("idproof", concluded(StepStatus.PENDING), until=SOON)
    assert held.decide("idproof", PASSED) == after(
        held, steps=(DONE,), status=Status.WORKING, waiting_for=None, waiting_until=None
    )


def test_a_verdict_about_a_slip() -> None:
    """The person may type again, and knows why."""
    held = submitted().hold("idproof", concluded(StepStatus.PENDING), until=SOON)
    asked = replace(JUDGED, status=StepStatus.ASKED, conclusion=REFUSED)
    assert held.try_again("idproof", REFUSED) == after(
        held, steps=(asked,), status=Status.WORKING, waiting_for=None, waiting_until=None
    )


def test_a_review() -> None:
    """It is waited for until then at most, and ends as it is so far; that can be said of no other step."""
    pending = concluded(StepStatus.PENDING, reason="review")
    held = submitted().hold("idproof", pending, until=SOON)
    assert held == after(submitted(), steps=(replace(JUDGED, conclusion=pending),), waiting_until=SOON)
    assert held.wake_at == SOON
    assert held.held_step == replace(JUDGED, status=StepStatus.PENDING, conclusion=pending)
    for other in (submitted(), working(), finished(), settled(), replace(held, waiting_for=None)):
        assert other.held_step is None


@pytest.mark.parametrize("act", ["try_again", "hold", "decide"])
@pytest.mark.parametrize("make", [opened, working, finished, settled, ready, handed_back, expired])
def test_verdicts_that_nobody_waits_for(act: str, make: Callable[[], Transaction]) -> None:
    """Only a login that waits for a verification can take a verdict."""
    more = {"until": SOON} if act == "hold" else {}
    with pytest.raises(TransitionError):
        getattr(make(), act)("idproof", concluded(StepStatus.PENDING), **more)


@pytest.mark.parametrize("act", ["try_again", "hold", "decide"])
def test_verdicts_about_another_step(act: str) -> None:
    """A verdict counts for the step that the login is at."""
    more = {"until": SOON} if act == "hold" else {}
    with pytest.raises(TransitionError, match=r"^not the step that the login is at$"):
        getattr(submitted(), act)("terms", concluded(StepStatus.PENDING), **more)


def test_a_verdict_that_was_noted() -> None:
    """The step knows the verdict's revision."""
    noted = replace(JUDGED, verification_revision=4)
    assert submitted().note_verification("idproof", revision=4) == after(submitted(), steps=(noted,))


def test_results_that_are_written() -> None:
    """All steps take the rev, and the write is waited for until then; without any, the login is ready."""
    assert finished().settle(rev=7, until=SOON) == after(
        finished(),
        steps=(replace(DONE, rev=7),),
        status=Status.WAITING,
        waiting_for=WaitingFor.METADATA,
        waiting_until=SOON,
    )
    declined = working().conclude("idproof", concluded(StepStatus.DECLINED))
    assert declined.settle(rev=7, until=SOON) == after(
        declined,
        steps=(replace(declined.steps[0], rev=7),),
        status=Status.READY,
        metadata=MetadataOutcome.APPLIED,
    )


def test_a_write_that_ended() -> None:
    """Whatever came of it, the login is ready and waits for nothing."""
    assert settled().finish_metadata(MetadataOutcome.FAILED) == after(
        settled(),
        status=Status.READY,
        waiting_for=None,
        waiting_until=None,
        metadata=MetadataOutcome.FAILED,
    )
    with pytest.raises(TransitionError, match=r"^does not wait for metadata$"):
        submitted().finish_metadata(MetadataOutcome.APPLIED)


def test_a_hand_back() -> None:
    """It is noted, and can be repeated."""
    assert ready().hand_back() == after(ready(), status=Status.HANDED_BACK)
    assert handed_back().hand_back() == after(handed_back())


def test_a_restart() -> None:
    """The step has ended with a rev of its own; the others never come."""
    before = opened("password", "terms").claim(BROWSER)
    ended = Step(name="password", revision=1, status=StepStatus.PASSED, conclusion=PASSED, rev=7)
    assert before.restart("password", PASSED, rev=7) == after(
        before, steps=(ended, before.steps[1]), status=Status.RESTARTED
    )


@pytest.mark.parametrize("act", ["expire", "cancel", "give_way"])
def test_ends(act: str) -> None:
    """Nothing is waited for any more."""
    ends = {"expire": Status.EXPIRED, "cancel": Status.CANCELLED, "give_way": Status.DISPLACED}
    held = submitted().hold("idproof", concluded(StepStatus.PENDING), until=SOON)
    assert getattr(held, act)() == after(held, status=ends[act], waiting_for=None, waiting_until=None)


def test_ending_early_ends_the_waiting() -> None:
    """The login goes on without a verdict and without a time."""
    held = submitted().hold("idproof", concluded(StepStatus.PENDING), until=SOON)
    ended = held.end_early(at=NOW, reason="stopped_by_person")
    assert (ended.status, ended.waiting_for, ended.waiting_until) == (Status.WORKING, None, None)
    assert ended.version == held.version + 1
    assert ended.steps[0].conclusion == concluded(StepStatus.PENDING, reason="stopped_by_person")
    left = working().end_early(at=NOW, reason="stopped_by_person")
    assert left.steps[0].conclusion == concluded(StepStatus.ABANDONED, reason="stopped_by_person")


def test_why_an_act_is_refused() -> None:
    """The error says which state, or which step, does not allow it."""
    two = opened("terms", "idproof").claim(BROWSER)
    refusals: dict[str, Callable[[], object]] = {
        "not possible while opened": lambda: opened().ask("idproof"),
        "not possible while expired": lambda: expired().hand_back(),
        "not the step that the login is at": lambda: two.ask("idproof"),
        "that is no conclusion": lambda: two.conclude("terms", concluded(StepStatus.DUE)),
        "no such step": lambda: two.step("profile"),
        "no step waits for this verification": lambda: two.step_of_verification("V9"),
        "no step is left": lambda: finished().end_early(at=NOW, reason="x"),
        "steps are left": lambda: two.settle(rev=1, until=SOON),
        "does not wait for a verification": lambda: settled().decide("idproof", PASSED),
        "does not wait for metadata": lambda: submitted().finish_metadata(MetadataOutcome.APPLIED),
    }
    for text, act in refusals.items():
        with pytest.raises(TransitionError) as refused:
            act()
        assert str(refused.value) == text


def test_how_far_a_login_is() -> None:
    """Which step it is at, which it has reached, whether all passed, one was lost, and one can be left."""
    two = opened("terms", "idproof").claim(BROWSER)
    later = two.conclude("terms", PASSED)
    assert (two.current_step, later.current_step) == (two.steps[0], later.steps[1])
    assert [two.has_reached(name) for name in ("terms", "idproof", "profile")] == [True, False, False]
    assert [later.has_reached(name) for name in ("terms", "idproof")] == [True, True]
    assert [login.can_stop for login in (opened(), two, submitted(), finished(), settled(), ready())] == [
        *(False, True, True, False, False, False)
    ]
    assert (two.is_passed, later.is_passed, finished().is_passed) == (False, False, True)
    lost = [
        working().conclude("idproof", concluded(status)).is_lost
        for status in (StepStatus.PASSED, StepStatus.PENDING, StepStatus.FAILED, StepStatus.DECLINED)
    ]
    assert (lost, two.is_lost, restarted().is_lost) == ([False, False, True, True], False, False)


def test_when_everything_is_confirmed() -> None:
    """Each key that was written, and whatever was sent with it, at its rev or later."""
    two = opened("terms", "idproof").claim(BROWSER).conclude("terms", PASSED).conclude("idproof", PASSED)
    both = two.settle(rev=7, until=SOON)
    assert both.is_applied_by({"terms": 7, "idproof": 8})
    assert not both.is_applied_by({"terms": 7, "idproof": 6})
    assert not both.is_applied_by({"terms": 7})
    assert both.is_applied_by({"terms": 7, "idproof": 7}, others=(7, 9))
    assert not both.is_applied_by({"terms": 7, "idproof": 7}, others=(7, 6))
    declined = working().conclude("idproof", concluded(StepStatus.DECLINED)).settle(rev=7, until=SOON)
    assert declined.is_applied_by({})
    assert not finished().settle(rev=1, until=SOON).is_applied_by({})
