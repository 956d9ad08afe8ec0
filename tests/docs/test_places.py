import re
from pathlib import Path

import pytest

from tests.docs.markdown import Page, pages
from tests.support.run_folder import ROOT

_HOMES = re.compile(r"/(?:home|root|Users|tmp)/")
_REGISTRIES = re.compile(r"pypi|pythonhosted|npmjs|docker\.io|ghcr\.io|quay\.io|crates\.io|debian\.org")
_BUILT_FROM = [path for pattern in ("requirements*.txt", "pyproject.toml") for path in ROOT.glob(pattern)]


def places_of_this_machine() -> re.Pattern[str]:
    """Where this checkout is, and what lies beside it."""
    places = "|".join(re.escape(str(place)) for place in (ROOT, ROOT.parent) if len(place.parts) > 1)
    return re.compile(rf"(?<![\w.-])(?:{places})/")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_place_of_a_machine(page: Page) -> None:
    """No page names a folder of the machine that it was written on."""
    assert _HOMES.findall(page.text) == []
    assert places_of_this_machine().findall(page.text) == []


@pytest.mark.parametrize("path", [*_BUILT_FROM, *(page.path for page in pages())], ids=lambda path: path.name)
def test_no_registry(path: Path) -> None:
    """No page and no list of requirements names a package registry: the reader decides."""
    assert _REGISTRIES.findall(path.read_text(encoding="utf-8")) == []
