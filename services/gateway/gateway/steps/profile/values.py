"""From what a form sends to the value of a field, or to what is wrong with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import phonenumbers

from common.profile import PlainValue
from common.profile_schema import dated, problems_of
from common.tenant_profile import LONGEST_ROOT, MOST_BYTES, Kind, ProfileField
from gateway.countries import COUNTRIES
from gateway.digits import ascii_digits
from gateway.steps.profile.cleaning import UnreadableTextError, one_line, several_lines
from gateway.texts import Text, Value, text

LONGEST_NUMBER = 40  # digits that somebody types; every number that a schema may allow is shorter
MOST_EXACT = 2**53  # JSON's readers keep whole numbers exactly up to here
CHECKED = "yes"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a field, in words for the person; `code` is for the log and holds no input."""

    code: str
    said: Text


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A field and what else decides on its values."""

    field: ProfileField
    required: bool
    longest: int  # UTF-16 code units, which no count of Auth0's can exceed


def rules_of(field: ProfileField, *, name: str, required: bool) -> Rules:
    longest = LONGEST_ROOT[name] if field.to == "root" else MOST_BYTES
    return Rules(field=field, required=required, longest=longest)


def read(typed: str, rules: Rules, *, today: date) -> PlainValue | Problem | None:
    """The value; None where the person left the field empty and may."""
    try:
        value = _READERS[rules.field.kind](typed, rules)
    except UnreadableTextError:
        return _problem("unreadable")
    if isinstance(value, Problem):
        return value
    if value is None or value is False:
        return _nothing(value, rules=rules)
    return _misfit(value, rules, today=today) or value


def _nothing(value: Literal[False] | None, *, rules: Rules) -> PlainValue | Problem | None:
    """An empty field, or an unticked box; a box that has to be ticked says so by `const: true`."""
    field = rules.field
    if value is False and field.const is None:
        return value
    return _problem(_UNANSWERED.get(field.kind, "missing")) if rules.required else None


def _misfit(value: PlainValue, rules: Rules, *, today: date) -> Problem | None:
    if isinstance(value, str) and (
        len(value.encode()) > MOST_BYTES or len(value.encode("utf-16-le")) // 2 > rules.longest
    ):
        return _problem("too_long_at_all")
    schema = dated(rules.field.schema_of(), today=today)
    broken = problems_of(value, schema)
    return _said(broken[0], schema) if broken else None


def too_much() -> Problem:
    """All fields together are more than a profile can take."""
    return _problem("too_long_at_all")


def _problem(code: str, **values: Value) -> Problem:
    return Problem(code=code, said=text(f"profile.problem.{code}", **values))


def _said(keyword: str, schema: Mapping[str, Any]) -> Problem:
    """The sentence for a keyword of the schema that the value does not satisfy."""
    if keyword == "pattern":
        return _problem("pattern", example=schema["examples"][0])
    code, name, write = _SENTENCES.get(keyword, ("unchosen", "", str))
    return _problem(code, **({name: write(schema[keyword])} if name else {}))


def _text(typed: str, rules: Rules) -> str | None:
    return (several_lines(typed) if rules.field.rows else one_line(typed)) or None


def _choice(typed: str, _: Rules) -> str | None:
    return typed or None


def _date(typed: str, _: Rules) -> str | Problem | None:
    plain = ascii_digits(one_line(typed))
    if not plain:
        return None
    try:
        return date.fromisoformat(plain).isoformat() if _DATE.fullmatch(plain) else _problem("no_date")
    except ValueError:
        return _problem("no_date")


def _phone(typed: str, rules: Rules) -> str | Problem | None:
    plain = one_line(typed)
    if not plain:
        return None
    try:
        number = phonenumbers.parse(plain, rules.field.region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number) or number.extension:
        return _problem("no_phone" if rules.field.region else "no_phone_with_country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _country(typed: str, _: Rules) -> str | Problem | None:
    if typed and typed not in COUNTRIES:
        return _problem("unchosen")
    return typed or None


def _number(typed: str, _: Rules) -> int | float | Problem | None:
    plain = ascii_digits(one_line(typed)).replace("\u066b", ".").replace("\u2212", "-")
    if not plain:
        return None
    # A comma is a decimal point in half of the world; grouping cannot be told from it, so there is none.
    plain = plain.replace(",", ".")
    if len(plain) > LONGEST_NUMBER or not set(plain) <= set("0123456789.-+"):
        return _problem("no_number")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return _problem("no_number")
    if abs(number) > MOST_EXACT:
        return _problem("no_number")
    return int(number) if number == number.to_integral_value() else float(number)


def _checkbox(typed: str, _: Rules) -> bool | Problem:
    return typed == CHECKED if typed in ("", CHECKED) else _problem("unchosen")


_READERS: Mapping[Kind, Callable[[str, Rules], PlainValue | Problem | None]] = {
    "text": _text,
    "choice": _choice,
    "date": _date,
    "phone": _phone,
    "country": _country,
    "number": _number,
    "checkbox": _checkbox,
}


def written(value: PlainValue) -> str:
    """The value as a form's input holds it."""
    match value:
        case bool():
            return CHECKED if value else ""
        case float():
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case _:
            return str(value)


# Per keyword: the sentence, and what it names of the schema.
_SENTENCES: Mapping[str, tuple[str, str, Callable[[Any], Value]]] = {
    "minLength": ("too_short", "least", int),
    "maxLength": ("too_long", "most", int),
    "minimum": ("too_small", "least", written),
    "maximum": ("too_large", "most", written),
    "multipleOf": ("no_step", "step", written),
    "formatMinimum": ("too_early", "day", date.fromisoformat),
    "formatMaximum": ("too_late", "day", date.fromisoformat),
    "type": ("no_whole_number", "", str),
}
_UNANSWERED: Mapping[Kind, str] = {"checkbox": "unticked", "choice": "unchosen", "country": "unchosen"}
