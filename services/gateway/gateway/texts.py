"""A text that no language has been chosen for yet: its key in the message files, and what it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeAlias, Union

# Names stay as they are; times, dates, durations and numbers are written as the language writes them.
Value: TypeAlias = Union[str, int, datetime, date, timedelta, "Text"]


@dataclass(frozen=True, kw_only=True)
class Text:
    """One sentence for a person; rules make it, a page or a mail says it in the reader's language.

    Where the message has plural forms, `count` among the values chooses one.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


def text(key: str, **values: Value) -> Text:
    return Text(key=key, values=values)
