"""The table of attacks is whole, and names nothing that is not there."""

import ast
import importlib
from functools import cache
from pathlib import Path

from tests.attacks.table import CASES

_TESTS = Path(__file__).parents[1]
# Tables in these files go by the number of the case.
_BY_NUMBER = {
    "attacks/test_tokens.py": "TOKENS",
    "attacks/test_arrivals.py": "ARRIVALS",
    "attacks/test_forms.py": "FORMS",
}


def test_every_attack_is_in_the_table() -> None:
    """The numbers are 1 to the last one, each once; each has a test, or a remark that says why not."""
    assert [case.number for case in CASES] == list(range(1, len(CASES) + 1))
    assert [case.number for case in CASES if not case.tests and not case.remark] == []
    assert len({case.title for case in CASES}) == len(CASES)
    assert len(CASES) >= 105


def test_the_tests_exist() -> None:
    """Every test that is named can be run by that name, and attacks by this number where it has a table."""
    missing = [(case.number, test) for case in CASES for test in case.tests if not _exists(test)]
    assert missing == []
    for file, table in _BY_NUMBER.items():
        numbers = getattr(importlib.import_module(f"tests.{file[:-3].replace('/', '.')}"), table).keys()
        naming = {case.number for case in CASES if any(test.startswith(file) for test in case.tests)}
        assert set(numbers) <= naming


def test_every_test_of_an_attack_is_in_the_table() -> None:
    """No test here proves something that the table does not know of."""
    named = {test for case in CASES for test in case.tests}
    files = [path for path in (_TESTS / "attacks").glob("test_*.py") if path != Path(__file__)]
    there = {f"attacks/{path.name}::{function}" for path in files for function in _functions(path)}
    assert sorted(there - named) == []


def _exists(name: str) -> bool:
    path, _, function = name.partition("::")
    return (_TESTS / path).is_file() and function in _functions(_TESTS / path)


@cache
def _functions(path: Path) -> frozenset[str]:
    module = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name for node in module.body if isinstance(node, kinds) and node.name.startswith("test_")
    )
