"""The step `profile` of a tenants file: its fields, written as a JSON Schema with what a form needs besides.

`x-` keywords are ours: the label and the help of a field, in one language or in several, the choices' labels,
where the value goes, and how the field looks. Everything that a form cannot show is refused as unknown.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeAlias

import phonenumbers
import regex
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from common.personal_values import ROOT_ATTRIBUTES
from common.profile_schema import TODAY, UnsatisfiableError, require_satisfiable
from common.tenant_fields import Duration, Label, Section, Sentence, StepRules, lasting, matching
from common.tenant_secrets import Reading

MOST_FIELDS = 15  # a form of ours takes twenty inputs, and some are not the tenant's
MOST_BYTES = 1000
LONGEST_ROOT = {name: most for name, most in ROOT_ATTRIBUTES.items() if name != "picture"}

_TUPLE = Field(strict=False)
_DATE = r"today|[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LANGUAGE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}"
_AUTOFILL = (
    "off|on|name|honorific-(prefix|suffix)|(given|additional|family)-name|nickname|username"
    "|organization(-title)?|street-address|address-(line[123]|level[1234])|country(-name)?|postal-code"
    "|language|bday(-(day|month|year))?|sex|url|tel(-national)?|email"
)
# Which keywords a kind of field has; those that every kind has are not here.
_OF_KIND = {
    "text": {"minLength", "maxLength", "pattern", "examples", "x-rows"},
    "choice": {"enum", "x-choices"},
    "date": {"formatMinimum", "formatMaximum"},
    "phone": {"x-region"},
    "country": set[str](),
    "number": {"minimum", "maximum", "multipleOf"},
    "checkbox": {"const"},
}


# A telephone number or an e-mail address at the root is a way to log in, and nobody has verified this one.
_MISPLACED = PydanticCustomError(
    "root",
    "x-to must be root for {names}, which are text on one line, and user_metadata for everything else",
    {"names": ", ".join(LONGEST_ROOT)},
)


def _one_language(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


def _has_english(value: Mapping[str, str]) -> Mapping[str, str]:
    if "en" not in value:
        raise PydanticCustomError("english", "must have the language en, which everybody else reads")
    return value


# Pages know their languages by tags in small letters.
LanguageTag: TypeAlias = Annotated[
    str, matching(_LANGUAGE, "must be a language tag such as en or pt-BR"), AfterValidator(str.lower)
]
Labels: TypeAlias = Annotated[
    Mapping[LanguageTag, Label], BeforeValidator(_one_language), AfterValidator(_has_english)
]
Helps: TypeAlias = Annotated[
    Mapping[LanguageTag, Sentence], BeforeValidator(_one_language), AfterValidator(_has_english)
]
FieldName: TypeAlias = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_-]{0,63}", "must be 1 to 64 ASCII letters, digits, _ or -, a letter or _ first"
    ),
]


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _calendar_date(value: str) -> str:
    try:
        if value != TODAY:
            date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "is not a date of the calendar") from None
    return value


def _compiles(value: str) -> str:
    try:
        regex.compile(value)
    except regex.error:
        raise PydanticCustomError("pattern", "is not a regular expression") from None
    return value


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise PydanticCustomError("region", "must be a country whose telephone numbers are known, such as DE")
    return value


def _distinct(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise PydanticCustomError("distinct", "must not name anything twice")
    return value


DateBound: TypeAlias = Annotated[
    str,
    BeforeValidator(_iso),
    matching(_DATE, "must be a date such as 1900-01-01, or today"),
    AfterValidator(_calendar_date),
]
Length: TypeAlias = Annotated[int, Field(ge=1, le=MOST_BYTES)]
Bound: TypeAlias = Annotated[float, Field(ge=-(2**53), le=2**53)]  # what every reader of JSON keeps exactly
Kind: TypeAlias = Literal["text", "choice", "date", "phone", "country", "number", "checkbox"]


class ProfileField(Section):
    """One property of the schema; its kind, which decides on the input, follows from type, format, enum."""

    type: Literal["string", "number", "integer", "boolean"]
    format: Literal["date", "phone", "country"] | None = None
    enum: Annotated[
        tuple[Annotated[str, matching(r"[\x21-\x7e]{1,64}", "must be 1 to 64 ASCII characters")], ...] | None,
        _TUPLE,
    ] = None
    const: Literal[True] | None = None
    min_length: Length | None = Field(default=None, alias="minLength")
    max_length: Length | None = Field(default=None, alias="maxLength")
    pattern: Annotated[str, Field(max_length=500), AfterValidator(_compiles)] | None = None
    examples: Annotated[tuple[Label, ...] | None, _TUPLE] = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    multiple_of: Annotated[float, Field(gt=0, le=2**53)] | None = Field(default=None, alias="multipleOf")
    format_minimum: DateBound | None = Field(default=None, alias="formatMinimum")
    format_maximum: DateBound | None = Field(default=None, alias="formatMaximum")
    label: Labels = Field(alias="x-label")
    help: Helps | None = Field(default=None, alias="x-help")
    choices: Mapping[str, Labels] = Field(default={}, alias="x-choices")
    to: Literal["root", "user_metadata"] = Field(alias="x-to")
    confirm: bool | None = Field(default=None, alias="x-confirm")
    autocomplete: Annotated[str, matching(_AUTOFILL, "must be an autofill field name of HTML")] | None = (
        Field(default=None, alias="x-autocomplete")
    )
    width: Literal["full", "half", "short"] = Field(default="full", alias="x-width")
    rows: Annotated[int, Field(ge=2, le=12)] | None = Field(default=None, alias="x-rows")
    region: Annotated[str, AfterValidator(_region)] | None = Field(default=None, alias="x-region")

    @property
    def kind(self) -> Kind:
        if self.type == "boolean":
            return "checkbox"
        if self.type != "string":
            return "number"
        return self.format or ("text" if self.enum is None else "choice")

    def schema_of(self) -> dict[str, Any]:
        """The property as plain JSON Schema, without our own keywords."""
        dumped: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: value for name, value in dumped.items() if not name.startswith("x-")}

    @model_validator(mode="after")
    def _only_what_its_kind_has(self) -> Self:
        if self.format is not None and self.type != "string":
            raise PydanticCustomError("format", "format goes with the type string")
        given = set(self.model_dump(by_alias=True, exclude_defaults=True))
        foreign = given & set.union(*map(set, _OF_KIND.values())) - _OF_KIND[self.kind]
        if foreign:
            raise PydanticCustomError(
                "keyword",
                "a field of this kind ({kind}) has no {names}",
                {"kind": self.kind, "names": ", ".join(sorted(foreign))},
            )
        return self

    @model_validator(mode="after")
    def _can_be_satisfied(self, info: ValidationInfo) -> Self:
        # A login keeps the schema that it began with: only the file is judged, and as of the day it is read.
        if not isinstance(info.context, Reading):
            return self
        if self.enum is not None and (not self.enum or set(self.choices) - set(self.enum)):
            raise PydanticCustomError("choices", "enum must have a value, and each that x-choices names")
        try:
            require_satisfiable(self.schema_of(), today=datetime.now(UTC).date())
        except UnsatisfiableError as exc:
            raise PydanticCustomError("unsatisfiable", "{problem}", {"problem": str(exc)}) from None
        return self


class ProfileSchema(Section):
    """The whole schema; `order` is that of the file, which JSON objects do not keep everywhere."""

    type: Literal["object"]
    properties: Annotated[Mapping[FieldName, ProfileField], Field(min_length=1, max_length=MOST_FIELDS)]
    required: Annotated[tuple[str, ...], _TUPLE, AfterValidator(_distinct)] = ()
    order: Annotated[tuple[str, ...], _TUPLE, AfterValidator(_distinct)] = Field(default=(), alias="x-order")

    @model_validator(mode="before")
    @classmethod
    def _keep_order(cls, value: object) -> object:
        if isinstance(value, Mapping) and isinstance(value.get("properties"), Mapping):
            return {"x-order": [str(name) for name in value["properties"]], **value}
        return value

    @field_validator("properties")
    @classmethod
    def _places(cls, properties: Mapping[str, ProfileField]) -> Mapping[str, ProfileField]:
        misplaced = {name: field for name, field in properties.items() if not _is_at_home(name, field)}
        if misplaced:
            raise ValidationError.from_exception_data(
                "places", [{"type": _MISPLACED, "loc": (name,), "input": None} for name in misplaced]
            )
        return properties

    @field_validator("required", "order")
    @classmethod
    def _names_properties(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "properties" in info.data and not set(names) <= set(info.data["properties"]):
            raise PydanticCustomError("unknown", "cannot be satisfied: names what properties does not have")
        return names


def _is_at_home(name: str, field: ProfileField) -> bool:
    if field.to == "user_metadata":
        return name not in ROOT_ATTRIBUTES
    return name in LONGEST_ROOT and field.kind == "text" and field.rows is None


class ProfileStep(StepRules):
    """Asks for what the user's profile lacks, and has what another provider says of them confirmed."""

    valid_for: Annotated[Duration, lasting("1m")] = timedelta(days=365)
    json_schema: ProfileSchema = Field(alias="schema")
