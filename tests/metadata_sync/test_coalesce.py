"""The merge rule and what may be asked for at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import DesiredValue
from metadata_sync.coalesce import (
    Value,
    Wish,
    digest,
    merge,
    patch_of,
    refuse_oversized,
    refuse_unfit,
)
from metadata_sync.errors import UnfitUpdateError

_values = st.none() | st.dictionaries(st.sampled_from(["status", "rev"]), st.integers(0, 2), max_size=2)
_wishes = st.builds(Wish, rev=st.integers(1, 4), value=_values)
_desired = st.dictionaries(st.sampled_from(["a", "b", "c"]), _wishes)


def _wish(rev: int, value: Value) -> Wish:
    return Wish(rev=rev, value=value)


@given(_desired, _desired, _desired)
def test_merge_is_associative(one: dict[str, Wish], two: dict[str, Wish], three: dict[str, Wish]) -> None:
    """However updates are grouped on their way, the same state comes out."""
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(_desired, _desired)
def test_merge_is_commutative(one: dict[str, Wish], two: dict[str, Wish]) -> None:
    """In whatever order two updates arrive, the same state comes out."""
    assert merge(one, two) == merge(two, one)


@given(_desired, _desired)
def test_merge_is_idempotent(one: dict[str, Wish], two: dict[str, Wish]) -> None:
    """An update that arrives twice is as good as one."""
    assert merge(merge(one, two), two) == merge(one, two)


@given(st.lists(_desired, max_size=5))
def test_merging_equals_applying_in_order_of_rev(updates: list[dict[str, Wish]]) -> None:
    """What is sent at the end equals what applying every wish in the order of its rev would leave."""
    merged: dict[str, Wish] = {}
    for update in updates:
        merged = merge(merged, update)
    wishes = [(wish.rev, key) for update in updates for key, wish in update.items()]
    latest = {key: rev for rev, key in sorted(wishes)}
    assert {key: wish.rev for key, wish in merged.items()} == latest


def test_a_late_older_wish_does_not_revive_a_deleted_key() -> None:
    """A deletion stays as a tombstone with its rev."""
    deleted = {"a": _wish(2, None)}
    assert merge(deleted, {"a": _wish(1, {"status": "passed"})}) == deleted


def test_equal_values_have_one_digest() -> None:
    """The order of members makes no difference to what is taken for unchanged."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({}) != digest(None)


def test_an_empty_patch_does_not_exist() -> None:
    """Nothing to send is no patch: an empty object would wipe the user's metadata."""
    assert patch_of({}) is None
    patch = patch_of({"a": None, "b": {"n": 1}})
    assert patch is not None
    assert patch.body() == {"a": None, "b": {"n": 1}}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("waystation.idproof", {}, "key_forbidden"),
        ("$idproof", {}, "key_forbidden"),
        ("", {}, "key_forbidden"),
        ("blocked", {}, "key_forbidden"),
        ("waystation_idproof", {"text": "x" * 1024}, "value_too_large"),
        ("waystation_idproof", {"text": "\0"}, "value_not_json"),
        ("waystation_idproof", {"number": float("nan")}, "value_not_json"),
        ("waystation_idproof", {"text": "\ud800"}, "value_not_json"),
    ],
)
def test_what_auth0_would_refuse_is_refused_before(key: str, value: dict[str, Any], reason: str) -> None:
    """A key or a value that the tenant or our database cannot take never enters the desired state."""
    with pytest.raises(UnfitUpdateError) as refused:
        refuse_unfit("auth0|1", {key: DesiredValue(rev=1, value=value)})
    assert refused.value.reason == reason


def test_a_value_of_one_kilobyte_is_taken() -> None:
    """The bound is inclusive: 1,024 bytes of JSON."""
    text = "x" * (1024 - len('{"text":""}'))
    refuse_unfit("auth0|1", {"waystation_idproof": DesiredValue(rev=1, value={"text": text})})


def test_a_user_holds_two_kilobytes_of_ours_at_most() -> None:
    """Values that are fine alone are refused where they would outgrow our share of the profile."""
    kilobyte = _wish(1, {"text": "x" * 1000})
    refuse_oversized({"a": kilobyte, "b": kilobyte})
    with pytest.raises(UnfitUpdateError, match="total_too_large"):
        refuse_oversized({"a": kilobyte, "b": kilobyte, "c": kilobyte})
