"""What is read out of a signed or sealed JSON object: exact types, bounded lengths, nothing invisible.

`json.loads` alone takes a doubled key (the last wins), a byte order mark, UTF-16 and NaN; Python's types
take True for 1. None of these is ever honest in a token.
"""

import json
import re
from collections.abc import Mapping
from typing import NoReturn

from common.errors import WaystationError

MAX_IDENTIFIER = 255
_MAX_PARAMETER = 2000
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Control characters, line and paragraph separators, bidirectional overrides, lone surrogates.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ClaimError(WaystationError):
    """A member of the object is missing or not what it must be; `name` is empty for the object itself."""

    def __init__(self, name: str) -> None:
        super().__init__(name or "not a JSON object")
        self.name = name


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ClaimError("")
    return members


def _no_constant(_: str) -> NoReturn:
    raise ClaimError("")


def read_object(data: bytes) -> dict[str, object]:
    """The JSON object that these UTF-8 bytes are.

    Raises:
        ClaimError: they are something else, or one of its keys stands there twice.
    """
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as exc:
        raise ClaimError("") from exc
    if not isinstance(value, dict):
        raise ClaimError("")
    return value


class Claims:
    """Typed access to the members of one object; every getter raises `ClaimError` with the member's name."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members

    def has(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str, *, at_most: int = MAX_IDENTIFIER) -> str:
        """1 to `at_most` characters, none of them invisible."""
        value = self._members.get(name)
        if not isinstance(value, str) or not _is_clean(value, at_most):
            raise ClaimError(name)
        return value

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self._members.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ClaimError(name)
        return value

    def integer(self, name: str) -> int:
        value = self._members.get(name)
        if type(value) is not int:
            raise ClaimError(name)
        return value

    def boolean(self, name: str) -> bool:
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise ClaimError(name)
        return value

    def members(self, name: str) -> Mapping[str, object]:
        """The members of an object inside the object."""
        value = self._members.get(name)
        if not isinstance(value, dict):
            raise ClaimError(name)
        return value

    def texts(self, name: str, *, pattern: re.Pattern[str], at_most: int) -> tuple[str, ...]:
        """Up to `at_most` texts, each of which matches."""
        value = self._members.get(name)
        if not isinstance(value, list) or len(value) > at_most:
            raise ClaimError(name)
        if not all(isinstance(item, str) and pattern.fullmatch(item) for item in value):
            raise ClaimError(name)
        return tuple(value)

    def text_map(self, name: str, *, at_most: int) -> Mapping[str, str]:
        """Up to `at_most` parameters, as a query has them."""
        value = self._members.get(name)
        if not isinstance(value, dict) or len(value) > at_most:
            raise ClaimError(name)
        if not all(_PARAMETER.fullmatch(key) for key in value):
            raise ClaimError(name)
        members = Claims(value)
        try:
            return {key: members.text(key, at_most=_MAX_PARAMETER) for key in value}
        except ClaimError as exc:
            raise ClaimError(name) from exc


def _is_clean(value: str, at_most: int) -> bool:
    return 0 < len(value) <= at_most and not _INVISIBLE.search(value)
