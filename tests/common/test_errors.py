"""The tree of errors in the docstring is the one that the code has."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import common
from common import errors
from common.errors import WaystationError


def test_the_tree() -> None:
    """Every error of the shared package is drawn once, below its base, with its module."""
    for module in pkgutil.iter_modules(common.__path__):
        importlib.import_module(f"common.{module.name}")
    assert sorted(_drawn()) == sorted(_defined(WaystationError, depth=1))


def _drawn() -> Iterator[tuple[int, str, str]]:
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"((?:│   |    )*)[├└]── (\w+) +(\w+)\.py", line)
        if found:
            yield len(found[1]) // 4 + 1, found[2], found[3]


def _defined(base: type[WaystationError], *, depth: int) -> Iterator[tuple[int, str, str]]:
    for error in base.__subclasses__():
        package, _, module = error.__module__.partition(".")
        if package == "common":
            yield depth, error.__name__, module
            yield from _defined(error, depth=depth + 1)
