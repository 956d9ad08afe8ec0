"""Customers of the local tenant, a new one for each login, so that no test meets another's results."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.support.demo_tenant import Person
from tests.support.passport import passport_mrz

_TWO_YEARS = timedelta(days=730)


def new_person(**changes: Any) -> Person:
    """Somebody whom the tenant does not know yet."""
    name = secrets.token_hex(6)
    return replace(Person(user_id=f"auth0|{name}", email=f"{name}@acme.example"), **changes)


def user_of(person: Person) -> dict[str, Any]:
    """The person as the tenant's directory holds them before their first login."""
    return {
        "email": person.email,
        "password": person.password,
        "email_verified": True,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "name": f"{person.given_name} {person.family_name}",
        "user_metadata": {"birthdate": person.birth_date.isoformat()},
    }


def passport(
    person: Person,
    *,
    birth_date: date | None = None,
    number: str = "XR5830417",
    expiry: date | None = None,
) -> str:
    """The two lines of a passport; what is not given is right for this person and today."""
    lines = passport_mrz(
        surname=person.family_name,
        given_names=person.given_name,
        birth_date=birth_date or person.birth_date,
        expiry=expiry or datetime.now(UTC).date() + _TWO_YEARS,
        number=number,
    )
    return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a person does on the pages of one login: type these lines, or refuse."""

    person: Person
    lines: str
    declines: bool = False


def honest(person: Person) -> Answers:
    return Answers(person=person, lines=passport(person))


def refusing(person: Person) -> Answers:
    return Answers(person=person, lines="", declines=True)


def typing(person: Person, lines: str) -> Answers:
    return Answers(person=person, lines=lines)
