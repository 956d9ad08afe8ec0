"""Makes docs/screenshots/: every page on a phone and a desktop, by day and by night, and in other scripts.

`./dev screenshots`. A character that no font of the machine has fails; pngquant makes the pictures small.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup
from playwright.async_api import Browser, async_playwright

from tests.gateway.gallery import GALLERY, LANGUAGES, ORIGIN, Shown, hang
from tests.support.chromium import launch
from tests.support.errors import ProcessFailedError, SupportError
from tests.support.run_folder import ROOT

FOLDER = ROOT / "docs" / "screenshots"
_SIZES = {"phone": (375, 740), "desktop": (1100, 760)}
_COLOURS = "64"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the pages are photographed."""

    device: str
    scheme: str
    language: str = "en"

    @property
    def suffix(self) -> str:
        parts = (self.device, self.scheme) if self.language == "en" else (self.device, self.language)
        return "-".join(parts)


SETTINGS = (
    Setting(device="phone", scheme="light"),
    Setting(device="phone", scheme="dark"),
    Setting(device="desktop", scheme="light"),
    Setting(device="desktop", scheme="dark"),
)
# Pages that say more than one thing are seen in the scripts that break what nobody looked at.
OTHER_SCRIPTS = (
    Setting(device="phone", scheme="light", language="ar"),
    Setting(device="phone", scheme="light", language="ja"),
)


def main() -> int:
    """Make all pictures anew; 1 if something is missing."""
    try:
        _check_fonts()
        FOLDER.mkdir(parents=True, exist_ok=True)
        for old in FOLDER.glob("*.png"):
            old.unlink()
        asyncio.run(_photograph())
        _make_small()
        _list()
    except SupportError as exc:
        _say(f"No screenshots: {exc}")
        return 1
    pictures = list(FOLDER.glob("*.png"))
    size = sum(picture.stat().st_size for picture in pictures)
    _say(f"{FOLDER.relative_to(ROOT)}: {len(pictures)} pictures, {size / 1_000_000:.1f} MB")
    return 0


def _settings(name: str) -> Iterator[Setting]:
    yield from SETTINGS
    if not name.startswith("error-"):
        yield from OTHER_SCRIPTS


async def _photograph() -> None:
    async with async_playwright() as playwright, await launch(playwright) as browser:
        for setting in (*SETTINGS, *OTHER_SCRIPTS):
            await _photograph_all(browser, setting)


async def _photograph_all(browser: Browser, setting: Setting) -> None:
    width, height = _SIZES[setting.device]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if setting.scheme == "dark" else "light",
        java_script_enabled=False,  # some pages post themselves at once
        reduced_motion="reduce",
    )
    window = await context.new_page()
    await hang(window)
    for name in GALLERY:
        if setting in _settings(name):
            await window.goto(ORIGIN + Shown(name=name, language=setting.language).path)
            await window.screenshot(path=FOLDER / f"{name}-{setting.suffix}.png", full_page=True)
    await context.close()


def _check_fonts() -> None:
    """Every character of every page must be in some font, or people would see boxes in the pictures."""
    shown = {
        character
        for name in GALLERY
        for language in LANGUAGES
        for character in BeautifulSoup(Shown(name=name, language=language.tag).html, "html.parser").get_text()
        if character.isprintable()
    }
    there = _characters_of_fonts()
    missing = sorted(character for character in shown if ord(character) not in there)
    if missing:
        raise ProcessFailedError(f"no font has {' '.join(f'U+{ord(one):04X}' for one in missing[:20])}")


def _characters_of_fonts() -> frozenset[int]:
    told = subprocess.run(
        ["fc-list", "--format", "%{charset}\n"], capture_output=True, text=True, check=True
    ).stdout
    there: set[int] = set()
    for block in set(told.split()):
        first, _, last = block.partition("-")
        there.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(there)


def _make_small() -> None:
    pictures = [str(picture) for picture in sorted(FOLDER.glob("*.png"))]
    command = ["pngquant", "--force", "--ext", ".png", "--strip", "--speed", "3", _COLOURS, "--", *pictures]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProcessFailedError("pngquant failed", last_lines=tuple(done.stderr.splitlines()[-3:]))


def _list() -> None:
    """A page on which all of them can be seen."""
    lines = ["# Every page", "", "Made by `./dev screenshots` from the gallery of the tests.", ""]
    for name in GALLERY:
        lines += [f"## {name}", ""]
        lines += [f"![{name}, {one.suffix}]({name}-{one.suffix}.png)" for one in _settings(name)]
        lines.append("")
    Path(FOLDER / "README.md").write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
