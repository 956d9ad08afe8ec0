"""What a log line may consist of: typed fields, and events that say which of them they have.

A field is declared once, in `log_catalogue.py`; an event takes it as it is, or narrower:

```python
Event(
    "limit.reached",
    "warning",
    (LIMIT.among("address", "connections"), REFUSED),
    "An address has too many requests or connections.",
    do="Look whether a proxy is missing in TRUSTED_PROXIES.",
)
```
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error", "critical")


class Type(StrEnum):
    """What a field's value is in JSON; TEXTS is a list of texts, of twenty at most."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TEXTS = "texts"


@dataclass(frozen=True)
class Field:
    """One field of log lines: the same name has the same type, unit and meaning in every event.

    `values` are all texts that there are, where they are few; `pattern` (of JSON Schema, not anchored by
    itself) is what each text looks like. `label` says that a log store may index it: it has few values.
    """

    name: str
    meaning: str
    type: Type = field(default=Type.TEXT, kw_only=True)
    unit: str = field(default="", kw_only=True)
    values: tuple[str, ...] = field(default=(), kw_only=True)
    pattern: str | None = field(default=None, kw_only=True)
    label: bool = field(default=False, kw_only=True)
    required: bool = field(default=True, kw_only=True)

    def among(self, *values: Iterable[str] | str) -> "Field":
        """The same field with these values alone; an enumeration stands for all of its members."""
        each = [[value] if isinstance(value, str) else value for value in values]
        return replace(self, values=tuple(str(text) for texts in each for text in texts))

    def always(self) -> "Field":
        """The same field, which every line of the event has."""
        return replace(self, required=True)

    def maybe(self) -> "Field":
        """The same field, which not every line of the event has."""
        return replace(self, required=False)


class About(StrEnum):
    """What every line of an event names: nothing, its tenant, or its tenant and transaction."""

    PROCESS = "process"
    TENANT = "tenant"
    LOGIN = "login"


@dataclass(frozen=True)
class Event:
    """One event of a catalogue: how loudly, with which fields, what it means, and what an operator does.

    `do` may be empty where there is nothing to do. An event `at_any_level` has its level where it was logged.
    """

    name: str
    level: Level
    fields: tuple[Field, ...]
    meaning: str
    do: str = field(default="", kw_only=True)
    about: About = field(default=About.PROCESS, kw_only=True)
    at_any_level: bool = field(default=False, kw_only=True)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Of its own fields, without those that every line may have."""
        return tuple(one.name for one in self.fields)

    @property
    def levels(self) -> tuple[Level, ...]:
        return LEVELS if self.at_any_level else (self.level,)
