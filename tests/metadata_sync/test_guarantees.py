"""The list of guarantees and their tests is complete, and names nothing that is not there."""

import re
from pathlib import Path

import metadata_sync

TESTS = Path(__file__).parents[1]
INDEX = (Path(__file__).parent / "README.md").read_text()
SECTIONS = {
    title: re.findall(r"^- `(.+)`$", text, flags=re.MULTILINE)
    for title, text in re.findall(r"^## (\d\. .+)\n\n((?:- .+\n)+)", INDEX, flags=re.MULTILINE)
}


def test_every_guarantee_is_proved() -> None:
    """Each of the docstring's nine guarantees has its section, in its words, with several tests."""
    promised = re.findall(r"^(\d\.) \*\*(.+)\.\*\*", metadata_sync.__doc__ or "", flags=re.MULTILINE)
    assert list(SECTIONS) == [f"{number} {words}" for number, words in promised]
    assert len(SECTIONS) == 9
    assert min(map(len, SECTIONS.values())) >= 3


def test_the_tests_exist() -> None:
    """Every test that is named can be run by that name."""
    named = {name for names in SECTIONS.values() for name in names}
    assert [name for name in sorted(named) if not _exists(name)] == []


def _exists(name: str) -> bool:
    path, _, function = name.partition("::")
    file = TESTS / path
    if not file.is_file():
        return False
    return (
        bool(re.search(rf"^(async )?def {function}\(", file.read_text(), flags=re.MULTILINE)) or not function
    )
