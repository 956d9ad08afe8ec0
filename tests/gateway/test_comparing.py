"""What a document is compared with: the account's values, or what the person told the step `profile`."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from common.messages import Kind
from common.tenant_idproof import IdproofStep
from gateway.personal_changes import Changes
from gateway.steps.idproof.comparing import Compared, compared

ACCOUNT = {"given_name": "Ana", "family_name": "Eriksson", "birthdate": "1974-08-12"}
GOOGLE = {"connection": {"name": "google-oauth2", "strategy": "google-oauth2"}}
DATABASE = {"connection": {"name": "users", "strategy": "auth0"}}


def rules(compare_with: Literal["account", "told"]) -> IdproofStep:
    return IdproofStep(revision=1, valid_for=timedelta(days=365), compare_with=compare_with)


@pytest.mark.parametrize(
    ("profile", "changes", "values", "told"),
    [
        (ACCOUNT, {}, ACCOUNT, ()),
        (
            ACCOUNT | GOOGLE,
            {Kind.ROOT: {"given_name": "Anna", "nickname": "A"}},
            ACCOUNT | {"given_name": "Anna"},
            ("given_name",),
        ),
        (
            ACCOUNT | GOOGLE,
            {Kind.USER_METADATA: {"birthdate": "1974-12-08", "country": "SE", "news": True}},
            ACCOUNT | {"birthdate": "1974-12-08"},
            ("birthdate",),
        ),
        (ACCOUNT, {Kind.ROOT: {"given_name": None}}, ACCOUNT, ()),
        ({}, {Kind.ROOT: {"family_name": "Ek"}}, {"family_name": "Ek"}, ("family_name",)),
        (
            ACCOUNT | GOOGLE | {"known": {"user_metadata.given_name": "Anna"}},
            {},
            ACCOUNT | {"given_name": "Anna"},
            ("given_name",),
        ),
        (
            ACCOUNT | GOOGLE | {"known": {"user_metadata.given_name": "Anna"}},
            {Kind.ROOT: {"given_name": "Anna Maria"}},
            ACCOUNT | {"given_name": "Anna Maria"},
            ("given_name",),
        ),
        (ACCOUNT | GOOGLE | {"known": {"user_metadata.given_name": "Ana"}}, {}, ACCOUNT, ()),
        (ACCOUNT | DATABASE | {"known": {"user_metadata.given_name": "Anna"}}, {}, ACCOUNT, ()),
        (
            DATABASE | {"known": {"user_metadata.given_name": "Anna", "user_metadata.family_name": 7}},
            {},
            {"given_name": "Anna"},
            ("given_name",),
        ),
    ],
)
def test_what_the_person_told(
    profile: dict[str, Any], changes: Changes, values: dict[str, str], told: tuple[str, ...]
) -> None:
    """Typed now stands above typed before, and that above another provider; only what differs is told."""
    assert compared(profile, changes, rules("told")) == Compared(values=values, told=told)


def test_the_account_unless_the_tenant_says_otherwise() -> None:
    """Without the setting nothing that the person typed is compared, and proofing learns of nothing else."""
    profile = ACCOUNT | GOOGLE | {"known": {"user_metadata.given_name": "Anna"}, "email": "a@acme.example"}
    changes = {Kind.ROOT: {"given_name": "Anna Maria"}}
    assert compared(profile, changes, rules("account")) == Compared(values=ACCOUNT)
