"""Whose login it is: the browser's that claimed it, and before that anybody's who has arrived with it."""

import hmac
from dataclasses import dataclass

from gateway.browser import BrowserCookie
from gateway.errors import ForbiddenError
from gateway.login import Login


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A browser that may see this login, or might when it was let in; `language` is what it reads."""

    login: Login
    cookie: BrowserCookie
    language: str = "en"


def is_claimable_by(login: Login, cookie: BrowserCookie) -> bool:
    """Whether the login is this browser's, or nobody's yet."""
    claimed_by = login.transaction.claimed_by
    return claimed_by is None or hmac.compare_digest(claimed_by, cookie.browser)


def require_own(login: Login, cookie: BrowserCookie) -> None:
    """Refuse a browser whose login this is not.

    Raises:
        ForbiddenError: another one has claimed it.
    """
    if not is_claimable_by(login, cookie):
        raise ForbiddenError("other_browser", login_url=login.login_url)
