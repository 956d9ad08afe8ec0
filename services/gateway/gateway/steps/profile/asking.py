"""Which fields a person is asked for, and what their answers change.

Asked is what is missing, what no longer fits the schema, and what has to be confirmed: values of another
provider unless the field says `x-confirm: false`, others where it says `x-confirm: true`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from common.profile import PlainValue
from common.tenant_profile import ProfileField, ProfileSchema
from gateway.steps.profile.known import Found, Known
from gateway.steps.profile.values import Problem, Rules, read, rules_of, too_much, written

MOST_BYTES_IN_ALL = 4000  # of the 10 KB that a user of Auth0 may have

Answers = Mapping[str, str]
# By name; None deletes.
Changes = dict[str, PlainValue | None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One field of the form; `found` is what the tenant has."""

    name: str
    rules: Rules
    found: Found | None

    @property
    def field(self) -> ProfileField:
        return self.rules.field

    @property
    def prefilled(self) -> str:
        return written(self.found.value) if self.found else ""


def asked(schema: ProfileSchema, known: Known, *, today: date) -> tuple[Asked, ...]:
    """The fields to ask for, in the order of the file; none where there is nothing to ask."""
    every = (_asked(name, schema, known) for name in schema.order)
    return tuple(one for one in every if _is_due(one, known, today=today))


def _asked(name: str, schema: ProfileSchema, known: Known) -> Asked:
    rules = rules_of(schema.properties[name], name=name, required=name in schema.required)
    return Asked(name=name, rules=rules, found=known.find(name, schema))


def _is_due(one: Asked, known: Known, *, today: date) -> bool:
    if one.found is None:
        return not known.is_there(one.name)
    if isinstance(read(one.prefilled, one.rules, today=today), Problem):
        return True
    return one.found.is_foreign if one.field.confirm is None else one.field.confirm


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a form says: the changes that it makes, or the problems by field."""

    changes: Changes
    problems: Mapping[str, Problem]


def read_answers(fields: tuple[Asked, ...], answers: Answers, *, today: date) -> Reading:
    """Read every field that was asked for, and none besides."""
    values = {one.name: read(answers.get(one.name, ""), one.rules, today=today) for one in fields}
    problems = {name: value for name, value in values.items() if isinstance(value, Problem)}
    if problems:
        return Reading(changes={}, problems=problems)
    changes = dict(_changes(fields, values, today=today))
    size = {name: len(written(value).encode()) for name, value in changes.items() if value is not None}
    if sum(size.values()) > MOST_BYTES_IN_ALL:
        return Reading(changes={}, problems={max(size, key=size.__getitem__): too_much()})
    return Reading(changes=changes, problems={})


def _changes(
    fields: tuple[Asked, ...], values: Mapping[str, PlainValue | Problem | None], *, today: date
) -> Iterator[tuple[str, PlainValue | None]]:
    """What differs from what the tenant has, in whichever spelling it has it."""
    for one in fields:
        value = values[one.name]
        before = read(one.prefilled, one.rules, today=today) if one.found else None
        if not isinstance(value, Problem) and (value, type(value)) != (before, type(before)):
            yield one.name, value
