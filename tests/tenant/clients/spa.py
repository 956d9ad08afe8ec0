"""A single-page application with auth0-spa-js, and the Chromium that opens it."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright

from tests.support.errors import MissingToolError
from tests.tenant.clients.emulator import EMAIL, PASSWORD, SPA

_PAGE = Path(__file__).with_name("scripts") / "spa.html"
_LIBRARY = "@auth0/auth0-spa-js/dist/auth0-spa-js.production.js"
_PATIENCE_MS = 30_000
_SILENT_SECONDS = 20
_QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def serving_spa(origin: str, packages: Path) -> Iterator[None]:
    """Serve the page and its library at an origin of this machine."""
    files = {"/": ("text/html", _PAGE), "/auth0-spa-js.js": ("text/javascript", packages / _LIBRARY)}

    class Handler(BaseHTTPRequestHandler):
        """Two files; every other path is the page, as routers of such applications want it."""

        def do_GET(self) -> None:
            """Send one file."""
            kind, path = files.get(urlsplit(self.path).path, files["/"])
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(path.read_bytes())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    parts = urlsplit(origin)
    with ThreadingHTTPServer((parts.hostname or "", parts.port or 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running_chromium(
    playwright: Playwright, profile: Path, *, third_party_cookies: bool
) -> Iterator[Browser]:
    """Chromium without a screen, which tries no host but those it is sent to.

    Private windows keep cookies from frames of other sites unless the profile says otherwise, and silent
    authentication across sites lives on those.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise MissingToolError("Chromium is not installed (Debian: apt-get install chromium).")
    preferences = {"profile": {"cookie_controls_mode": 0 if third_party_cookies else 1}}
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences), encoding="utf-8")
    context = playwright.chromium.launch_persistent_context(profile, executable_path=program, args=[*_QUIET])
    assert context.browser is not None
    yield context.browser
    context.close()


class SinglePageApplication:
    """The application in one tab; `domain` is the tenant's origin, whichever scheme it has."""

    def __init__(self, page: Page, *, origin: str, domain: str, **options: Any) -> None:
        self.page = page
        self.origin = origin
        self.options = {
            "domain": domain,
            "clientId": SPA,
            "authorizationParams": {"redirect_uri": origin, "scope": "openid profile email"},
            "authorizeTimeoutInSeconds": _SILENT_SECONDS,
            "cacheLocation": "localstorage",
            **options,
        }
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(origin)

    def call(self, method: str, *args: Any) -> dict[str, Any]:
        """One method of auth0-spa-js: `result`, or `error`, `description` and `name`."""
        script = "([method, options, args]) => window.run(method, options, ...args)"
        answer: dict[str, Any] = self.page.evaluate(script, [method, self.options, list(args)])
        return answer

    def leave(self, method: str, *args: Any) -> None:
        """A method that ends in a navigation to another origin."""
        script = "([method, options, args]) => { window.run(method, options, ...args); }"
        with self.page.expect_navigation(wait_until="load"):
            self.page.evaluate(script, [method, self.options, list(args)])

    def log_in(self) -> dict[str, Any]:
        """Over the login page and back; what the client made of the callback."""
        self.leave("loginWithRedirect")
        self.page.fill("#username", EMAIL)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[name=action][value=default]")
        self.page.wait_for_url(f"{self.origin}/?*")
        return self.finish()

    def finish(self) -> dict[str, Any]:
        """What the client makes of the callback in the address bar."""
        answer = self.call("handleRedirectCallback")
        self.page.evaluate("history.replaceState(null, '', '/')")
        return answer

    def user(self) -> dict[str, Any] | None:
        """Whom the client takes for logged in."""
        user: dict[str, Any] | None = self.call("getUser")["result"]
        return user

    def fresh_token(self) -> dict[str, Any]:
        """An access token that does not come from the cache."""
        return self.call("getTokenSilently", {"cacheMode": "off"})
