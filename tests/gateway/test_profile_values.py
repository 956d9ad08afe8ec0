from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.profile_schema import problems_of
from common.tenant_profile import ProfileField
from gateway.countries import COUNTRIES, countries
from gateway.steps.profile.cleaning import UnreadableTextError, one_line, several_lines
from gateway.steps.profile.values import Problem, Rules, read, rules_of, written
from tests.support.naughty import naughty_strings

TODAY = date(2026, 11, 22)
_FIELDS: dict[str, dict[str, Any]] = {
    "given_name": {"type": "string", "x-to": "root"},
    "about": {"type": "string", "x-rows": 4, "maxLength": 300},
    "code": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["ABC"]},
    "birthdate": {
        "type": "string",
        "format": "date",
        "formatMinimum": "1900-01-01",
        "formatMaximum": "today",
    },
    "phone": {"type": "string", "format": "phone", "x-region": "DE"},
    "country": {"type": "string", "format": "country"},
    "size": {"type": "string", "enum": ["s", "m"]},
    "children": {"type": "integer", "minimum": 0, "maximum": 20},
    "height": {"type": "number", "minimum": 0.5, "maximum": 2.5, "multipleOf": 0.01},
    "any_number": {"type": "number"},
    "news": {"type": "boolean"},
    "agrees": {"type": "boolean", "const": True},
}


def _rules(name: str, *, required: bool = False) -> Rules:
    section = {"x-to": "user_metadata", "x-label": name, **_FIELDS[name]}
    return rules_of(ProfileField.model_validate(section), name=name, required=required)


def _read(name: str, typed: str, *, required: bool = False) -> Any:
    found = read(typed, _rules(name, required=required), today=TODAY)
    return found.code if isinstance(found, Problem) else found


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("given_name", "  Ana \u00a0 Mari\u0301a ", "Ana Mar\u00eda"),
        ("given_name", "\u200f\u05e9\u05dc\u05d5\u05dd\u200e", "\u05e9\u05dc\u05d5\u05dd"),
        (
            "given_name",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("given_name", "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("given_name", "\u3000\u200d ", None),
        ("about", "one\r\n\r\n  two \n\n", "one\n\ntwo"),
        ("code", "ABC", "ABC"),
        ("birthdate", "1974-08-12", "1974-08-12"),
        (
            "birthdate",
            "\u0661\u0669\u0667\u0664-\u0660\u0668-\u0661\u0662",
            "1974-08-12",
        ),
        ("phone", "030 123456", "+4930123456"),
        ("phone", "+34 612 34 56 78", "+34612345678"),
        ("country", "DE", "DE"),
        ("size", "m", "m"),
        ("children", "3", 3),
        ("children", "3.0", 3),
        ("height", "1,75", 1.75),
        ("height", "\u0661\u066b\u0667\u0665", 1.75),
        ("any_number", "\u22122", -2),
        ("news", "yes", True),
        ("news", "", False),
        ("agrees", "yes", True),
    ],
)
def test_what_a_person_types_becomes_one_spelling(name: str, typed: str, value: Any) -> None:
    """Values are stored in one form, however a keyboard or a script writes them."""
    found = _read(name, typed)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "typed", "code"),
    [
        ("given_name", "", "missing"),
        ("given_name", "a\u202eb", "unreadable"),
        ("given_name", "x" * 151, "too_long_at_all"),
        ("given_name", "\U0001f600" * 76, "too_long_at_all"),
        ("about", "x" * 301, "too_long"),
        ("about", "\U0001f468\u200d\U0001f469\u200d\U0001f466" * 60, "too_long_at_all"),
        ("code", "abc", "pattern"),
        ("birthdate", "12.08.1974", "no_date"),
        ("birthdate", "2026-02-30", "no_date"),
        ("birthdate", "2026-W01-1", "no_date"),
        ("birthdate", "1899-12-31", "too_early"),
        ("birthdate", "2026-11-23", "too_late"),
        ("phone", "12", "no_phone"),
        ("country", "", "unchosen"),
        ("country", "ZZ", "unchosen"),
        ("size", "xl", "unchosen"),
        ("children", "1.5", "no_whole_number"),
        ("children", "-1", "too_small"),
        ("children", "21", "too_large"),
        ("children", "three", "no_number"),
        ("height", "1.755", "no_step"),
        ("any_number", "1e3", "no_number"),
        ("any_number", "NaN", "no_number"),
        ("any_number", "9007199254740993", "no_number"),
        ("any_number", "1.2.3", "no_number"),
        ("agrees", "", "unticked"),
        ("news", "perhaps", "unchosen"),
    ],
)
def test_what_does_not_fit_is_told_in_its_own_words(name: str, typed: str, code: str) -> None:
    """Each thing that can be wrong with a field has a sentence of its own."""
    assert _read(name, typed, required=True) == code


@pytest.mark.parametrize("name", _FIELDS)
def test_naughty_strings_fit_or_are_refused(name: str) -> None:
    """Whatever is typed into whichever field is a value that the schema allows, or a problem to tell."""
    rules = _rules(name)
    for typed in naughty_strings():
        found = read(typed, rules, today=TODAY)
        if found is None or isinstance(found, Problem):
            continue
        schema = rules.field.schema_of() | ({"formatMaximum": "2026-11-22"} if name == "birthdate" else {})
        assert problems_of(found, schema) == ()
        assert read(written(found), rules, today=TODAY) == found


@given(typed=st.text(max_size=60), name=st.sampled_from(sorted(_FIELDS)))
def test_a_value_that_was_taken_is_taken_again(typed: str, name: str) -> None:
    """What stands in a form as it was stored is read as the same value: confirming changes nothing."""
    rules = _rules(name)
    found = read(typed, rules, today=TODAY)
    if not isinstance(found, Problem) and found is not None:
        assert read(written(found), rules, today=TODAY) == found


@given(st.text(max_size=60))
def test_cleaned_text_is_clean(typed: str) -> None:
    """Cleaning is done after one time, and leaves no line or character that nobody sees."""
    try:
        cleaned = one_line(typed)
    except UnreadableTextError:
        return
    assert one_line(cleaned) == cleaned
    assert cleaned.isprintable() or "\u200c" in cleaned or "\u200d" in cleaned or not cleaned.isascii()
    assert several_lines(cleaned) == cleaned


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("en", "DE", "Germany"),
        ("de", "AT", "\u00d6sterreich"),
        ("es", "ES", "Espa\u00f1a"),
        ("fr", "DE", "Allemagne"),
        ("ja", "JP", "\u65e5\u672c"),
        ("ar", "EG", "\u0645\u0635\u0631"),
    ],
)
def test_countries_have_their_names(language: str, code: str, name: str) -> None:
    """Each of the 249 countries of ISO 3166, and Kosovo, is there under its name in the reader's language."""
    assert dict(countries(language))[code] == name
    assert len(countries(language)) == len(COUNTRIES) == 250


def test_accents_do_not_send_a_country_to_the_end() -> None:
    """A reader finds \u00d6sterreich among the countries with O."""
    names = [name for _, name in countries("de")]
    assert names.index("Norwegen") < names.index("\u00d6sterreich") < names.index("Panama")
