"""Files that every page shares, each at an address with the hash of its content: caches may keep it.

They are compressed, and pages are not: what a page of a login echoes must not be guessed by its length.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file as browsers get it."""

    name: str
    content: bytes
    gzipped: bytes
    content_type: str

    @property
    def stem(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def suffix(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def url(self) -> str:
        return f"/assets/{self.name}"


def _asset(file: str, content_type: str) -> Asset:
    content = (_FOLDER / file).read_bytes()
    stem, _, suffix = file.partition(".")
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
    gzipped = gzip.compress(content, mtime=0)
    return Asset(name=name, content=content, gzipped=gzipped, content_type=content_type)


SHEET = _asset("style.css", "text/css")
ICON = _asset("icon.svg", "image/svg+xml")
_ALL = (SHEET, ICON)
SCRIPT = (_FOLDER / "page.js").read_text("utf-8")


def find_asset(name: str) -> Asset | None:
    """The asset of that name, whatever its hash: a page of another release asks by another one."""
    stem, suffix = name.rpartition("-")[0], name.rpartition(".")[2]
    return next((asset for asset in _ALL if (asset.stem, asset.suffix) == (stem, suffix)), None)
