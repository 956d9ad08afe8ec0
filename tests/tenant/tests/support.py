"""A tenant in this process, over real HTTP and with a real Node child, and a browser that drives it."""

import base64
import hashlib
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from yarl import URL

from tests.tenant.app import create_app
from tests.tenant.config import load_config
from tests.tenant.keys import Keys
from tests.tenant.node import ActionRunner
from tests.tenant.settings import settings_of_environment

SECRET = "answer-secret-of-32-bytes-or-more"
CLIENT = "WebWebWebWebWebWebWebWebWebWeb12"
PUBLIC = "SpaSpaSpaSpaSpaSpaSpaSpaSpaSpa12"
CALLBACK = "http://127.0.0.4:9/callback"
USER = "auth0|ann"
EMAIL = "ann@example.org"
PASSWORD = "ann-has-a-password"

# Tests read in an error_description what an Action threw; the other variant has tests of its own.
_SPOKEN = {"action_error_text": "message"}
_host: ContextVar[str] = ContextVar("host", default="nowhere")  # of the tenant that a test runs

REDIRECTING = """
exports.onExecutePostLogin = async (event, api) => {
  api.transaction.setMetadata('jti', 'j1');
  const token = api.redirect.encodeToken({ secret: event.secrets.SECRET, payload: { jti: 'j1' } });
  api.redirect.sendUserTo('http://127.0.0.3:9/start/acme/login', { query: { session_token: token } });
};
exports.onContinuePostLogin = async (event, api) => {
  const answer = api.redirect.validateToken({ secret: event.secrets.SECRET });
  api.idToken.setCustomClaim('https://example.org/answer', answer.result);
};
"""


@cache
def shared_keys() -> Keys:
    """RSA keys are slow to make; tests that do not rotate them share a set."""
    return Keys()


def document(**changes: Any) -> dict[str, Any]:
    """A tenant file with two applications, a machine and one person."""
    return {
        "tenant": {"id": "acme", "friendly_name": "Acme"},
        "clients": [
            {
                "client_id": CLIENT,
                "client_secret": "web-secret",
                "name": "Web",
                "callbacks": [CALLBACK],
                "allowed_logout_urls": ["http://127.0.0.4:9"],
                "grant_types": ["authorization_code", "refresh_token", "password"],
                "client_metadata": {"flag": "on"},
            },
            {
                "client_id": PUBLIC,
                "client_secret": None,
                "name": "Spa",
                "callbacks": [CALLBACK],
                "web_origins": ["http://127.0.0.4:9"],
                "initiate_login_uri": "https://app.example.org/login",
            },
            {
                "client_id": "machine",
                "client_secret": "machine-secret",
                "name": "Sync",
                "grant_types": ["client_credentials"],
                "scope": "read:users update:users create:users delete:users",
            },
        ],
        "users": [
            {
                "user_id": USER,
                "email": EMAIL,
                "password": PASSWORD,
                "given_name": "Ann",
                "app_metadata": {"plan": "gold", "nested": {"a": 1, "b": 2}},
            }
        ],
        "rate_limit": {"profile": "off"},
        **changes,
        "settings": {**_SPOKEN, **changes.get("settings", {})},
    }


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: Any
    text: str

    @property
    def location(self) -> URL:
        """Where it redirects to."""
        return URL(self.headers["Location"], encoded=True)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of that place."""
        return dict(URL(self.headers["Location"]).query)

    @property
    def json(self) -> Any:
        """Its body as JSON."""
        return json.loads(self.text)


@dataclass
class Tenant:
    """A running tenant and one browser."""

    base: str
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        """One request, without following redirects."""
        url = URL(path if path.startswith("http") else f"{self.base}{path}", encoded=True)
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def authorize(self, *, client_id: str = CLIENT, **params: str) -> Answer:
        """/authorize as a web application sends it."""
        values = {
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email offline_access",
            "state": "app-state",
            "nonce": "app-nonce",
            **params,
        }
        return await self.send("GET", str(URL("/authorize").with_query(values)))

    async def log_in(self, *, client_id: str = CLIENT, **params: str) -> Answer:
        """From /authorize over the login page to what follows /authorize/resume."""
        page = await self.authorize(client_id=client_id, **params)
        submitted = await self.submit_password(page.query["state"])
        return await self.send("GET", str(submitted.location))

    async def submit_password(self, state: str, *, username: str = EMAIL, password: str = PASSWORD) -> Answer:
        """The login form."""
        form = {"state": state, "username": username, "password": password, "action": "default"}
        return await self.send("POST", "/u/login", data=form)

    async def continue_(self, state: str, token: str, *, method: str = "POST") -> Answer:
        """The way back from a redirect: a form that posts itself, or a link."""
        if method == "GET":
            return await self.send("GET", f"/continue?state={state}&session_token={token}")
        return await self.send(
            "POST", f"/continue?state={state}", data={"state": state, "session_token": token}
        )

    async def token(self, **values: str) -> Answer:
        """One form to /oauth/token."""
        return await self.send("POST", "/oauth/token", data=values)

    async def exchange(self, code: str, **changes: str) -> Answer:
        """A code for tokens."""
        values = {
            "grant_type": "authorization_code",
            "client_id": CLIENT,
            "client_secret": "web-secret",
            "code": code,
            "redirect_uri": CALLBACK,
        }
        return await self.token(**{**values, **changes})

    async def machine_token(self) -> str:
        """A token for the Management API."""
        audience = f"{self.base.replace('http://', 'https://')}/api/v2/"
        answer = await self.token(
            grant_type="client_credentials",
            client_id="machine",
            client_secret="machine-secret",
            audience=audience,
        )
        return str(answer.json["access_token"])

    async def manage(self, method: str, path: str, token: str, **options: Any) -> Answer:
        """One call of the Management API."""
        return await self.send(
            method, f"/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, **options
        )

    async def patch_user(self, body: Any) -> Answer:
        """PATCH the one person."""
        return await self.manage("PATCH", "/users/auth0%7Cann", await self.machine_token(), json=body)

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        """One call of the control plane."""
        return await self.send(method, f"/__control{path}", json=body)

    async def user(self) -> dict[str, Any]:
        """The one person as stored."""
        answer = await self.control("GET", "/users/auth0%7Cann")
        user: dict[str, Any] = answer.json
        return user

    async def id_claims(self, answer: Answer) -> dict[str, Any]:
        """Claims of the ID token that a callback's code buys."""
        tokens = await self.exchange(answer.query["code"])
        return claims_of(tokens.json["id_token"])


