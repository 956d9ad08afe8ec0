"""From a sealed command to what a provider judges."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from common.messages import VerifyIdentity
from common.sealing import Sealer, SealError
from proofing.errors import Failure, UnusableCommandError
from proofing.providers.base import Confirmed, Profile, Submission

_ISO_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class _PersonalInput:
    profile: dict[str, str | None] = field(repr=False)
    told: Annotated[tuple[str, ...], Field(max_length=3)] = ()
    mrz: Annotated[tuple[str, ...], Field(max_length=3)] = field(default=(), repr=False)
    confirmed: Confirmed | None = None


_PERSONAL_INPUT = TypeAdapter(_PersonalInput)


def open_submission(command: VerifyIdentity, *, sealer: Sealer) -> Submission:
    """What the person typed and what the tenant knows about them.

    Raises:
        UnusableCommandError: the sealed input does not open here, or holds something else.
    """
    try:
        plaintext = sealer.open(
            command.sealed, bound_to=(command.tenant, command.transaction_id, command.event_id)
        )
    except SealError as exc:
        raise UnusableCommandError(Failure.SEALED_INPUT_UNREADABLE) from exc
    try:
        personal = _PERSONAL_INPUT.validate_json(plaintext)
    except ValidationError:
        # From None: the validation error repeats what it was given.
        raise UnusableCommandError(Failure.INPUT_MALFORMED) from None
    # What confirms a document says whose zone is meant, and the other way round.
    if (personal.confirmed is None) != (command.previous is None):
        raise UnusableCommandError(Failure.INPUT_MALFORMED)
    return Submission(
        mrz=personal.mrz,
        profile=_profile(personal.profile),
        told=personal.told,
        confirmed=personal.confirmed,
    )


def _profile(fields: dict[str, str | None]) -> Profile:
    return Profile(
        given_name=(fields.get("given_name") or "").strip() or None,
        family_name=(fields.get("family_name") or "").strip() or None,
        birthdate=_date(fields.get("birthdate") or ""),
    )


def _date(text: str) -> date | None:
    """A date that is none is as good as a missing one: there is nothing to compare with."""
    if not _ISO_DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
