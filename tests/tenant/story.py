"""A login's history in the words of the page for people."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.tenant.jwtview import view
from tests.tenant.logins import OPEN, Login, Status

_WORDS = {
    Status.LOGIN: "at the login page",
    Status.AUTHENTICATED: "password given",
    Status.RUNNING: "Actions are running",
    Status.SUSPENDED: "waits for an answer",
    Status.FINISHED: "finished",
    Status.DENIED: "denied",
    Status.EVICTED: "ended: too many logins were open, or a new password",
}


def summary(login: Login, *, now: float, lifetime: float) -> dict[str, Any]:
    """One line of the list."""
    over = login.status in OPEN and now - login.created_at > lifetime
    return {
        "id": login.id,
        "status": "too old" if over else _WORDS[login.status],
        "kind": "ended" if over else login.status.value,
        "open": login.status in OPEN and not over,
        "action": None if over else login.waiting_action,
        "age": _ago(now - login.created_at),
        "user": login.user_id or "nobody yet",
        "application": login.client.name or login.client.client_id,
        "protocol": login.protocol,
        "state": login.state,
    }


def chapters(login: Login) -> list[dict[str, Any]]:
    """Everything that happened, oldest first; tokens are decoded."""
    return [_chapter(line, login) for line in login.history]


def _chapter(line: dict[str, Any], login: Login) -> dict[str, Any]:
    match line["event"]:
        case "redirected":
            secrets = _secrets(login, line["action"])
            query = {name: values[-1] for name, values in _query(line["url"]).items()}
            return {**line, "place": line["url"].partition("?")[0], "parameters": _shown(query, secrets)}
        case "continued":
            secrets = _secrets(login, line["action"])
            parameters = [
                parameter
                for where in ("query", "body")
                for parameter in _shown(line[where], secrets, where=where)
            ]
            return {**line, "parameters": parameters}
        case _:
            return line


def _secrets(login: Login, name: str) -> dict[str, str]:
    return next((action.secrets for action in login.actions if action.name == name), {})


def _shown(
    values: dict[str, Any], secrets: dict[str, str], *, where: str | None = None
) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "where": where, "token": view(value, secrets)}
        for name, value in values.items()
    ]


def _query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


def _ago(seconds: float) -> str:
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
