"""What can go wrong, by name.

```
TenantError
├── ConfigError          the tenant file or the command line is wrong
├── NodeMissingError     there is no Node to run Actions in
├── NodeBrokenError      there is one that does not work
├── ActionFailedError    an Action threw, hung, did not parse or took its process with it
├── PageError            a browser sees an error page of the tenant
├── OAuthError           an OAuth endpoint answers with `error` and `error_description`
├── ApiError             the Management API answers with `statusCode`, `error`, `message`
└── ControlError         a call to the control plane was malformed
```
"""


class TenantError(Exception):
    """Base of them all; never raised directly."""


class ConfigError(TenantError):
    """Every mistake of a tenant file at once, each with its line."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class NodeMissingError(TenantError):
    """`node` is not on PATH."""

    def __init__(self) -> None:
        super().__init__("node was not found on PATH: the emulator runs Action code in it (Node 18 or later)")


class NodeBrokenError(TenantError):
    """`node` is there and does not run the worker."""

    def __init__(self) -> None:
        super().__init__("node ended as soon as it was started: the emulator needs Node 18 or later")


class ActionFailedError(TenantError):
    """An Action did not come to an end of its own.

    `kind` is Auth0's error class: `action_error`, `action_timeout` or `platform_error`.
    """

    def __init__(self, message: str, *, kind: str, where: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.where = where


class PageError(TenantError):
    """A page for a person; `login_uri` sends the browser to the application's login route instead."""

    def __init__(self, error: str, description: str, *, status: int, login_uri: str | None = None) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.login_uri = login_uri


class OAuthError(TenantError):
    """RFC 6749 section 5.2, with the statuses that recordings of real tenants show."""

    def __init__(self, error: str, description: str, *, status: int = 403) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class ApiError(TenantError):
    """One error body of the Management API."""

    def __init__(self, status: int, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class ControlError(TenantError):
    """The control plane refuses a body and says what is wrong with it."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