def answer_token(state: str, /, *, secret: str = SECRET, **changes: Any) -> str:
    """What comes back at /continue; None removes a claim, and `iss` is one that every variant takes."""
    now = int(time.time())
    claims = {
        "iss": _host.get(),
        "sub": USER,
        "iat": now,
        "exp": now + 120,
        "state": state,
        "result": "fine",
    }
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, secret, algorithm="HS256")


def claims_of(token: str) -> dict[str, Any]:
    """Claims without a look at the signature."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def pkce(verifier: str) -> str:
    """The S256 challenge of RFC 7636."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def state_parts(state: str) -> list[str]:
    """Texts of a packed state in their order."""
    data = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
    return [part.decode() for part in re.findall(rb"[A-Za-z0-9_-]+", data)]


@asynccontextmanager
async def run_tenant(
    folder: Path, *, actions: dict[str, str] | None = None, keys: Keys | None = None, **changes: Any
) -> AsyncIterator[Tenant]:
    """Start a tenant whose Actions are given as name and source text."""
    bound = []
    for name, code in (actions or {}).items():
        (folder / f"{name}.js").write_text(code, encoding="utf-8")
        bound.append({"name": name, "code": f"{name}.js", "secrets": {"SECRET": SECRET}})
    path = folder / "tenant.yaml"
    path.write_text(json.dumps(document(actions=bound, **changes)), encoding="utf-8")
    config = load_config(path, defaults=settings_of_environment(os.environ))
    async with AsyncExitStack() as stack:
        runner = ActionRunner(timeout=config.choices.action_timeout)
        stack.push_async_exit(runner)  # not entered: Node starts when the first Action runs
        app = create_app(config, runner=runner, keys=keys or shared_keys())
        web_runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        stack.push_async_callback(web_runner.cleanup)
        await web_runner.setup()
        await web.TCPSite(web_runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{web_runner.addresses[0][1]}"
        _host.set(base.removeprefix("http://"))
        session = await stack.enter_async_context(browser(base))
        yield Tenant(base, session)


def browser(base: str) -> aiohttp.ClientSession:
    """A client that keeps Secure cookies of loopback http, as Chromium does."""
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[URL(base)])
    return aiohttp.ClientSession(cookie_jar=jar)
