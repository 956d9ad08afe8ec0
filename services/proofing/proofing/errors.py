"""Errors of the proofing service.

```
common.errors.WaystationError
├── TransitionError        verification.py   this verification is not in a state for that
├── UnknownReviewError     reviews.py        there is no verification of that id
└── UnusableCommandError   intake.py         a command that no provider can be asked about
```
"""

from enum import StrEnum

from common.errors import WaystationError


class TransitionError(WaystationError):
    """The verification is in a state that does not allow this."""


class UnknownReviewError(WaystationError):
    """There is no verification of that id."""


class Failure(StrEnum):
    """Why a command is unusable; also the reason on its dead letter."""

    SEALED_INPUT_UNREADABLE = "sealed_input_unreadable"
    INPUT_MALFORMED = "input_malformed"
    UNKNOWN_PROVIDER = "unknown_provider"


class UnusableCommandError(WaystationError):
    """Nothing that is tried again will make this command usable."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure
