"""docs/one-login.md: a link whose text is one code span, and no file name, names a symbol of its target."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import Link, Page
from tests.docs.symbols import defined_in
from tests.support.run_folder import ROOT

PAGE = Page(ROOT / "docs" / "one-login.md")
_SYMBOL = re.compile(r"`(\w+(?:\.\w+)?)`")
_FILE_ENDINGS = (".py", ".js", ".json", ".html", ".sql")


def symbol_of(link: Link) -> str | None:
    found = _SYMBOL.fullmatch(link.label)
    return found[1] if found and not found[1].endswith(_FILE_ENDINGS) else None


def named() -> set[tuple[str, Path]]:
    """Every symbol that the page names, with its file."""
    return {
        (symbol, (PAGE.path.parent / link.target).resolve())
        for link in PAGE.links()
        if (symbol := symbol_of(link))
    }


@pytest.mark.parametrize("path", sorted({path for _, path in named()}), ids=lambda path: path.name)
def test_symbols_are_defined(path: Path) -> None:
    """Every symbol that the page names is defined in the file that it leads to."""
    assert {symbol for symbol, file in named() if file == path} - defined_in(path) == set()


def test_list_of_symbols() -> None:
    """The list at the end has every symbol of the text with its file, in alphabetical order."""
    rows = PAGE.section("Symbols").partition("|---|---|\n")[2].partition("\n\n")[0].splitlines()
    listed = [re.fullmatch(r"\| `([\w.]+)` \| `([^`]+)` \|", row) for row in rows]
    expected = sorted((symbol, str(path.relative_to(ROOT))) for symbol, path in named())
    assert [row.groups() for row in listed if row] == expected
    assert len(rows) == len(expected)


def test_commits_are_counted() -> None:
    """The commits of a login are numbered in the order in which the page tells of them."""
    numbers = [int(number) for number in re.findall(r"\*\*[Cc]ommit (\d+)", PAGE.text)]
    assert numbers == list(range(1, len(numbers) + 1))
