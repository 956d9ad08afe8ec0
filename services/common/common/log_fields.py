"""What may stand in a log line: short flat values, and of an exception its type and where it was.

An exception's message is written by whoever raised it: asyncpg puts the row's values in it, json the text it
could not read. Local variables hold tokens. Neither is ever logged; the stack is enough to find the line.
"""

import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePath
from typing import TypeAlias
from uuid import UUID

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Scalar | list[Scalar]

MAX_CHARACTERS = 200
MAX_ITEMS = 20
_LARGEST_NUMBER = 2**63


def clean(value: object) -> Value:
    """The value as one flat JSON value; what is no plain value becomes the name of its type."""
    if type(value) is str:  # most are, and to learn that something is no mapping takes long
        return text(value)
    match value:
        case int() | float():
            return _scalar(value)
        case dict() | Mapping():
            return [text(f"{_scalar(key)}={_scalar(item)}") for key, item in islice(value.items(), MAX_ITEMS)]
        case list() | tuple() | set() | frozenset():
            return [_scalar(item) for item in islice(value, MAX_ITEMS)]
        case _:
            return _scalar(value)


def _scalar(value: object) -> Scalar:
    match value:
        case str() | UUID():
            return text(str(value))
        case None | bool():
            return value
        case int() | float() if abs(value) < _LARGEST_NUMBER:  # false for NaN, too
            return int(value) if isinstance(value, int) else float(value)  # without what an enum adds
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            # Never repr(): it shows what the object holds.
            return f"<{type(value).__name__}>"


def text(value: str) -> str:
    """At most MAX_CHARACTERS, each of them visible: the rest is written as an escape."""
    cut = value if len(value) <= MAX_CHARACTERS else value[:MAX_CHARACTERS] + "…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else _escaped(char) for char in cut)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def exception_of(exc_info: object) -> BaseException | None:
    """The exception that a logging call was given: itself, a triple, or True for the one being handled."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as exc, _):
            return exc
        case None | False | (None, None, None):
            return None
        case _:
            return sys.exc_info()[1]


def exception_fields(exc: BaseException | None) -> dict[str, Value]:
    """Type, causes and frames of an exception, innermost frame last; nothing that it says."""
    if exc is None:
        return {}
    chain = list(_chain(exc))[:MAX_ITEMS]
    fields: dict[str, Value] = {"error_type": type(exc).__name__}
    if chain[1:]:
        fields["error_causes"] = [type(cause).__name__ for cause in chain[1:]]
    fields["exception_stacktrace"] = _frames(chain)
    return fields


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception, then what it groups and what it came from, each once."""
    waiting, seen = [exc], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        before = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        waiting += [before] if before else []


def _frames(chain: list[BaseException]) -> list[Scalar]:
    """Of a group, which was raised by nobody but the group itself, the frames of its first member."""
    source = next((exc for exc in chain if not isinstance(exc, BaseExceptionGroup)), chain[0])
    frames = [
        f"{short_path(frame.f_code.co_filename)}:{line}:{frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(source.__traceback__)
    ]
    return [text(frame) for frame in frames[-MAX_ITEMS:]]


def short_path(path: str) -> str:
    """`package/module.py`: enough to find it, and nothing about the machine."""
    return "/".join(PurePath(path).parts[-2:])
