"""`state` strings of the shape real tenants send, so that columns and buffers that are too short show up.

base64url of a msgpack map: 166 characters and prefix `hKFo2S` at a redirect, `g6Fo2S` at the login page.
"""

import base64
import random
import string

_ALPHABET = string.ascii_letters + string.digits + "-_"
_SHORT = 32
_IDENTIFIER_LENGTH = 32


class _Source:
    """What characters are drawn from; a tenant file with a seed makes every run draw the same."""

    dice: random.Random = random.SystemRandom()


def seed(number: float) -> None:
    """From now on, the same sequence for the same number: for a tenant whose states shall be repeatable."""
    _Source.dice = random.Random(number)  # noqa: S311 - repeatable on purpose


def identifier() -> str:
    """32 random characters, as in client ids and transaction ids."""
    return "".join(_Source.dice.choices(_ALPHABET, k=_IDENTIFIER_LENGTH))


def redirect_state(*, client_id: str) -> str:
    """The state of one suspension."""
    return _pack({"h": identifier(), "n": "redirect", "tid": identifier(), "cid": client_id})


def login_state() -> str:
    """The state of one login page."""
    return _pack({"h": identifier(), "n": "universal-login", "tid": identifier()})


def _pack(values: dict[str, str]) -> str:
    body = b"".join(_text(part) for pair in values.items() for part in pair)
    return base64.urlsafe_b64encode(bytes([0x80 | len(values)]) + body).decode().rstrip("=")


def _text(value: str) -> bytes:
    data = value.encode()
    if len(data) < _SHORT:
        return bytes([0xA0 | len(data)]) + data
    return bytes([0xD9, len(data)]) + data
