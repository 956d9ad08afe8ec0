from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.profile_schema import graphemes, matches, problems_of
from common.tenant_profile import ProfileStep
from common.tenant_secrets import Reading

_NAME = {"type": "string", "x-label": "Name", "x-to": "user_metadata"}


def _read(properties: dict[str, Any], **schema: Any) -> ProfileStep:
    section = {"revision": 1, "schema": {"type": "object", "properties": properties, **schema}}
    return ProfileStep.model_validate(section, context=Reading(production=True))


def _mistakes(properties: dict[str, Any], **schema: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        _read(properties, **schema)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in caught.value.errors()]


@pytest.mark.parametrize(
    ("keywords", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "x-rows": 4}, "text"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "phone", "x-region": "DE"}, "phone"),
        ({"type": "string", "format": "country"}, "country"),
        ({"type": "string", "enum": ["a", "b"], "x-choices": {"a": "A"}}, "choice"),
        ({"type": "number", "minimum": 0.5}, "number"),
        ({"type": "integer", "maximum": 7}, "number"),
        ({"type": "boolean"}, "checkbox"),
    ],
)
def test_type_format_and_enum_say_what_a_field_is(keywords: dict[str, Any], kind: str) -> None:
    """A form has seven kinds of field, and plain JSON Schema tells them apart."""
    assert _read({"x": {**_NAME, **keywords}}).json_schema.properties["x"].kind == kind


@pytest.mark.parametrize(
    ("keywords", "mistake"),
    [
        ({"minLength": 9, "maxLength": 8}, "cannot be satisfied: minLength is above maxLength"),
        ({"pattern": "^a$"}, "pattern needs examples, which show that it can be satisfied"),
        ({"pattern": "^a$", "examples": ["b"]}, "an example does not satisfy pattern"),
        (
            {"pattern": "^[A-Z]{9}$", "maxLength": 8, "examples": ["ABCDEFGHI"]},
            "an example does not satisfy maxLength",
        ),
        ({"type": "number", "minimum": 2, "maximum": 1}, "cannot be satisfied: minimum is above maximum"),
        (
            {"type": "integer", "minimum": 0.2, "maximum": 0.8},
            "cannot be satisfied: no step lies between minimum and maximum",
        ),
        (
            {"type": "number", "minimum": 1, "maximum": 4, "multipleOf": 5},
            "cannot be satisfied: no step lies between minimum and maximum",
        ),
        (
            {
                "type": "string",
                "format": "date",
                "formatMinimum": "2026-02-02",
                "formatMaximum": "2026-02-01",
            },
            "cannot be satisfied: formatMinimum is above formatMaximum",
        ),
        (
            {"type": "string", "format": "date", "formatMinimum": "today", "formatMaximum": "2001-01-01"},
            "cannot be satisfied: formatMinimum is above formatMaximum",
        ),
        ({"enum": []}, "enum must have a value, and each that x-choices names"),
        ({"enum": ["a"], "x-choices": {"b": "B"}}, "enum must have a value, and each that x-choices names"),
        ({"type": "boolean", "minLength": 1}, "a field of this kind (checkbox) has no minLength"),
        ({"type": "number", "format": "date"}, "format goes with the type string"),
    ],
)
def test_a_field_that_nothing_fits_is_refused_at_its_place(keywords: dict[str, Any], mistake: str) -> None:
    """What nobody could ever fill in is found when the file is read."""
    assert _mistakes({"x": {**_NAME, **keywords}}) == [("schema.properties.x", mistake)]


@pytest.mark.parametrize(
    ("keywords", "place"),
    [
        ({"pattern": "a(", "examples": ["a"]}, "pattern"),
        ({"x-autocomplete": "cc-number"}, "x-autocomplete"),
        ({"type": "string", "format": "phone", "x-region": "ZZ"}, "x-region"),
        ({"type": "string", "format": "date", "formatMinimum": "2026-02-30"}, "formatMinimum"),
        ({"x-label": {"de": "Name"}}, "x-label"),
        ({"x-label": {"en": "two\nlines"}}, "x-label.en"),
        ({"anyOf": []}, "anyOf"),
        ({"x-to": "app_metadata"}, "x-to"),
    ],
)
def test_a_wrong_keyword_is_named(keywords: dict[str, Any], place: str) -> None:
    """A keyword that cannot be used is named with its place, which the loader turns into a line."""
    assert [where for where, _ in _mistakes({"x": {**_NAME, **keywords}})] == [f"schema.properties.x.{place}"]


def test_required_and_order_name_properties() -> None:
    """A field that is required and not there is a schema that cannot be satisfied."""
    message = "cannot be satisfied: names what properties does not have"
    assert _mistakes({"x": _NAME}, required=["y"]) == [("schema.required", message)]
    assert _mistakes({"x": _NAME}, **{"x-order": ["x", "y"]}) == [("schema.x-order", message)]


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("phone_number", "root"),
        ("email", "root"),
        ("picture", "user_metadata"),
        ("given_name", "user_metadata"),
    ],
)
def test_a_value_goes_where_it_may(name: str, to: str) -> None:
    """What one can log in with is never written unverified, and no two places hold one name."""
    ((place, _),) = _mistakes({name: {**_NAME, "x-to": to}})
    assert place == f"schema.properties.{name}"


def test_the_order_of_the_file_is_kept() -> None:
    """A login reads its schema from JSON, whose objects keep no order: the fields' order is there beside."""
    read = _read({"zoo": _NAME, "bee": _NAME, "ant": _NAME})
    assert read.json_schema.order == ("zoo", "bee", "ant")
    assert ProfileStep.model_validate_json(read.model_dump_json(by_alias=True)) == read


def test_a_login_keeps_a_schema_that_time_has_overtaken() -> None:
    """The file is judged when it is read; a login that began before goes on with what it has."""
    over = {**_NAME, "format": "date", "formatMinimum": "today", "formatMaximum": "2001-01-01"}
    section = {"revision": 1, "schema": {"type": "object", "properties": {"x": over}}}
    assert ProfileStep.model_validate(section).json_schema.order == ("x",)


@given(st.text(max_size=40))
def test_a_grapheme_is_what_a_reader_sees(text: str) -> None:
    """There are never more characters for a reader than code points, and none only in nothing."""
    assert bool(text) <= graphemes(text) <= len(text)


def test_lengths_count_what_a_reader_sees() -> None:
    """A family is one character, whatever it is made of."""
    assert graphemes("👨‍👩‍👧‍👦") == 1
    assert problems_of("👨‍👩‍👧‍👦", {"type": "string", "maxLength": 1}) == ()
    assert problems_of("ab", {"type": "string", "maxLength": 1}) == ("maxLength",)


def test_a_pattern_that_takes_for_ever_does_not_fit() -> None:
    """What a stranger types cannot hold up everybody else."""
    assert not matches("^(a+)+$", "a" * 40 + "b")
    assert matches(r"^\p{L}+$", "Søren")


def test_decimal_steps_are_taken_as_they_are_written() -> None:
    """0.3 is a multiple of 0.1, which binary fractions deny."""
    assert problems_of(0.3, {"type": "number", "multipleOf": 0.1}) == ()
    assert problems_of(0.35, {"type": "number", "multipleOf": 0.1}) == ("multipleOf",)
