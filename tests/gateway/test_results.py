"""What a login leaves in the user's metadata."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from common.messages import DesiredValue, UpdateMetadata
from gateway.results import iso, metadata_key, metadata_value, revs_by_step, update_of
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import section
from tests.gateway.made import NOW, concluded, login, opened, settled, submitted


def test_the_value_of_a_result() -> None:
    """A key holds the step's revision, its rev, how it ended and when, and the jti that confirms it."""
    ended = concluded(level="document_validated", until=NOW + timedelta(days=365), reference="ref-1")
    passed = login(submitted().decide("idproof", ended).settle(rev=7, until=NOW))
    assert metadata_value(passed, passed.transaction.step("idproof")) == {
        "v": 1,
        "rev": 7,
        "status": "passed",
        "level": "document_validated",
        "at": "2026-11-22T12:00:00Z",
        "until": "2027-11-22T12:00:00Z",
        "reason": None,
        "ref": "ref-1",
        "jti": "J" * 22,
    }


def test_the_message() -> None:
    """One update names the user and, per step that is written, the key with its rev and value."""
    one = login(settled())
    update = update_of(one, one.transaction.written_steps, now=NOW, waiting=True)
    assert update == UpdateMetadata(
        event_id=update.event_id,
        tenant="acme",
        transaction_id="T" * 22,
        occurred_at=NOW,
        traceparent=one.traceparent,
        user_id="auth0|anna",
        waiting=True,
        deadline=NOW + timedelta(seconds=10),
        keys={
            "waystation_idproof": DesiredValue(
                rev=7, value=metadata_value(one, one.transaction.step("idproof"))
            )
        },
    )


def test_the_key_is_in_the_tenants_namespace() -> None:
    """The tenant chooses the namespace of our keys."""
    rules = {**section()["metadata"], "namespace": "acme_checks"}
    assert metadata_key(login(opened(), metadata=rules), "idproof") == "acme_checks_idproof"


def test_confirmed_keys_are_read_back_by_step() -> None:
    """Keys that are not of this login's steps say nothing about it."""
    keys = {"waystation_idproof": 8, "waystation_terms": 9, "other_idproof": 10}
    assert revs_by_step(login(opened()), keys) == {"idproof": 8}


def test_a_step_that_has_not_ended_has_no_times() -> None:
    """Without a conclusion there is nothing to tell but the step itself."""
    due = replace(opened().step("idproof"), status=StepStatus.DUE)
    value = metadata_value(login(opened()), due)
    assert [value[name] for name in ("at", "until", "level", "reason", "ref", "rev")] == [None] * 6


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 22, 1, 2, 3, 999_999, tzinfo=UTC), "2026-11-22T01:02:03Z"),
        (datetime(2026, 11, 22, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-11-21T23:02:03Z"),
    ],
)
def test_times(time: datetime, text: str) -> None:
    """Times are whole seconds in UTC, as Auth0's own."""
    assert iso(time) == text
