"""Errors of the gateway.

```
WaystationError
├── TransitionError          a state machine was asked for what its state does not allow
├── ConflictError            somebody else changed the login first
├── PasswordCallError        metadata-sync does not accept the call that changes a password
│   ├── PasswordUnavailableError   it cannot change one now
│   └── PasswordUnknownError       nobody knows whether it did
└── PageError                what a person sees instead of the page they asked for
    ├── BadRequestError          400
    ├── TokenRefusedError        401
    ├── ForbiddenError           403   StalePageError
    ├── NotFoundError            404
    ├── MethodError              405
    ├── ConflictingLoginError    409   NotYetError, MisconfiguredError
    ├── GoneError                410
    ├── TooLargeError            413
    ├── UnsupportedFormError     415
    ├── TryAgainError            503
    └── UnforeseenError          500   a mistake of ours
```
"""

from typing import ClassVar

from common.errors import WaystationError


class TransitionError(WaystationError):
    """The state machine does not allow this now."""


class ConflictError(WaystationError):
    """The login changed between reading and saving it."""


class PageError(WaystationError):
    """Ends a request with a page for the person; `code` goes to the log, the texts never hold input."""

    status: ClassVar[int]
    title: ClassVar[str]
    text: ClassVar[str]
    way_on: ClassVar[str] = "Go back to the application that you came from, and log in there again."

    def __init__(self, code: str, *, login_url: str | None = None, again_url: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.login_url = login_url
        self.again_url = again_url


class BadRequestError(PageError):
    status = 400
    title = "This link is not complete"
    text = "Something in the link or the form was missing or damaged. Nothing was changed."


class TokenRefusedError(PageError):
    status = 401
    title = "This link can no longer be used"
    text = "It has expired or was not made for this place. Start again at the application; nothing is lost."


class ForbiddenError(PageError):
    status = 403
    title = "This page belongs to another browser"
    text = (
        "This login was opened somewhere else, or this browser does not keep cookies. "
        "Go on in the browser in which you began, or start again at the application."
    )


class StalePageError(ForbiddenError):
    title = "This page was out of date"
    text = "Nothing was changed. Open the page again and go on there."


class NotFoundError(PageError):
    status = 404
    title = "There is nothing here"
    text = "The address is wrong, or the login that it belonged to is long over."


class MethodError(PageError):
    status = 405
    title = "That does not work here"
    text = "This address does not take such a request."


class ConflictingLoginError(PageError):
    status = 409
    title = "This link does not fit the login"
    text = "The link was changed on its way, or mixed with another login. Start again at the application."


class NotYetError(ConflictingLoginError):
    title = "Not yet"
    text = "This login is not that far. Nothing was changed."


class MisconfiguredError(ConflictingLoginError):
    title = "This step is not set up"
    text = "The organisation asks for a step that is not set up here. Its operators have been told."


class GoneError(PageError):
    status = 410
    title = "This login has expired"
    text = "It was open for too long. Start again at the application; what you have proved is kept."


class TooLargeError(PageError):
    status = 413
    title = "That is too much"
    text = "The form holds more than this page can take. Nothing was changed."


class UnsupportedFormError(PageError):
    status = 415
    title = "This form cannot be read"
    text = "It was sent in a form that this page does not take. Nothing was changed."


class TryAgainError(PageError):
    status = 503
    title = "One moment, please"
    text = "We cannot reach something that we need. Nothing is lost: wait a few seconds, then try again."


class UnforeseenError(PageError):
    """A mistake of ours."""

    status = 500
    title = "Something went wrong on our side"
    text = "It has been noted. Nothing is lost: try again, or start again at the application."


class PasswordCallError(WaystationError):
    """A password was not changed, and trying again does not help; the text tells a status at most."""


class PasswordUnavailableError(PasswordCallError):
    """Certainly not changed; `retry_after` is in whole seconds."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("not now")
        self.retry_after = retry_after


class PasswordUnknownError(PasswordCallError):
    """The answer was lost: perhaps the new password is in use already."""
