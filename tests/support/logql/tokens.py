"""LogQL as words: names, texts, numbers, durations and signs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


class LogQLError(Exception):
    """Not LogQL, or nothing of it that the dashboards may use; the text says what and where."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """`kind` is one of the groups below; `at` is where it begins."""

    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<duration>(?:\d+(?:ms|s|m|h|d|w))+)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)
      | (?P<sign>\|=|\|~|!=|!~|=~|==|>=|<=|[{}()\[\],|=<>+\-*/%])
    """,
    re.VERBOSE,
)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_ESCAPES = {"n": "\n", "t": "\t"}


def tokens(query: str) -> Iterator[Token]:
    """The words of a query, blanks left out, and an empty one at the end.

    Raises:
        LogQLError: something is no word.
    """
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            raise LogQLError(f"what is {query[at : at + 20]!r} at {at}?")
        if found.lastgroup != "blank":
            yield Token(kind=found.lastgroup, text=found.group(), at=at)
        at = found.end()
    yield Token(kind="end", text="", at=at)


def unquoted(text: str) -> str:
    """A text literal's value: as it stands between backticks, with escapes between quotes."""
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), text[1:-1])


def seconds_of(duration: str) -> float:
    """`1h30m` and the like."""
    parts = re.findall(r"(\d+)(ms|[smhdw])", duration)
    return sum(int(number) * _UNIT_SECONDS[unit] for number, unit in parts)
