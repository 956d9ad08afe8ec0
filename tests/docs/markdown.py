"""Markdown, as far as the tests of the documentation need it: links, headings, code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.run_folder import ROOT

_LINK = re.compile(
    r"\[(?P<label>(?:`[^`]+`|[^\[\]`])+)\](?:\((?P<inline>[^)\s]+)\)|\[(?P<reference>[^\]]+)\])"
    r"|`[^`]*`"  # what stands in a code span is no link
)
_DEFINITION = re.compile(r"^\[([^\]]+)\]: (\S+)$", flags=re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", flags=re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link of a page; `target` is as it is written, '' where a reference has no definition."""

    label: str
    target: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Without the code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    def links(self) -> Iterator[Link]:
        definitions = self.definitions()
        for found in _LINK.finditer(self.prose):
            if found["label"]:
                target = found["inline"] or definitions.get(found["reference"], "")
                yield Link(label=found["label"], target=target)

    def definitions(self) -> dict[str, str]:
        """Targets of reference links, by reference."""
        return dict(_DEFINITION.findall(self.prose))

    def unused_definitions(self) -> set[str]:
        return self.definitions().keys() - {found["reference"] for found in _LINK.finditer(self.prose)}

    def anchors(self) -> set[str]:
        """What a link may have after its `#`."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}

    def section(self, title: str) -> str:
        """The text under a heading of the second level."""
        return self.text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def pages() -> list[Page]:
    """Every Markdown file of the project."""
    found = (path for path in ROOT.rglob("*.md") if not _is_hidden(path))
    return [Page(path) for path in sorted(found)]


def code_blocks(text: str, language: str = "") -> list[str]:
    return [content for named, content in _FENCE.findall(text) if named == language]


def _is_hidden(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part.startswith(".") or part == "node_modules" for part in parts)


def _anchor(heading: str) -> str:
    """As code forges make it: lower case, no punctuation, hyphens for blanks."""
    text = re.sub(r"\[([^\]]*)\][(\[][^)\]]*[)\]]", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")
