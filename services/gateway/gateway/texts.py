"""A text that no language has been chosen for yet: its key in the message files, and what it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeAlias, Union

# Names stay as they are; times, dates, durations and numbers are written as the language writes them.
Value: TypeAlias = Union[str, int, datetime, date, timedelta, "Text"]

_ALMOST_A_MINUTE = timedelta(minutes=1, microseconds=-1)  # whoever comes at that minute is not too early


@dataclass(frozen=True, kw_only=True)
class Text:
    """One sentence for a person; rules make it, a page or a mail says it in the reader's language.

    Where the message has plural forms, `count` among the values chooses one.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


def text(key: str, **values: Value) -> Text:
    return Text(key=key, values=values)


def try_again_text(until: datetime) -> Text:
    """When a person whose step failed may try again: in whole minutes, never too early."""
    return text("page.try_again_after", until=(until + _ALMOST_A_MINUTE).replace(second=0, microsecond=0))


def attempts_text(left: int) -> Text:
    """How often the person may still send the form."""
    return text("page.attempts", count=left) if left else text("page.no_attempts")
