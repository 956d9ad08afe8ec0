"""Every choice that could not be verified on a real tenant, in one table.

A name of this table under `settings:` of the tenant file selects another variant.
"""

from dataclasses import dataclass, field, fields
from typing import Any


def _choice(default: str, *others: str, meaning: str) -> Any:
    return field(default=default, metadata={"variants": (default, *others), "meaning": meaning})


def _number(default: float, *, meaning: str) -> Any:
    return field(default=default, metadata={"variants": (), "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The table; a field with variants takes one of them, any other takes a number."""

    continue_state_source: str = _choice(
        "any",
        "body",
        "query",
        meaning="where validateToken takes the state of /continue from (any: body wins)",
    )
    continue_cookie: str = _choice(
        "required",
        "off",
        meaning="whether /continue, /u/login and /authorize/resume demand the browser's cookie",
    )
    continue_error_status: float = _number(400, meaning="status of the invalid_request page")
    double_continue: str = _choice(
        "invalid_request", "repeat", meaning="a second /continue: the error page, or the same redirect again"
    )
    validate_issuer: str = _choice(
        "presence", "hostname", meaning="validateToken wants any iss, or exactly event.request.hostname"
    )
    validate_leeway: float = _number(0, meaning="seconds that validateToken allows after exp")
    redirect_url_once: str = _choice(
        "path",
        "url",
        "off",
        meaning="what may be redirected to only once in a login: URL without query, or with",
    )
    redirects_per_action: str = _choice(
        "many", "one", meaning="whether an Action may redirect again on resume"
    )
    action_error_text: str = _choice(
        "message",
        "generic",
        meaning="error_description when an Action throws: its message, or one fixed text",
    )
    failed_action_writes: str = _choice(
        "dropped", "kept", meaning="what becomes of set*Metadata calls of an Action that throws afterwards"
    )
    action_timeout: float = _number(20, meaning="seconds of one Action execution (20 is documented)")
    action_metadata_deadline: float = _number(
        0, meaning="seconds that set*Metadata waits for the Management bucket before 'Deadline Exceeded'"
    )
    cache_on_resume: str = _choice("dropped", "kept", meaning="what happens to api.cache across a redirect")
    console_limit: float = _number(
        256, meaning="characters of console output kept of one Action (documented)"
    )
    unknown_client_status: float = _number(400, meaning="status of the page for an unknown client_id")
    callback_mismatch_status: float = _number(403, meaning="status of the page for an unlisted redirect_uri")
    wrong_password_status: float = _number(400, meaning="status of the login page after a wrong password")
    blocked_redirect_status: float = _number(
        403, meaning="status of /oauth/token when an Action redirects in a password or refresh grant"
    )
    client_auth_error: str = _choice(
        "access_denied",
        "invalid_client",
        meaning="error of /oauth/token for an unknown client or wrong secret",
    )
    transaction_lifetime: float = _number(
        3600, meaning="seconds from /authorize to the last step (documented)"
    )
    transactions_per_browser: float = _number(
        10, meaning="open logins of a browser before the oldest is evicted"
    )
    code_lifetime: float = _number(60, meaning="seconds an authorization code lives")
    session_lifetime: float = _number(30 * 86400, meaning="seconds a session lives at most")
    session_idle_lifetime: float = _number(3 * 86400, meaning="seconds a session lives unused")
    cookie_mode: str = _choice(
        "none_secure",
        "lax_on_http",
        meaning="SameSite=None; Secure everywhere, or Lax on a plain http listener",
    )
    limit_body: str = _choice("full", "short", meaning="429 body with message and errorCode, or without them")
    retry_after: str = _choice("off", "on", meaning="whether a 429 carries Retry-After")
    write_users_row: str = _choice(
        "on", "off", meaning="profile essentials: a row of its own for user writes, or 'all other endpoints'"
    )
    search_lag: float = _number(0, meaning="seconds by which GET /api/v2/users lags behind")
    password_change_kills_logins: str = _choice(
        "off", "on", meaning="whether a new password also ends logins that wait at a redirect"
    )


@dataclass(frozen=True)
class Row:
    """One row of the table as a page shows it; no variants means any number."""

    name: str
    default: str | float
    variants: tuple[str, ...]
    meaning: str


def table() -> tuple[Row, ...]:
    """All rows in the order above."""
    return tuple(
        Row(item.name, item.default, item.metadata["variants"], item.metadata["meaning"])
        for item in fields(Choices)
        if isinstance(item.default, str | int | float)
    )
