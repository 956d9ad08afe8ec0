"""The machine's own Chromium, for tests and pictures."""

import shutil

from playwright.async_api import Browser, Playwright

from tests.support.errors import MissingToolError

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


async def launch(playwright: Playwright) -> Browser:
    """A browser without a window.

    Raises:
        MissingToolError: there is no Chromium.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise MissingToolError("Chromium is not installed (Debian: apt-get install chromium).")
    return await playwright.chromium.launch(executable_path=program, args=_FLAGS)
