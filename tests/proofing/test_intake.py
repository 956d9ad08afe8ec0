"""What the worker makes of sealed input."""

from datetime import date

import pytest

from common.sealing import Sealer
from proofing.intake import open_submission
from proofing.providers.base import Profile
from tests.proofing.commands import ANNA, SEAL_KEY, command

SEALER = Sealer((SEAL_KEY,))


def test_a_whole_profile() -> None:
    """All three values arrive, the date as a date."""
    submission = open_submission(command(), sealer=SEALER)
    assert submission.profile == Profile(
        given_name="Anna Maria", family_name="Eriksson", birthdate=date(1974, 8, 12)
    )


@pytest.mark.parametrize(
    "birthdate", [None, "", "1974-13-12", "12.08.1974", "0000-00-00", "1974-W33-1", "19740812", "١٩٧٤-08-12"]
)
def test_a_date_that_is_none_counts_as_missing(birthdate: str | None) -> None:
    """Profiles hold anything; what is no ISO date cannot be compared."""
    submission = open_submission(command(profile={**ANNA, "birthdate": birthdate}), sealer=SEALER)
    assert submission.profile.birthdate is None


@pytest.mark.parametrize("profile", [{}, {"given_name": None, "family_name": " "}, {"unknown": "field"}])
def test_missing_names(profile: dict[str, str | None]) -> None:
    """Absent, null and blank names are all none."""
    assert open_submission(command(profile=profile), sealer=SEALER).profile == Profile()


def test_what_a_submission_shows_of_itself() -> None:
    """The text form of a submission holds nothing personal."""
    assert repr(open_submission(command(), sealer=SEALER)) == "Submission(profile=Profile(), told=())"
