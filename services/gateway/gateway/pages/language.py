"""One language of our pages: says a `Text`, and writes times, numbers and names as its readers do."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from babel import Locale
from babel.dates import format_date, format_skeleton, format_timedelta, get_datetime_format
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from gateway.texts import Text, Value

Message = str | Mapping[str, str]

# Day before month: what every reader of English takes for what it is.
_FORMATS = {"en": "en_001"}
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_LEFT_TO_RIGHT_ISOLATE, _FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2066", "\u2068", "\u2069"


@dataclass(frozen=True, kw_only=True)
class Language:
    """`tag` is what `lang` says; every message of English is here, translated or not."""

    tag: str
    messages: Mapping[str, Message]

    @property
    def locale(self) -> Locale:
        return Locale.parse(_FORMATS.get(self.tag, self.tag.replace("-", "_")))

    @property
    def direction(self) -> str:
        return self.locale.text_direction

    @property
    def name(self) -> str:
        """What its own speakers call it, with the capital that a list entry has."""
        name = Locale.parse(self.tag.replace("-", "_")).display_name or self.tag
        return name[0].upper() + name[1:]

    def html(self, text: Text | str, *, now: datetime) -> Markup:
        """The sentence, escaped; each name is an island for the direction of writing (`bdi`)."""

        def write(value: Value) -> str:
            if isinstance(value, Text):
                return self.html(value, now=now)
            if isinstance(value, datetime):
                at = value.astimezone(UTC).isoformat(timespec="seconds")
                return Markup('<time datetime="{}">{}</time>').format(at, self.time(value, now=now))
            return Markup("<bdi>{}</bdi>").format(value) if isinstance(value, str) else self._other(value)

        return Markup(self._fill(text, write, escape))  # noqa: S704 - every part of it is escaped

    def plain(self, text: Text | str, *, now: datetime) -> str:
        """The sentence where there is no markup: titles, attributes, mails."""

        def write(value: Value) -> str:
            if isinstance(value, Text):
                return self.plain(value, now=now)
            if isinstance(value, datetime):
                return self.time(value, now=now)
            return self._isolated(value) if isinstance(value, str) else self._other(value)

        return self._fill(text, write, str)

    def time(self, value: datetime, *, now: datetime) -> str:
        """Hours and minutes with the zone, and the day where it is another than today."""
        at = value.astimezone(UTC)
        hours = f"{format_skeleton('Hm', at, locale=self.locale)} UTC"
        if self.direction == "rtl":
            hours = f"{_LEFT_TO_RIGHT_ISOLATE}{hours}{_POP_ISOLATE}"
        if at.date() == now.astimezone(UTC).date():
            return hours
        both = str(get_datetime_format("medium", locale=self.locale))
        return both.replace("{1}", self.date(at.date())).replace("{0}", hours)

    def date(self, value: dt.date) -> str:
        return format_date(value, format="long", locale=self.locale)

    def duration(self, value: timedelta) -> str:
        """In its largest unit, of which there are two or more; at least one minute."""
        minutes = max(1, -(-value // timedelta(minutes=1)))
        return format_timedelta(
            timedelta(minutes=minutes), granularity="minute", threshold=2, locale=self.locale
        )

    def _other(self, value: int | dt.date | timedelta) -> str:
        if isinstance(value, int):
            return format_decimal(value, locale=self.locale)
        return self.duration(value) if isinstance(value, timedelta) else self.date(value)

    def _fill(self, text: Text | str, write: Callable[[Value], str], quote: Callable[[str], str]) -> str:
        said = Text(key=text) if isinstance(text, str) else text
        parts = _PLACEHOLDER.split(self._message(said))
        # Every second part is the name of a placeholder.
        return "".join(
            write(said.values[part]) if index % 2 else str(quote(part)) for index, part in enumerate(parts)
        )

    def _message(self, text: Text) -> str:
        message = self.messages[text.key]
        if isinstance(message, str):
            return message
        count = text.values["count"]
        form = self.locale.plural_form(count) if isinstance(count, int) else "other"
        return message.get(form, message["other"])

    def _isolated(self, name: str) -> str:
        away = {"L"} if self.direction == "rtl" else {"R", "AL"}
        if any(unicodedata.bidirectional(character) in away for character in name):
            return f"{_FIRST_STRONG_ISOLATE}{name}{_POP_ISOLATE}"
        return name


def placeholders(message: Message) -> frozenset[str]:
    """The names that a message speaks of, in all of its forms together."""
    forms = (message,) if isinstance(message, str) else message.values()
    return frozenset(name for form in forms for name in _PLACEHOLDER.findall(form))
