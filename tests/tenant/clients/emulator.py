"""The tenant as its clients meet it: a process with both listeners, and a browser to log in with."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup

from tests.support.processes import base_environment
from tests.support.run_folder import ROOT

USER, EMAIL, PASSWORD = "auth0|ann", "ann@example.org", "ann-has-a-password"
WEB, WEB_SECRET = "WebWebWebWebWebWebWebWebWebWeb12", "web-secret"
SPA = "SpaSpaSpaSpaSpaSpaSpaSpaSpaSpa12"
MACHINE, MACHINE_SECRET = "MacMacMacMacMacMacMacMacMacMac12", "machine-secret"
TELEVISION = "TelTelTelTelTelTelTelTelTelTel12"
ORGANIZATION = "org_acme"
READER, READER_SECRET = "ReaReaReaReaReaReaReaReaReaRea12", "reader-secret"
CALLBACK = "http://127.0.0.4:9/callback"
_MOST_HOPS = 10


def tenant_document(*, callbacks: list[str], spa: str) -> dict[str, Any]:
    """Applications of every kind; `callbacks` are more of the web application, `spa` is an origin."""
    return {
        "tenant": {"id": "acme", "friendly_name": "Acme"},
        "clients": [
            {
                "client_id": WEB,
                "client_secret": WEB_SECRET,
                "name": "Web",
                "callbacks": [CALLBACK, *callbacks],
                "allowed_logout_urls": ["http://127.0.0.4:9", *(_origin(url) for url in callbacks)],
                "grant_types": ["authorization_code", "refresh_token", "password"],
                "organization_usage": "allow",
            },
            {
                "client_id": SPA,
                "client_secret": None,
                "name": "Spa",
                "callbacks": [spa],
                "allowed_logout_urls": [spa],
                "web_origins": [spa],
                "refresh_token_rotation": "rotating",
            },
            {
                "client_id": TELEVISION,
                "client_secret": None,
                "name": "Television",
                "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            },
            {
                "client_id": MACHINE,
                "client_secret": MACHINE_SECRET,
                "name": "Machine",
                "grant_types": ["client_credentials"],
                "scope": "read:users update:users create:users delete:users "
                "read:actions create:actions update:actions delete:actions",
            },
            {
                "client_id": READER,
                "client_secret": READER_SECRET,
                "name": "Reader",
                "grant_types": ["client_credentials"],
                "scope": "read:users",
            },
        ],
        "users": [],
        "organizations": [{"id": ORGANIZATION, "name": "acme", "members": [USER]}],
        "settings": {"device_interval": 1, "organization_names": "on"},
        "rate_limit": {"profile": "off"},
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Emulator:
    """A running tenant: its two origins, and its control plane."""

    http: str
    https: str
    ca: Path
    control: httpx.Client

    def origin(self, scheme: str) -> str:
        """The listener of this scheme."""
        return self.https if scheme == "https" else self.http

    def steer(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control plane; its JSON, if it has some."""
        answer = self.control.request(method, f"{self.http}/__control{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """One person as at the beginning, no Action, no fault, no limit, an empty log."""
        person = {
            "email": EMAIL,
            "password": PASSWORD,
            "given_name": "Ann",
            "app_metadata": {"plan": "gold", "nested": {"a": 1, "b": 2}},
        }
        self.steer("PUT", f"/users/{quote(USER, safe='')}", person)
        self.steer("PUT", "/actions", [])
        self.steer("DELETE", "/faults")
        self.steer("POST", "/rate", {"profile": "off"})
        self.steer("DELETE", "/log")

    def plant(self, match: str, **fault: Any) -> None:
        """Plant a fault for the next request that matches."""
        self.steer("POST", "/faults", {"match": match, "times": 1, **fault})

    def calls(self, match: str) -> list[dict[str, Any]]:
        """Logged requests that match, oldest first."""
        entries: list[dict[str, Any]] = self.steer("GET", f"/log?{urlencode({'match': match})}")["entries"]
        return entries

    def user(self) -> dict[str, Any]:
        """The one person as stored."""
        user: dict[str, Any] = self.steer("GET", f"/users/{quote(USER, safe='')}")
        return user


@contextmanager
def running_emulator(folder: Path, *, callbacks: list[str], spa: str) -> Iterator[Emulator]:
    """Start the emulator as its README says, on free ports, with a CA of its own."""
    config = folder / "tenant.yaml"
    config.write_text(json.dumps(tenant_document(callbacks=callbacks, spa=spa)), encoding="utf-8")
    listeners = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--ca-dir", str(folder / "ca")]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tenant", "--config", str(config), *listeners],
        cwd=ROOT,
        env=base_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, httpx.Client() as control:
        try:
            ready = json.loads(process.stdout.readline() if process.stdout else "")
            yield Emulator(ready["http"], ready["https"], Path(ready["ca"]), control)
        finally:
            process.terminate()


class Visitor:
    """A browser without scripts: follows redirects, keeps Secure cookies of loopback http, logs Ann in."""

    def __init__(self, ca: Path) -> None:
        self._client = httpx.Client(verify=ssl.create_default_context(cafile=ca))
        self._cookies: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def send(self, method: str, url: str, *, form: dict[str, str] | None = None) -> httpx.Response:
        """One request with the cookies of its host."""
        jar = self._cookies.setdefault(urlsplit(url).hostname or "", {})
        header = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = self._client.request(method, url, data=form, headers={"Cookie": header} if header else {})
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            jar[name] = value
            if not value:
                del jar[name]
        return answer

    def go(self, url: str, *, until: str) -> str:
        """Follow redirects and log in where asked to; the first address that begins with `until`."""
        answer = self.send("GET", url)
        for _ in range(_MOST_HOPS):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["Location"])
                if url.startswith(until):
                    return url
                answer = self.send("GET", url)
            else:
                answer = self._log_in(answer)
        raise AssertionError(f"no way from {url} to {until}")

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow redirects and log in where asked to, to a page that asks for nothing."""
        for _ in range(_MOST_HOPS):
            if answer.is_redirect:
                answer = self.send("GET", urljoin(str(answer.url), answer.headers["Location"]))
            elif urlsplit(str(answer.url)).path == "/u/login":
                answer = self._log_in(answer)
            else:
                break
        return answer

    def _log_in(self, page: httpx.Response) -> httpx.Response:
        assert page.status_code == 200, page.text
        state = BeautifulSoup(page.text, "html.parser").select_one("input[name=state]")
        assert state is not None, page.text
        form = {"state": str(state["value"]), "username": EMAIL, "password": PASSWORD, "action": "default"}
        return self.send("POST", str(page.url), form=form)


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def authorize_url(origin: str, **changes: str) -> str:
    """/authorize as the web application would send it."""
    values = {
        "client_id": WEB,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email offline_access",
        "state": "app-state",
        "nonce": "app-nonce",
        **changes,
    }
    return f"{origin}/authorize?{urlencode(values)}"
