from datetime import date
from typing import Any

from common.tenant_profile import ProfileSchema
from gateway.steps.profile.asking import Asked, asked, read_answers
from gateway.steps.profile.form import inputs_of
from gateway.steps.profile.known import Known
from tests.support.naughty import naughty_strings

TODAY = date(2026, 11, 22)
_GOOGLE = {"name": "google-oauth2", "strategy": "google-oauth2"}
_DATABASE = {"name": "users", "strategy": "auth0"}


def _schema(**fields: dict[str, Any]) -> ProfileSchema:
    properties = {
        name: {"type": "string", "x-to": "user_metadata", "x-label": name, **keywords}
        for name, keywords in fields.items()
    }
    return ProfileSchema.model_validate(
        {"type": "object", "properties": properties, "required": ["given_name"]}
    )


_SCHEMA = _schema(
    given_name={"x-to": "root"},
    family_name={"x-to": "root"},
    phone_number={"format": "phone", "x-region": "DE"},
    birthdate={"format": "date"},
    news={"type": "boolean"},
)


def _asked(known: dict[str, Any], **profile: Any) -> tuple[Asked, ...]:
    return asked(_SCHEMA, Known.of({"connection": _DATABASE, "known": known, **profile}), today=TODAY)


def _names(known: dict[str, Any], **profile: Any) -> list[str]:
    return [one.name for one in _asked(known, **profile)]


def test_only_what_is_missing_is_asked() -> None:
    """Who has told a value to the tenant itself is not asked for it again."""
    known = {"given_name": "Anna", "family_name": "Eriksson", "user_metadata.birthdate": "1974-08-12"}
    assert _names(known) == ["phone_number", "news"]
    assert _names({**known, "phone_number": "+4930123456", "user_metadata.news": False}) == []


def test_the_tenants_words_are_found_whatever_the_case_of_their_language() -> None:
    """Words for pt-BR in the tenants file are shown on a page in pt-br: of the label, the help, a choice."""
    words = {"en": "Size", "pt-BR": "Tamanho"}
    schema = _schema(
        given_name={"x-to": "root"},
        size={"enum": ["s"], "x-choices": {"s": words}, "x-label": words, "x-help": words},
    )
    fields = asked(schema, Known.of({"connection": _DATABASE, "known": {}}), today=TODAY)
    _, size = inputs_of(fields, answers={"given_name": "", "size": ""}, problems={})
    assert (size.label("pt-br"), size.help("pt-br"), size.options("pt-br")) == (
        "Tamanho",
        "Tamanho",
        [("s", "Tamanho")],
    )


def test_what_another_provider_says_has_to_be_confirmed() -> None:
    """Values that the tenant only repeats are shown with the provider's name, and what was told is not."""
    known = {"given_name": "Anna", "family_name": "E", "user_metadata.family_name": "Eriksson"}
    fields = _asked(known, connection=_GOOGLE)
    assert [(one.name, one.prefilled) for one in fields if one.found] == [("given_name", "Anna")]
    assert Known.of({"connection": _GOOGLE}).provider == "Google"
    for strategy, name in (("facebook", "Facebook"), ("waad", "Microsoft"), ("google-apps", "Google")):
        assert Known.of({"connection": {"name": "any", "strategy": strategy}}).provider == name
    assert Known.of({"connection": _DATABASE}).provider is None
    assert Known.of({"connection": {"name": "corp", "strategy": "samlp"}}).provider == ""
    assert Known.of({}).provider is None


def test_a_field_decides_on_its_confirmation_itself() -> None:
    """`x-confirm` asks for a value that is there, or spares one that a provider said."""
    schema = _schema(
        given_name={"x-to": "root", "x-confirm": False}, family_name={"x-to": "root", "x-confirm": True}
    )
    known = {"given_name": "Anna", "family_name": "Eriksson"}
    for connection in (_GOOGLE, _DATABASE):
        fields = asked(schema, Known.of({"connection": connection, "known": known}), today=TODAY)
        assert [one.name for one in fields] == ["family_name"]


def test_what_no_longer_fits_is_asked_again() -> None:
    """A value from before the schema became stricter is shown, to be put right."""
    (one,) = [one for one in _asked({"user_metadata.birthdate": "12.8.74"}) if one.name == "birthdate"]
    assert one.prefilled == "12.8.74"


def test_what_could_not_come_along_is_not_missing() -> None:
    """A value that is too long for the session token is there all the same."""
    omitted = ["given_name", "user_metadata.birthdate"]
    assert _names({}, omitted=omitted) == ["family_name", "phone_number", "news"]


def test_only_differences_are_written() -> None:
    """Confirmed values are not written again, whichever spelling the tenant has them in."""
    known = {"given_name": "Jose\u0301", "family_name": "E", "phone_number": "030 123456"}
    fields = _asked(known, connection=_GOOGLE)
    answers = {
        "given_name": "Jos\u00e9",
        "family_name": "Eriksson",
        "phone_number": "030 123456",
        "birthdate": "",
        "news": "yes",
        "email": "mallory@evil.example",
        "sub": "auth0|mallory",
    }
    reading = read_answers(fields, answers, today=TODAY)
    assert (reading.changes, reading.problems) == ({"family_name": "Eriksson", "news": True}, {})


def test_an_emptied_field_is_deleted() -> None:
    """Who clears what another provider said about them, and may, has it taken away."""
    fields = _asked({"family_name": "E"}, connection=_GOOGLE)
    reading = read_answers(fields, {"given_name": "Anna", "family_name": " "}, today=TODAY)
    assert reading.changes == {"given_name": "Anna", "family_name": None, "news": False}


def test_problems_stand_beside_their_fields() -> None:
    """Nothing is changed while anything is wrong, and every field has its own sentence."""
    reading = read_answers(_asked({}), {"given_name": "", "birthdate": "x", "phone_number": "1"}, today=TODAY)
    assert reading.changes == {}
    assert {name: problem.said.key for name, problem in reading.problems.items()} == {
        "given_name": "profile.problem.missing",
        "birthdate": "profile.problem.no_date",
        "phone_number": "profile.problem.no_phone",
    }


def test_all_fields_together_fit_the_profile() -> None:
    """Auth0 keeps 10 KB of a user: what a form writes stays well below it."""
    texts = _schema(
        **{f"text{number}": {"x-rows": 5} for number in range(6)} | {"given_name": {"x-to": "root"}}
    )
    fields = asked(texts, Known.of({}), today=TODAY)
    reading = read_answers(fields, {one.name: "x" * 150 for one in fields}, today=TODAY)
    assert len(reading.changes) == 7
    long = {one.name: "x" * (150 if one.name == "given_name" else 900) for one in fields}
    reading = read_answers(fields, long, today=TODAY)
    assert [problem.code for problem in reading.problems.values()] == ["too_long_at_all"]


def test_no_string_breaks_a_form() -> None:
    """Whatever is typed into all fields at once is read, or told to be wrong."""
    for typed in naughty_strings():
        reading = read_answers(_asked({}), dict.fromkeys(_SCHEMA.order, typed), today=TODAY)
        assert bool(reading.problems) != bool(reading.changes)
        again = _asked({"user_metadata.birthdate": typed, "given_name": typed})
        assert {one.name for one in again} >= {"family_name", "phone_number"}
