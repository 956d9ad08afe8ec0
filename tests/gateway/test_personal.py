"""What is personal about a login: masked on pages, encrypted in the database, forgotten at its end."""

import pytest

from gateway.personal import masked
from gateway.texts import Text, text
from tests.gateway.arrivals import PROFILE, redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig

THE_ACCOUNT = text("login.start.unnamed")


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("anna@acme.example", "a***@acme.example"),
        ("a@acme.example", "a***@acme.example"),
        ('"odd@local"@acme.example', '"***@acme.example'),
        ("@acme.example", THE_ACCOUNT),
        ("anna", THE_ACCOUNT),
        ("", THE_ACCOUNT),
        (None, THE_ACCOUNT),
    ],
)
def test_masked(email: str | None, shown: str | Text) -> None:
    """Of an address only its first letter and its domain are shown."""
    assert masked(email) == shown


async def test_nothing_personal_in_the_clear(rig: Rig, anna: Browser) -> None:
    """Neither the profile nor the state nor the token can be read in the database."""
    arrival = redirect(rig.clock)
    await anna.begin(arrival)
    stored = await rig.everything()
    for secret in (*PROFILE.values(), arrival.state, arrival.session_token):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_a_moved_ciphertext_does_not_open(rig: Rig, anna: Browser) -> None:
    """One login's profile copied into another's row shows nothing and is an alarm, not a failure."""
    first, second = await anna.arrive(redirect(rig.clock)), await anna.arrive(redirect(rig.clock))
    await rig.execute(
        f"UPDATE transactions SET profile = (SELECT profile FROM transactions WHERE id = '{first}') "  # noqa: S608 - an id of ours
        f"WHERE id = '{second}'"
    )
    page = await anna.look(second)
    assert (page.status, page.title) == (503, "One moment, please")
    assert [line["error_type"] for line in rig.lines.all if line["event"] == "vault.does_not_open"] == [
        "VaultError"
    ]
    assert (await anna.look(first)).status == 200
