"""Makes docs/images/login.png: four pages of one login on a real stack, side by side, as a phone shows them.

`python -m tests.docs.pictures`. Scripts are off in the browser, so that no page goes on before it was
photographed: each works without them.
"""

import base64
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.support.errors import MissingToolError, SupportError
from tests.support.interrupts import interruptible
from tests.support.local import local_stack
from tests.support.run_folder import ROOT
from tests.support.stack import Stack

PICTURE = ROOT / "docs" / "images" / "login.png"

_PHONE = (375, 667)
_GAP = 16
_SCALE = 0.66
_PATIENCE_MS = 20_000


def main() -> int:
    """Make the picture anew; 1 if something could not be started or did not look as it should."""
    with interruptible():
        try:
            with local_stack("pictures", say=_say) as stack, _browser() as browser:
                PICTURE.parent.mkdir(exist_ok=True)
                PICTURE.write_bytes(_side_by_side(browser, tuple(_photographs(browser, stack))))
        except SupportError as exc:
            _say(f"No picture: {exc}")
            return 1
    _say(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")
    return 0


@contextmanager
def _browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise MissingToolError("Chromium is not installed (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _photographs(browser: Browser, stack: Stack) -> Iterator[bytes]:
    """One login, walked through by clicks; a PNG of each page worth showing."""
    person = stack.tenant.person
    width, height = _PHONE
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False, color_scheme="light"
    )
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{stack.origins.app}/login")
    page.fill("input[type=email], input[name=username]", person.email)
    page.fill("input[type=password]", person.password)
    page.click("button[type=submit]")
    page.wait_for_selector("form#claim")
    yield page.screenshot()
    page.click("form#claim button")
    page.fill("textarea#mrz", "\n".join(person.mrz()))
    yield page.screenshot()
    page.click("form#identity button")
    page.wait_for_selector("form#continue")  # without scripts the waiting page renews itself
    yield page.screenshot()
    page.click("form#continue button")
    page.click("form#hand-back button")
    page.wait_for_selector("form#logout")
    yield page.screenshot()
    context.close()


def _side_by_side(browser: Browser, pictures: Sequence[bytes]) -> bytes:
    """One PNG of all pictures in a row, smaller."""
    width, height = (round(side * _SCALE) for side in _PHONE)
    sources = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    images = "".join(f'<img src="{source}" width="{width}" height="{height}">' for source in sources)
    page = browser.new_page(
        viewport={"width": _GAP + len(pictures) * (width + _GAP), "height": height + 2 * _GAP}
    )
    page.set_content(
        f"<style>body {{ margin: {_GAP}px; display: flex; gap: {_GAP}px; background: #c9d1db; }}"
        f"img {{ border-radius: 10px; }}</style>{images}"
    )
    return page.screenshot()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
