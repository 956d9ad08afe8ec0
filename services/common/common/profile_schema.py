r"""JSON Schema as a profile's fields use it: which values fit one, and whether any value can.

The vocabulary is the part of JSON Schema 2020-12 that a form can show, with `formatMinimum` and
`formatMaximum` for dates (`today` is one). Lengths count what a reader takes for a character (grapheme
clusters, UAX 29); patterns know Unicode's properties (`\p{L}`), which Python's own expressions do not.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any, TypeAlias

import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from common.errors import WaystationError

TODAY = "today"
PATTERN_SECONDS = 0.2  # a tenant's pattern and a stranger's text may need for ever

JsonSchema: TypeAlias = Mapping[str, Any]
Number: TypeAlias = int | float


class UnsatisfiableError(WaystationError):
    """No value fits the schema; the text says why, naming keywords only."""


def problems_of(value: object, schema: JsonSchema) -> tuple[str, ...]:
    """The keywords of the schema that the value does not satisfy; none if it fits."""
    found = _Validator(schema, format_checker=_Validator.FORMAT_CHECKER).iter_errors(value)
    return tuple(sorted({str(problem.validator) for problem in found}))


def graphemes(text: str) -> int:
    """How many characters a reader sees."""
    return len(regex.findall(r"\X", text))


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text; also False where that takes too long to find out."""
    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def resolved(bound: str, *, today: date) -> str:
    """A date of the schema as YYYY-MM-DD."""
    return today.isoformat() if bound == TODAY else bound


def dated(schema: JsonSchema, *, today: date) -> JsonSchema:
    """The schema as it is on that day."""
    bounds = {name: resolved(schema[name], today=today) for name in _DATE_BOUNDS if name in schema}
    return {**schema, **bounds}


def require_satisfiable(schema: JsonSchema, *, today: date) -> None:
    """Refuse a field's schema that no value can ever fit.

    A pattern must come with an example: it proves that pattern and lengths go together, which nothing but a
    solver could find out otherwise.

    Raises:
        UnsatisfiableError: none fits, or nothing shows that one does.
    """
    _require_order(schema, "minLength", "maxLength")
    _require_order(dated(schema, today=today), *_DATE_BOUNDS)
    _require_order(schema, "minimum", "maximum")
    _require_multiple(schema)
    _require_examples(schema)


_DATE_BOUNDS = ("formatMinimum", "formatMaximum")


def _require_order(schema: JsonSchema, least: str, most: str) -> None:
    if least in schema and most in schema and schema[least] > schema[most]:
        raise UnsatisfiableError(f"cannot be satisfied: {least} is above {most}")


def _require_multiple(schema: JsonSchema) -> None:
    """Some whole step must lie between the bounds."""
    step = Decimal(str(schema.get("multipleOf", 1 if schema["type"] == "integer" else 0)))
    if not step or "minimum" not in schema or "maximum" not in schema:
        return
    least, most = (Decimal(str(schema[name])) / step for name in ("minimum", "maximum"))
    if ceil(least) > floor(most):
        raise UnsatisfiableError("cannot be satisfied: no step lies between minimum and maximum")


def _require_examples(schema: JsonSchema) -> None:
    examples = schema.get("examples", ())
    if "pattern" in schema and not examples:
        raise UnsatisfiableError("pattern needs examples, which show that it can be satisfied")
    for example in examples:
        broken = problems_of(example, schema)
        if broken:
            raise UnsatisfiableError(f"an example does not satisfy {' and '.join(broken)}")


def _pattern(_: Any, pattern: str, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError("pattern")


def _min_length(_: Any, least: int, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(value, str) and graphemes(value) < least:
        yield ValidationError("minLength")


def _max_length(_: Any, most: int, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(value, str) and graphemes(value) > most:
        yield ValidationError("maxLength")


def _multiple_of(_: Any, step: Number, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    # As decimals, as they are written: 0.3 is a multiple of 0.1.
    if isinstance(value, int | float) and Decimal(str(value)) % Decimal(str(step)):
        yield ValidationError("multipleOf")


def _format_minimum(_: Any, least: str, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(value, str) and value < least:
        yield ValidationError("formatMinimum")


def _format_maximum(_: Any, most: str, value: object, __: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(value, str) and value > most:
        yield ValidationError("formatMaximum")


_Validator: type[Draft202012Validator] = extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "minLength": _min_length,
        "maxLength": _max_length,
        "multipleOf": _multiple_of,
        "formatMinimum": _format_minimum,
        "formatMaximum": _format_maximum,
    },
)
