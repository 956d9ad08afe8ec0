"""What the example application refuses.

ExampleAppError
├── SettingsError        it cannot start like this
├── LoginRefusedError    the tenant said no, and why
├── UnknownLoginError    a callback that belongs to no login of this browser
└── LoginFailedError     the tenant's answer could not be fetched or is not to be trusted
"""


class ExampleAppError(Exception):
    """Base, never raised directly."""


class SettingsError(ExampleAppError):
    """It cannot start like this."""


class LoginRefusedError(ExampleAppError):
    """The tenant said no: OAuth's `error` and its `error_description`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class UnknownLoginError(ExampleAppError):
    """A callback that belongs to no login of this browser."""


class LoginFailedError(ExampleAppError):
    """The tenant's answer could not be fetched or is not to be trusted."""
