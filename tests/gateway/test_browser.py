"""The cookie that ties a browser to a login, and the token in its forms."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.browser import BrowserCookies, cookie_name, surplus

LOGIN, OTHER = "aaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbb"
OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
COOKIES = BrowserCookies((NEW, OLD))


def test_a_cookie_is_recognised() -> None:
    """The browser that we gave a cookie is known by it, and only by what it holds."""
    issued = COOKIES.issue(LOGIN, issued=1_795_000_000)
    assert issued.name == "__Host-ws-aaaaaaaaaaaa"
    assert issued.value.startswith("1795000000.")
    assert COOKIES.recognise({issued.name: issued.value}, LOGIN) == issued
    assert COOKIES.recognise({}, LOGIN) is None


def test_every_cookie_is_another() -> None:
    """Two arrivals never share a secret, so that each click binds one browser."""
    assert len({COOKIES.issue(LOGIN, issued=1).browser for _ in range(50)}) == 50


def test_a_cookie_opens_its_own_login_only() -> None:
    """Moved under another login's name, a good cookie is nothing."""
    issued = COOKIES.issue(LOGIN, issued=1)
    assert COOKIES.recognise({cookie_name(OTHER): issued.value}, OTHER) is None


def test_logins_whose_names_meet_do_not_share_a_cookie() -> None:
    """The name holds only the beginning of an id; the signature holds all of it."""
    twin = LOGIN[:12] + "cccccccccc"
    issued = COOKIES.issue(LOGIN, issued=1)
    assert cookie_name(twin) == issued.name
    assert COOKIES.recognise({issued.name: issued.value}, twin) is None


@given(
    place=st.integers(0, 97), sign=st.sampled_from(string.ascii_letters + string.digits + "._-=\x00\udcff")
)
def test_a_changed_cookie_is_nobodys(place: int, sign: str) -> None:
    """Whatever character of a cookie is changed, it is not ours any more."""
    issued = COOKIES.issue(LOGIN, issued=1_795_000_000)
    changed = issued.value[:place] + sign + issued.value[place + 1 :]
    found = COOKIES.recognise({issued.name: changed}, LOGIN)
    assert (found is not None) == (changed == issued.value)


@given(value=st.text())
def test_any_text_is_answered(value: str) -> None:
    """No cookie, whatever is in it, is an error; none that we did not make is taken."""
    assert COOKIES.recognise({cookie_name(LOGIN): value}, LOGIN) is None


@pytest.mark.parametrize(
    "value", ["\udcff\udcfe", "1.\udcff.x", "x" * 8000, "\u0661.a.b", "", "..", "1..", "."]
)
def test_what_headers_can_hold(value: str) -> None:
    """Bytes beyond ASCII arrive as lone surrogates; they and other rubbish are no cookie."""
    assert COOKIES.recognise({cookie_name(LOGIN): value}, LOGIN) is None
    assert surplus({cookie_name(LOGIN): value}) == []


def test_keys_are_rotated_without_losing_anybody() -> None:
    """The first key signs, all verify; a key that is gone takes its cookies with it."""
    before = BrowserCookies((OLD,)).issue(LOGIN, issued=1)
    after = COOKIES.issue(LOGIN, issued=1)
    assert COOKIES.recognise({before.name: before.value}, LOGIN) == before
    assert BrowserCookies((NEW,)).recognise({before.name: before.value}, LOGIN) is None
    assert BrowserCookies((NEW,)).recognise({after.name: after.value}, LOGIN) == after
    token = BrowserCookies((OLD,)).csrf_token(LOGIN, before)
    assert COOKIES.is_csrf_token(token, LOGIN, cookie=before)


def test_the_token_of_a_form() -> None:
    """It fits one login in one browser, and is no cookie's signature."""
    cookie, other = COOKIES.issue(LOGIN, issued=1), COOKIES.issue(LOGIN, issued=1)
    token = COOKIES.csrf_token(LOGIN, cookie)
    assert COOKIES.is_csrf_token(token, LOGIN, cookie=cookie)
    assert not COOKIES.is_csrf_token(token, OTHER, cookie=cookie)
    assert not COOKIES.is_csrf_token(token, LOGIN, cookie=other)
    for wrong in ("", token[:-1], token + "=", cookie.value.rpartition(".")[2], "ä", "\udcff"):
        assert not COOKIES.is_csrf_token(wrong, LOGIN, cookie=cookie)


def test_secrets_are_not_shown() -> None:
    """The text form of a cookie, which may end in a log, says which login it is for and no more."""
    issued = COOKIES.issue(LOGIN, issued=1)
    assert repr(issued) == "BrowserCookie(name='__Host-ws-aaaaaaaaaaaa')"


@pytest.mark.parametrize(("held", "deleted"), [(0, 0), (7, 0), (8, 1), (9, 2), (12, 5)])
def test_at_most_eight_cookies(held: int, deleted: int) -> None:
    """A new cookie makes the oldest go where it would be the ninth."""
    cookies = {}
    for number in range(held):
        issued = COOKIES.issue(f"{number:022}"[::-1], issued=2_000_000 - number)
        cookies[issued.name] = issued.value
    oldest = sorted(cookies, key=lambda name: int(cookies[name].partition(".")[0]))
    assert surplus({**cookies, "theirs": "x"}) == oldest[:deleted]


def test_damaged_cookies_go_first() -> None:
    """What cannot tell its age counts as older than anything."""
    cookies = {}
    for number in range(7):
        issued = COOKIES.issue(f"{number}{'x' * 21}", issued=100 + number)
        cookies[issued.name] = issued.value
    cookies["__Host-ws-damagedxxxxx"] = "rubbish"
    assert surplus(cookies) == ["__Host-ws-damagedxxxxx"]


def test_names_that_are_not_ours_are_left_alone() -> None:
    """A cookie with our prefix and an impossible name is never answered with one."""
    strange = {f"__Host-ws-{number}[,/{{": "x" for number in range(20)}
    assert surplus(strange) == []
