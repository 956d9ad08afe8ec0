"""Personal values on their way to metadata-sync."""

import json
from typing import Any

import pytest

from common.messages import Kind
from common.personal_values import PersonalValue, open_personal, seal_personal
from common.sealing import Sealer, SealError

SEALER = Sealer((b"s" * 32,))
BOUND_TO = ("acme", "tx_1", "event-1")
VALUES = {
    Kind.ROOT: {"given_name": PersonalValue(rev=7, value="Änna")},
    Kind.USER_METADATA: {"address": PersonalValue(rev=3, value={"city": "Ulm"})},
}


def test_they_come_back_as_they_went() -> None:
    """What was sealed opens for the same message, kinds, revs and values alike."""
    sealed = seal_personal(VALUES, sealer=SEALER, bound_to=BOUND_TO)
    assert open_personal(sealed, sealer=SEALER, bound_to=BOUND_TO) == VALUES


def test_values_are_not_shown() -> None:
    """The printed form of a value lacks it, and the sealed text too."""
    assert "nna" not in repr(VALUES)
    assert "nna" not in seal_personal(VALUES, sealer=SEALER, bound_to=BOUND_TO)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"root": {}},
        {"roots": {"given_name": {"rev": 1, "value": "Anna"}}},
        {"app_metadata": {"waystation_idproof": {"rev": 1, "value": {}}}},
        {"root": {"given_name": {"rev": 0, "value": "Anna"}}},
        {"root": {"given_name": {"rev": 1}}},
        {"user_metadata": {"a.b": {"rev": 1, "value": "Anna"}}},
        {"user_metadata": {f"k{n}": {"rev": 1, "value": "Anna"} for n in range(21)}},
        [],
    ],
)
def test_anything_else_does_not_open(content: Any) -> None:
    """A sealed text that holds something else is refused, and the error repeats nothing of it."""
    sealed = SEALER.seal(json.dumps(content).encode(), bound_to=BOUND_TO)
    with pytest.raises(SealError, match=r"^holds something else$") as caught:
        open_personal(sealed, sealer=SEALER, bound_to=BOUND_TO)
    assert caught.value.__cause__ is None


def test_it_opens_for_its_message_alone() -> None:
    """Moved to another message it does not open."""
    sealed = seal_personal(VALUES, sealer=SEALER, bound_to=BOUND_TO)
    with pytest.raises(SealError):
        open_personal(sealed, sealer=SEALER, bound_to=("acme", "tx_1", "event-2"))
