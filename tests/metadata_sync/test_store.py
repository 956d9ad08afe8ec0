"""How a user's state stands in its row: replicas of two releases read each other's during an upgrade."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.messages import Kind
from metadata_sync.coalesce import Wish
from metadata_sync.due import Changes
from metadata_sync.known import Attempt, Confirmed, Erased, Parked, Sent
from metadata_sync.state import Requester, UserState
from metadata_sync.store import state_from_json, state_to_json

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
STATE = UserState(
    desired={
        "a": Wish(rev=3, value={"status": "passed", "at": None}),
        "b": Wish(rev=2, value=None),
        "root.given_name": Wish(rev=4, digest="d1", size=6, encrypted="Y2lwaGVy"),
        "user_metadata.x": Wish(rev=1, digest="d2", size=9),
    },
    confirmed={"a": Confirmed(rev=2, digest="d3", at=NOON)},
    unsettled={"a": LATER},
    parked={
        "b": Parked(rev=2, reason="bad_request", at=NOON),
        "user_metadata.x": Parked(rev=1, reason="bad_request", at=NOON, dropped=True),
    },
    requesters={
        "tx-1": Requester(traceparent="t", waiting=True, keys={"a": 3}, deadline=LATER, since=NOON),
        "tx-2": Requester(traceparent="t", waiting=False, keys={"b": 2}),
    },
    attempt=Attempt(
        at=NOON,
        keys={"root.given_name": Sent(rev=4, digest="d1")},
        changes=Changes(first=NOON, last=LATER),
        kind=Kind.ROOT,
    ),
    changes=Changes(first=NOON, last=LATER),
    retry_at=LATER,
    failures=2,
    root_refused_at=NOON,
    tried=Kind.USER_METADATA,
    erased=Erased(rev=1, at=NOON, erasure="er-1", traceparent="t"),
)
ROW: dict[str, Any] = {
    "desired": {
        "a": {"rev": 3, "value": {"status": "passed", "at": None}},
        "b": {"rev": 2, "value": None},
        "root.given_name": {"rev": 4, "digest": "d1", "size": 6, "encrypted": "Y2lwaGVy"},
        "user_metadata.x": {"rev": 1, "digest": "d2", "size": 9},
    },
    "confirmed": {"a": {"rev": 2, "digest": "d3", "at": "2026-11-22T12:00:00Z"}},
    "unsettled": {"a": "2026-11-22T12:00:00.250000Z"},
    "parked": {
        "b": {"rev": 2, "reason": "bad_request", "at": "2026-11-22T12:00:00Z"},
        "user_metadata.x": {
            "rev": 1,
            "reason": "bad_request",
            "at": "2026-11-22T12:00:00Z",
            "dropped": True,
        },
    },
    "requesters": {
        "tx-1": {
            "traceparent": "t",
            "waiting": True,
            "keys": {"a": 3},
            "deadline": "2026-11-22T12:00:00.250000Z",
            "since": "2026-11-22T12:00:00Z",
        },
        "tx-2": {"traceparent": "t", "waiting": False, "keys": {"b": 2}},
    },
    "attempt": {
        "at": "2026-11-22T12:00:00Z",
        "keys": {"root.given_name": {"rev": 4, "digest": "d1"}},
        "changes": {"first": "2026-11-22T12:00:00Z", "last": "2026-11-22T12:00:00.250000Z"},
        "kind": "root",
    },
    "changes": {"first": "2026-11-22T12:00:00Z", "last": "2026-11-22T12:00:00.250000Z"},
    "retry_at": "2026-11-22T12:00:00.250000Z",
    "failures": 2,
    "root_refused_at": "2026-11-22T12:00:00Z",
    "tried": "user_metadata",
    "erased": {"rev": 1, "at": "2026-11-22T12:00:00Z", "erasure": "er-1", "traceparent": "t"},
}


def test_every_field_is_written_by_its_name() -> None:
    """What is as it is by default is left out; a value that is null is not."""
    assert json.loads(state_to_json(STATE)) == ROW
    assert state_to_json(UserState()) == "{}"


def test_every_field_is_read() -> None:
    """What one release has written the other reads; PostgreSQL puts the fields in an order of its own."""
    assert state_from_json(json.dumps(ROW, sort_keys=True)) == STATE
    assert state_from_json("{}") == UserState()


def test_what_a_later_release_adds_is_passed_over() -> None:
    """During an upgrade and on the way back rows have fields that we do not know."""
    row = ROW | {"later": 1, "changes": {**ROW["changes"], "later": [1]}}
    assert state_from_json(json.dumps(row)) == STATE


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_a_value_comes_back_as_it_was(value: dict[str, Any]) -> None:
    """Whatever JSON a message may ask for is stored as it is."""
    state = UserState(desired={"a": Wish(rev=1, value=value)})
    assert state_from_json(state_to_json(state)) == state
