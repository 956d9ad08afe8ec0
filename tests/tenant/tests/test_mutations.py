import pytest

from tests.tenant.mutations import MUTATIONS, Mutation, place_of


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_can_be_planted(mutation: Mutation) -> None:
    """Each fault has one place in today's code, and the tests that must catch it are there."""
    place = place_of(mutation)
    missing = [name for name in mutation.tests.split() if not (place.parent / "tests" / name).exists()]
    assert place.read_text(encoding="utf-8").count(mutation.old) == 1
    assert missing == []
