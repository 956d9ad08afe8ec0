"""Errors of the gateway.

```
WaystationError
├── TransitionError          a state machine was asked for what its state does not allow
├── ConflictError            somebody else changed the login first
├── KeySetUnavailableError   a tenant's keys cannot be had now (jwks_fetch.py)
├── PasswordCallError        metadata-sync does not accept the call that changes a password
│   ├── PasswordUnavailableError   it cannot change one now
│   └── PasswordUnknownError       nobody knows whether it did
└── PageError                what a person sees instead of the page they asked for
    ├── BadRequestError          400
    ├── TokenRefusedError        401
    ├── ForbiddenError           403   StalePageError
    ├── NotFoundError            404
    ├── MethodError              405
    ├── ConflictingLoginError    409   NotYetError, MisconfiguredError, RestartedError
    ├── GoneError                410
    ├── TooLargeError            413
    ├── UnsupportedFormError     415
    ├── TooManyError             429
    ├── TryAgainError            503
    └── UnforeseenError          500   a mistake of ours
```
"""

import math
from typing import ClassVar

from common.errors import WaystationError

# As a link: what the address bar shows, by GET, without repeating any of it in the page.
SAME_ADDRESS = ""

_PAGES = {
    "no_cookie": "cookies",
    "other_browser": "other_browser",
    "session_token_expired": "link_expired",
    "displaced": "displaced",
    "cancelled": "cancelled",
    "unknown_tenant": "unknown_tenant",
}


class TransitionError(WaystationError):
    """The state machine does not allow this now."""


class ConflictError(WaystationError):
    """The login changed between reading and saving it."""


class PageError(WaystationError):
    """Ends a request with a page for the person; `code` goes to the log; its texts never hold input."""

    status: ClassVar[int]
    page: ClassVar[str]

    def __init__(self, code: str, *, login_url: str | None = None, again_url: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.login_url = login_url
        self.again_url = again_url

    @property
    def name(self) -> str:
        """Of its texts (`errors.<name>` of the message files): some codes have a page of their own."""
        return _PAGES.get(self.code, self.page)


class BadRequestError(PageError):
    status = 400
    page = "bad_request"


class TokenRefusedError(PageError):
    status = 401
    page = "token_refused"


class ForbiddenError(PageError):
    status = 403
    page = "forbidden"


class StalePageError(ForbiddenError):
    page = "stale_page"


class NotFoundError(PageError):
    status = 404
    page = "not_found"


class MethodError(PageError):
    status = 405
    page = "method"


class ConflictingLoginError(PageError):
    status = 409
    page = "conflicting_login"


class NotYetError(ConflictingLoginError):
    page = "not_yet"


class MisconfiguredError(ConflictingLoginError):
    page = "misconfigured"


class RestartedError(ConflictingLoginError):
    page = "restarted"


class GoneError(PageError):
    status = 410
    page = "gone"


class TooLargeError(PageError):
    status = 413
    page = "too_large"


class UnsupportedFormError(PageError):
    status = 415
    page = "unsupported_form"


class TooManyError(PageError):
    """Over a limit; `retry_after` is in whole seconds."""

    status = 429
    page = "too_many"

    def __init__(self, code: str, *, seconds: float) -> None:
        super().__init__(code, again_url=SAME_ADDRESS)
        self.retry_after = math.ceil(seconds)


class TryAgainError(PageError):
    status = 503
    page = "try_later"


class UnforeseenError(PageError):
    """A mistake of ours."""

    status = 500
    page = "unforeseen"


class PasswordCallError(WaystationError):
    """A password was not changed, and trying again does not help; the text tells a status at most."""


class PasswordUnavailableError(PasswordCallError):
    """Certainly not changed; `retry_after` is in whole seconds."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("not now")
        self.retry_after = retry_after


class PasswordUnknownError(PasswordCallError):
    """The answer was lost: perhaps the new password is in use already."""
