import pytest

from tests.docs.markdown import Page, pages
from tests.support.run_folder import ROOT

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    """Every relative link of every page leads to a file of the project, and its anchor to a heading there."""
    assert [link.label for link in page.links() if not leads_somewhere(page, link.target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_definitions_are_used(page: Page) -> None:
    """A page defines no link that it does not use."""
    assert page.unused_definitions() == set()


def test_every_page_is_found() -> None:
    """Whoever reads the README can reach every other page by links."""
    reached = {ROOT / "README.md"}
    ahead = [Page(ROOT / "README.md")]
    while ahead:
        for page in linked_pages(ahead.pop()):
            if page.path not in reached:
                reached.add(page.path)
                ahead.append(page)
    assert [page.name for page in PAGES if page.path not in reached] == []


def leads_somewhere(page: Page, target: str) -> bool:
    if target.startswith("https://"):
        return True
    path, _, anchor = target.partition("#")
    found = (page.path.parent / path).resolve() if path else page.path
    if not target or not found.exists() or not found.is_relative_to(ROOT):
        return False
    return not anchor or anchor in Page(found).anchors()


def linked_pages(page: Page) -> list[Page]:
    targets = (link.target.partition("#")[0] for link in page.links())
    return [Page((page.path.parent / target).resolve()) for target in targets if target.endswith(".md")]
