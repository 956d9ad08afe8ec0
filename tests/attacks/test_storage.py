"""What somebody changes in the database (cases 81, 82): nothing opens where it does not belong."""

import pytest

from tests.attacks.scene import Scene


@pytest.mark.logs("vault.does_not_open")
async def test_stored_fields_open_in_their_own_row_only(scene: Scene) -> None:
    """81, 82: another person's field, one of another column, a bit flipped or a part: 503, and an alarm."""
    others = await scene.arrived()
    for change in (
        "profile = (SELECT profile FROM gateway.transactions WHERE id = $2)",
        "profile = state",
        "profile = set_byte(profile, length(profile) - 1, 255 - get_byte(profile, length(profile) - 1))",
        "profile = set_byte(profile, 40, 255 - get_byte(profile, 40))",
        "profile = substring(profile FROM 1 FOR 20)",
        "profile = ''",
    ):
        victim, log = await scene.arrived(), scene.log()
        await scene.world.rows.all(
            f"UPDATE gateway.transactions SET {change} WHERE id = $1 AND $2 <> ''",  # noqa: S608 - from the list above
            victim.id,
            others.id,
        )
        page = await victim.page()
        assert page.status == 503, change
        assert "@" not in page.html.get_text()
        assert log.unexpected() == ["vault.does_not_open"], change
    assert (await others.page()).status == 200
