"""What ties a browser to a login: a signed cookie per login, and a CSRF token made from it.

A browser also has one long-lived cookie, `<secret>.<mac>`, whose hash goes with every result that it earned.

The cookie `__Host-ws-<first 12 of the id>` is `<issued>.<secret>.<mac>`. Its arrival proves nothing but that
this browser was here; the click on the start page binds the login to the SHA-256 of the secret.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

COOKIE_PREFIX = "__Host-ws-"
MAX_AGE_SECONDS = 2 * 60 * 60
DEVICE_COOKIE = "__Host-ws-device"
DEVICE_MAX_AGE_SECONDS = 400 * 24 * 60 * 60  # the longest that browsers keep
MAX_COOKIES = 8  # so that a browser's headers stay under what servers accept
_NAME = re.compile(re.escape(COOKIE_PREFIX) + r"[A-Za-z0-9_-]{12}")
_DEVICE = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})")
_COOKIE = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, kw_only=True)
class BrowserCookie:
    """A cookie that we issued for one login."""

    name: str
    value: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def browser(self) -> bytes:
        """What a claimed login stores."""
        return hashlib.sha256(self.secret.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class DeviceCookie:
    """A browser's long-lived cookie: what is earned in it may be taken over by its next login."""

    value: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What is stored beside a result."""
        return hashlib.sha256(self.value.partition(".")[0].encode()).digest()


class BrowserCookies:
    """Issues and recognises cookies: the first key signs, all verify."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    def issue(self, transaction_id: str, *, issued: int) -> BrowserCookie:
        """A fresh cookie; `issued` is a UNIX time in seconds."""
        secret = _text(os.urandom(32))
        mac = self._mac(self._keys[0], f"cookie|{transaction_id}|{issued}|{secret}")
        return BrowserCookie(
            name=cookie_name(transaction_id), value=f"{issued}.{secret}.{mac}", secret=secret
        )

    def recognise(self, cookies: Mapping[str, str], transaction_id: str) -> BrowserCookie | None:
        """The browser's cookie for this login, if it has one that we issued."""
        name = cookie_name(transaction_id)
        found = _COOKIE.fullmatch(cookies.get(name, ""))
        if found is None:
            return None
        issued, secret, mac = found.groups()
        if not self._is_ours(f"cookie|{transaction_id}|{issued}|{secret}", mac):
            return None
        return BrowserCookie(name=name, value=found.string, secret=secret)

    def device(self, cookies: Mapping[str, str]) -> DeviceCookie:
        """The browser's own long-lived cookie, or a fresh one where it has none that we issued."""
        found = _DEVICE.fullmatch(cookies.get(DEVICE_COOKIE, ""))
        if found is not None and self._is_ours(f"device|{found[1]}", found[2]):
            return DeviceCookie(value=found.string)
        secret = _text(os.urandom(32))
        return DeviceCookie(value=f"{secret}.{self._mac(self._keys[0], f'device|{secret}')}")

    def csrf_token(self, transaction_id: str, cookie: BrowserCookie) -> str:
        return self._mac(self._keys[0], f"csrf|{transaction_id}|{cookie.secret}")

    def is_csrf_token(self, token: str, transaction_id: str, *, cookie: BrowserCookie) -> bool:
        return self._is_ours(f"csrf|{transaction_id}|{cookie.secret}", token)

    def _is_ours(self, text: str, mac: str) -> bool:
        return any(
            hmac.compare_digest(self._mac(key, text).encode(), mac.encode("utf-8", "surrogateescape"))
            for key in self._keys
        )

    @staticmethod
    def _mac(key: bytes, text: str) -> str:
        return _text(hmac.digest(key, text.encode(), "sha256"))


def cookie_name(transaction_id: str) -> str:
    return COOKIE_PREFIX + transaction_id[:12]


def surplus(cookies: Mapping[str, str]) -> list[str]:
    """Names of our oldest cookies, where one more would be too many."""
    ours = {name: value for name, value in cookies.items() if _NAME.fullmatch(name)}
    by_age = sorted(ours, key=lambda name: _issued(ours[name]))
    return by_age[: max(0, len(by_age) - MAX_COOKIES + 1)]


def _issued(value: str) -> int:
    found = _COOKIE.fullmatch(value)
    return int(found[1]) if found else 0


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
