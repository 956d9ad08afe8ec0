"""docs/commands.md says of every command what its `--help` says, and each is explained in the same way."""

import pytest

from common.cli import create_parser
from common.cli_guide import CommandParser
from common.setting_examples import EXAMPLES
from tests.docs.commands_page import PAGE, leaves, page
from tests.docs.markdown import Page
from tests.support.run_folder import ROOT

LEAVES = list(leaves(create_parser()))


def test_page_is_fresh() -> None:
    """The page is what the parsers say today; `python -m tests.docs.commands_page` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.prog)
def test_every_command_teaches(leaf: CommandParser) -> None:
    """Each has a phrase, an example, every option explained, and its exit statuses."""
    guide = leaf.guide
    assert guide.text
    assert guide.text[0].islower()
    assert guide.examples
    assert any(leaf.prog in example for example in guide.examples)
    assert [action.dest for action in leaf._actions if action.option_strings and not action.help] == []
    assert "exit status:" in leaf.format_help()


def test_every_setting_has_an_example() -> None:
    """Whoever is told that a setting is wrong is shown one that could be right."""
    tables = [Page(path).section("Settings") for path in sorted((ROOT / "services").glob("*/README.md"))]
    rows = [line for table in tables for line in table.splitlines() if line.startswith("| `")]
    names = {row.split("`")[1] for row in rows}
    assert {"DATABASE_URL", "SEAL_KEY_FILES", "PUBLIC_BASE_URL", "INTERNAL_LISTEN"} <= names
    assert sorted(name for name in names if name.isupper() and name not in EXAMPLES) == []
