"""What the bench of the tenant emulator asks of it: logins, tokens, PATCHes."""

import http.client
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, CALLBACK = "WebWebWebWebWebWebWebWebWebWeb12", "http://127.0.0.4:9/callback"
_PASSWORD = "everybody-has-this-one"
_LOGIN = {
    "client_id": CLIENT,
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid profile email",
    "state": "app-state",
}
_MACHINE = {
    "grant_type": "client_credentials",
    "client_id": "machine",
    "client_secret": "machine-secret",
}


def tenant_document(*, users: int, actions: dict[str, str]) -> dict[str, Any]:
    """A tenant file; `actions` are names and files."""
    return {
        "tenant": {"id": "bench"},
        "clients": [
            {"client_id": CLIENT, "client_secret": "web-secret", "name": "Web", "callbacks": [CALLBACK]},
            {
                "client_id": "machine",
                "client_secret": "machine-secret",
                "grant_types": ["client_credentials"],
                "scope": "update:users",
            },
        ],
        "users": [
            {"user_id": f"auth0|{number}", "email": f"user{number}@example.org", "password": _PASSWORD}
            for number in range(users)
        ],
        "actions": [{"name": name, "code": code} for name, code in actions.items()],
        "rate_limit": {"profile": "off"},
        "settings": {"action_timeout": 1},
    }


class Browser:
    """One person's browser, without anything that costs."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=30)
        self._cookie = ""

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send(self, method: str, target: str, form: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Status, Location and body."""
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, target, urlencode(form) if form else None, headers)
        response = self._connection.getresponse()
        body = response.read()
        if (cookie := response.headers.get("Set-Cookie")) is not None:
            self._cookie = cookie.partition(";")[0]
        return response.status, response.headers.get("Location", ""), body

    def log_in(self, user: int) -> str:
        """From /authorize over the login page to where the last redirect leads."""
        _, page, _ = self.send("GET", f"/authorize?{urlencode(_LOGIN)}")
        state = parse_qs(urlsplit(page).query)["state"][0]
        person = {"username": f"user{user}@example.org", "password": _PASSWORD}
        _, resume, _ = self.send("POST", "/u/login", {"state": state, **person})
        _, location, _ = self.send("GET", urlsplit(resume)._replace(scheme="", netloc="").geturl())
        return location

    def machine_token(self, host: str) -> str:
        """A token for the Management API."""
        form = {**_MACHINE, "audience": f"https://{host}/api/v2/"}
        _, _, body = self.send("POST", "/oauth/token", form)
        return str(json.loads(body)["access_token"])


def patch_request(*, host: str, token: str, user: int, number: int) -> bytes:
    """One PATCH of a user's app_metadata, as metadata-sync would send it."""
    step = {"v": 1, "rev": number, "status": "passed", "level": "document_validated", "reason": None}
    body = json.dumps({"app_metadata": {"waystation_idproof": step}}).encode()
    head = (
        f"PATCH /api/v2/users/auth0%7C{user} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
