import re

from tests.docs.markdown import Page
from tests.support.run_folder import ROOT

FOLDER = ROOT / "docs" / "decisions"
INDEX = Page(FOLDER / "README.md")
PARTS = ["Context", "Decision", "Consequences"]


def records() -> list[Page]:
    return [Page(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]


def test_index_is_complete() -> None:
    """The index has every record, in order, under the record's own title."""
    rows = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", INDEX.text, flags=re.MULTILINE)
    assert [f"# {number} {title}" for number, _, title in rows] == [
        record.text.splitlines()[0] for record in records()
    ]
    assert [name for _, name, _ in rows] == [record.path.name for record in records()]


def test_numbers() -> None:
    """Records are numbered without a gap, and none twice."""
    numbers = [int(record.path.name[:4]) for record in records()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_parts_of_a_record() -> None:
    """Every record says why, what, and what follows."""
    for record in records():
        assert re.findall(r"^\*\*(\w+)\.\*\*", record.text, re.MULTILINE) == PARTS
