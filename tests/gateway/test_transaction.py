"""The states of a login: what each allows, and nothing else."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

import gateway.transaction
from gateway.errors import TransitionError
from gateway.transaction import MetadataOutcome, Status, Transaction, WaitingFor
from gateway.transaction_step import StepStatus
from tests.gateway.made import (
    BROWSER,
    DEADLINE,
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

SITUATIONS: dict[str, Callable[[], Transaction]] = {
    "opened": opened,
    "working": working,
    "submitted": submitted,
    "finished": finished,
    "settled": settled,
    "ready": ready,
    "handed_back": handed_back,
    "restarted": restarted,
    "expired": expired,
}
ACTS: dict[str, Callable[[Transaction], Transaction]] = {
    "claim": lambda login: login.claim(BROWSER),
    "submit": lambda login: login.submit("idproof", verification_id="V2"),
    "conclude": lambda login: login.conclude("idproof", concluded(StepStatus.DECLINED)),
    "decide": lambda login: login.decide("idproof", concluded()),
    "restart": lambda login: login.restart("idproof", concluded(), rev=1),
    "settle": lambda login: login.settle(rev=1, until=NOW),
    "finish_metadata": lambda login: login.finish_metadata(MetadataOutcome.CARRIED),
    "hand_back": lambda login: login.hand_back(),
    "expire": lambda login: login.expire(),
    "cancel": lambda login: login.cancel(),
    "give_way": lambda login: login.give_way(),
}
ALLOWED = {
    ("opened", "claim"): Status.WORKING,
    ("opened", "expire"): Status.EXPIRED,
    ("working", "submit"): Status.WAITING,
    ("working", "conclude"): Status.WORKING,
    ("working", "restart"): Status.RESTARTED,
    ("working", "expire"): Status.EXPIRED,
    ("submitted", "decide"): Status.WORKING,
    ("submitted", "expire"): Status.EXPIRED,
    ("finished", "settle"): Status.WAITING,
    ("finished", "expire"): Status.EXPIRED,
    ("settled", "finish_metadata"): Status.READY,
    ("settled", "expire"): Status.EXPIRED,
    ("ready", "hand_back"): Status.HANDED_BACK,
    ("ready", "expire"): Status.EXPIRED,
    ("handed_back", "hand_back"): Status.HANDED_BACK,
    ("handed_back", "expire"): Status.EXPIRED,
    ("restarted", "expire"): Status.EXPIRED,
    **{(situation, "cancel"): Status.CANCELLED for situation in SITUATIONS if situation != "expired"},
}
ALLOWED |= {
    (situation, "give_way"): Status.DISPLACED
    for situation in ("opened", "working", "submitted", "finished", "settled", "ready")
}
REFUSED = [(situation, act) for situation in SITUATIONS for act in ACTS if (situation, act) not in ALLOWED]


@pytest.mark.parametrize(("situation", "act"), ALLOWED)
def test_what_is_allowed(situation: str, act: str) -> None:
    """Each allowed act leads where the diagram says, as one saved change."""
    before = SITUATIONS[situation]()
    after = ACTS[act](before)
    assert after.status is ALLOWED[situation, act]
    assert after.version == before.version + 1


@pytest.mark.parametrize(("situation", "act"), REFUSED)
def test_what_is_refused(situation: str, act: str) -> None:
    """Every other act in every state is a named error."""
    with pytest.raises(TransitionError):
        ACTS[act](SITUATIONS[situation]())


def test_the_diagram_shows_every_edge() -> None:
    """The diagram in the docstring has exactly the edges that the code walks."""
    text = gateway.transaction.__doc__ or ""
    drawn = set(re.findall(r"^ +(\w+) --> (\w+):", text, flags=re.MULTILINE))
    walked = {(SITUATIONS[situation]().status.value, to.value) for (situation, _), to in ALLOWED.items()}
    walked |= {("waiting", "waiting"), ("working", "ready")}  # the last step's end and `settle`, saved as one
    assert drawn == walked


def test_a_second_document_is_not_judged() -> None:
    """Submitted twice, in two tabs, the first verification stays the one that counts."""
    with pytest.raises(TransitionError):
        submitted().submit("idproof", verification_id="V2")
    assert submitted().step("idproof").verification_id == "V1"


def test_nobody_declines_what_is_being_judged() -> None:
    """While a verification runs, its verdict or time ends the step, not the person."""
    with pytest.raises(TransitionError):
        submitted().conclude("idproof", concluded(StepStatus.DECLINED))


@pytest.mark.parametrize("status", [StepStatus.DUE, StepStatus.ASKED, StepStatus.SUBMITTED])
def test_a_conclusion_concludes(status: StepStatus) -> None:
    """A step cannot end as something that is no end."""
    with pytest.raises(TransitionError):
        working().conclude("idproof", concluded(status))
    with pytest.raises(TransitionError):
        working().restart("idproof", concluded(status), rev=1)


def test_steps_come_in_their_order() -> None:
    """The second step cannot be done before the first, nor the first one twice."""
    login = opened("terms", "idproof").claim(BROWSER)
    with pytest.raises(TransitionError):
        login.submit("idproof", verification_id="V1")
    login = login.conclude("terms", concluded())
    with pytest.raises(TransitionError):
        login.conclude("terms", concluded())
    assert login.submit("idproof", verification_id="V1").status is Status.WAITING


def test_a_login_with_steps_left_is_not_settled() -> None:
    """Results are written after the last step only."""
    with pytest.raises(TransitionError):
        opened("terms", "idproof").claim(BROWSER).conclude("terms", concluded()).settle(rev=1, until=NOW)


@pytest.mark.parametrize(
    ("ended", "goes_on_to"),
    [
        (StepStatus.PASSED, Status.WAITING),
        (StepStatus.FAILED, Status.WAITING),
        (StepStatus.PENDING, Status.WAITING),
        (StepStatus.DECLINED, Status.READY),
        (StepStatus.ABANDONED, Status.READY),
    ],
)
def test_what_is_written(ended: StepStatus, goes_on_to: Status) -> None:
    """Passed, failed and pending are written; declined and abandoned are not, so nothing is waited for."""
    login = submitted().decide("idproof", concluded(ended)).settle(rev=3, until=NOW)
    assert login.status is goes_on_to
    assert login.step("idproof").rev == 3
    assert login.metadata is (MetadataOutcome.APPLIED if goes_on_to is Status.READY else None)


def test_when_time_alone_changes_a_login() -> None:
    """At the deadline; a waiting login two minutes earlier, or when its wait ends; an expired one never."""
    last_call = DEADLINE - timedelta(minutes=2)
    until = NOW + timedelta(seconds=10)
    assert [login().wake_at for login in SITUATIONS.values()] == [
        DEADLINE,
        DEADLINE,
        last_call,
        DEADLINE,
        until,
        DEADLINE,
        DEADLINE,
        DEADLINE,
        None,
    ]
    assert finished().settle(rev=1, until=DEADLINE).wake_at == last_call


@pytest.mark.parametrize(("confirmed", "applied"), [(6, False), (7, True), (8, True), (None, False)])
def test_when_a_login_is_applied(confirmed: int | None, applied: bool) -> None:  # noqa: FBT001 - a table
    """A login is applied once its key is at its rev or later."""
    revs = {} if confirmed is None else {"idproof": confirmed}
    assert settled().is_applied_by(revs) is applied


def test_a_verdict_is_noted_for_its_step() -> None:
    """A verification finds its step, whatever became of it, and an unknown one finds none."""
    noted = handed_back().note_verification("idproof", revision=2)
    assert noted.step_of_verification("V1").verification_revision == 2
    assert noted.status is Status.HANDED_BACK
    with pytest.raises(TransitionError):
        noted.step_of_verification("V2")
    with pytest.raises(TransitionError):
        noted.step("terms")


def test_the_browser_is_not_shown() -> None:
    """The text form of a login, which may end in a log, does not hold whose it is."""
    assert "hash" not in repr(working())
    assert working().waiting_for is None
    assert submitted().waiting_for is WaitingFor.VERIFICATION


def test_ending_early() -> None:
    """Whoever stops keeps what has ended; the rest is abandoned, and what is being checked is pending."""
    login = opened("terms", "idproof", "profile").claim(BROWSER).conclude("terms", concluded())
    stopped = login.submit("idproof", verification_id="V1").end_early(at=NOW, reason="stopped_by_person")
    assert [(step.status, step.conclusion and step.conclusion.reason) for step in stopped.steps] == [
        (StepStatus.PASSED, None),
        (StepStatus.PENDING, "stopped_by_person"),
        (StepStatus.ABANDONED, "stopped_by_person"),
    ]
    assert stopped.status is Status.WORKING
    assert [step.name for step in stopped.written_steps] == ["terms", "idproof"]
    for over in (stopped, finished(), settled(), handed_back()):
        with pytest.raises(TransitionError):
            over.end_early(at=NOW, reason="stopped_by_person")


def test_what_is_taken_back_is_written() -> None:
    """A refusal is not written, unless it takes an earlier result back."""
    refused = concluded(StepStatus.DECLINED, reason="withdrawn")
    assert working().conclude("idproof", refused).written_steps == ()
    taken_back = concluded(StepStatus.DECLINED, reason="withdrawn", takes_back="J0")
    assert [step.name for step in working().conclude("idproof", taken_back).written_steps] == ["idproof"]
