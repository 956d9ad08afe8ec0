"""What the form's template shows of each field; languages are chosen there, by whoever reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from common.tenant_profile import MOST_BYTES, ProfileField
from gateway.countries import countries
from gateway.steps.profile.asking import Asked
from gateway.steps.profile.values import CHECKED, Problem
from gateway.texts import Text

PREFIX = "p_"  # no field of a tenant's meets one of ours
MOST_RADIOS = 5

Words: TypeAlias = Mapping[str, str]  # a tenant's own, by language; `en` is always there


@dataclass(frozen=True, kw_only=True)
class Input:
    """One control: `kind` chooses it, `attributes` are HTML's, `problem` stands beside it."""

    id: str
    kind: str
    described: ProfileField
    value: str = field(repr=False)
    optional: bool
    is_foreign: bool
    attributes: Mapping[str, str]
    problem: Text | None

    def label(self, language: str) -> str:
        return _said(self.described.label, language)

    def help(self, language: str) -> str | None:
        return _said(self.described.help, language) if self.described.help else None

    def options(self, language: str) -> list[tuple[str, str]]:
        """What there is to choose from, in the reader's language."""
        if self.kind == "country":
            return list(countries(language))
        choices = self.described.choices
        return [
            (value, _said(choices[value], language) if value in choices else value)
            for value in self.described.enum or ()
        ]

    @property
    def is_checked(self) -> bool:
        return self.value == CHECKED


def inputs_of(
    fields: tuple[Asked, ...], *, answers: Mapping[str, str], problems: Mapping[str, Problem]
) -> list[Input]:
    return [
        Input(
            id=f"{PREFIX}{one.name}",
            kind=_kind(one.field),
            described=one.field,
            value=answers[one.name],
            optional=not one.rules.required,
            is_foreign=one.found is not None and one.found.is_foreign,
            attributes=_attributes(one.field),
            problem=problems[one.name].said if one.name in problems else None,
        )
        for one in fields
    ]


def answers_of(form: Mapping[str, str], fields: tuple[Asked, ...]) -> dict[str, str]:
    """What was typed into the fields that were asked for; everything else in the form says nothing."""
    return {one.name: form.get(f"{PREFIX}{one.name}", "") for one in fields}


def _kind(described: ProfileField) -> str:
    if described.kind == "choice":
        return "radios" if len(described.enum or ()) <= MOST_RADIOS else "select"
    return "area" if described.rows else described.kind


def _attributes(described: ProfileField) -> dict[str, str]:
    """HTML's own, where they help whoever types; what counts is decided after the form was sent."""
    attributes = {"autocomplete": described.autocomplete or "off"}
    match described.kind:
        case "text":
            attributes["maxlength"] = str(MOST_BYTES)  # HTML counts otherwise than readers do
        case "number":
            attributes["inputmode"] = "numeric" if described.type == "integer" else "decimal"
        case _:
            pass
    return attributes


def _said(words: Words, language: str) -> str:
    return words.get(language) or words.get(language.partition("-")[0]) or words["en"]
