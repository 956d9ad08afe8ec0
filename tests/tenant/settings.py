"""Every choice that could not be verified on a real tenant, in one table.

A name of this table under `settings:` of the tenant file selects another variant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from tests.tenant.errors import ConfigError


def _choice(default: str, *others: str, meaning: str) -> Any:
    return field(default=default, metadata={"variants": (default, *others), "meaning": meaning})


def _number(default: float, *, meaning: str) -> Any:
    return field(default=default, metadata={"variants": (), "meaning": meaning})


def _text(default: str, *, meaning: str) -> Any:
    return field(default=default, metadata={"variants": (), "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The table; a field with variants takes one of them, any other a number or a text as its default is.

    `{name}` in a text stands for what it is about.
    """

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
    validate_order: str = _choice(
        "signature", "state", meaning="which check of validateToken comes first and names the refusal"
    )
    validate_leeway: float = _number(0, meaning="seconds that validateToken allows after exp")
    redirect_url_once: str = _choice(
        "path",
        "url",
        "off",
        meaning="what may be redirected to only once in a login: URL without query, or with",
    )
    redirect_state: str = _choice(
        "new", "same", meaning="whether a second redirect of a login gets a state of its own"
    )
    deny_or_redirect: str = _choice("deny", "redirect", meaning="which wins when one Action asks for both")
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
    action_timeout: float = _number(
        20, meaning="seconds of all Actions together, before and after a redirect apart (20 is documented)"
    )
    action_metadata_deadline: float = _number(
        0, meaning="seconds that set*Metadata waits for the Management bucket before 'Deadline Exceeded'"
    )
    cache_on_resume: str = _choice("dropped", "kept", meaning="what happens to api.cache across a redirect")
    console_limit: float = _number(
        256, meaning="characters of console output kept of one Action (documented)"
    )
    continue_cors: str = _choice("off", "on", meaning="whether /continue answers listed origins' scripts")
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
    session_limits_redirects: str = _choice(
        "on", "off", meaning="whether a login at a redirect is over when its session's lifetime is"
    )
    cookie_mode: str = _choice(
        "none_secure",
        "lax_on_http",
        meaning="SameSite=None; Secure everywhere, or Lax on a plain http listener",
    )
    session_cookie: str = _text("auth0", meaning="name of the session cookie; its fallback is {name}_compat")
    refill: str = _choice(
        "window",
        "continuous",
        meaning="rate limits fill at the top of the second or minute, or as time passes "
        "(`rate_limit: {refill}` is the same)",
    )
    device_redirect: str = _choice(
        "followed",
        "interaction_required",
        meaning="an Action's redirect in the browser half of the device flow: followed, or an error",
    )
    device_interval: float = _number(5, meaning="seconds between two polls of a device (documented)")
    device_code_lifetime: float = _number(900, meaning="seconds a device code lives (documented)")
    organization_names: str = _choice(
        "off", "on", meaning="whether /authorize takes an organization's name, and tokens carry org_name"
    )
    unknown_organization_text: str = _text(
        "parameter organization is invalid", meaning="error_description for an organization that is not there"
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
    patch_combinations: str = _choice(
        "any", "separate", meaning="whether one PATCH may change several of email, password and username"
    )
    profile_limit: str = _choice(
        "warn", "refuse", meaning="a profile over 10 KB: written with a warning in the call log, or a 400"
    )
    empty_update_status: float = _number(400, meaning="status of a PATCH whose body is {}")
    denied_grant_status: float = _number(
        403, meaning="status of /oauth/token when an Action denies a password or refresh grant"
    )
    unknown_client_text: str = _text("Unknown client: {client_id}", meaning="words of that page")
    callback_mismatch_text: str = _text(
        "The provided redirect_uri is not in the list of allowed callback URLs: {redirect_uri}",
        meaning="words of that page",
    )
    missing_handler_text: str = _text(
        "The Action {action} does not export {handler}",
        meaning="error_description when an Action that redirected lacks onContinuePostLogin",
    )
    generic_error_text: str = _text(
        "Something went wrong in an Action.", meaning="the text of action_error_text: generic"
    )
    signature_text: str = _text("Failed signature validation", meaning="validateToken: secret or algorithm")
    type_text: str = _text("Unexpected token payload type", meaning="validateToken: typ is not JWT")
    subject_text: str = _text(
        "The sub claim does not match the user_id.", meaning="validateToken: somebody else's token"
    )
    expired_text: str = _text("Token has expired.", meaning="validateToken: too late")
    unknown_audience_text: str = _text(
        "Service not enabled within domain: {audience}", meaning="/oauth/token for an API that is not there"
    )
    blocked_user_text: str = _text("user is blocked", meaning="error_description for a user who is blocked")
    userinfo_refusal_text: str = _text("Unauthorized", meaning="body of the 401 of /userinfo")
    logout_text: str = _text("OK", meaning="body of a logout that leads nowhere")

    def words(self, name: str, **values: str) -> str:
        """The text of one row with its `{names}` filled in."""
        text = str(getattr(self, name))
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", value)
        return text


def mistake_in(name: str, value: Any) -> str | None:
    """What is wrong with a row's value beyond its type."""
    if name.endswith("_status") and not (value == int(value) and 200 <= value <= 599):
        return "must be a status from 200 to 599"
    return None


def parse_settings(pairs: Iterable[str], *, where: str) -> dict[str, Any]:
    """Rows from `NAME=VALUE` texts.

    Raises:
        ConfigError: with every mistake, each begun with `where`.
    """
    known = {item.name: item for item in fields(Choices)}
    values: dict[str, Any] = {}
    mistakes = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        mistake = _parse_value(known.get(name), value, into=values)
        if mistake:
            mistakes.append(f"{where}: {name} {mistake}")
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return values


def settings_of_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Rows that hold where a tenant file names none: `TENANT_SETTINGS="NAME=VALUE NAME=VALUE"`.

    Raises:
        ConfigError: with every mistake.
    """
    return parse_settings(environ.get("TENANT_SETTINGS", "").split(), where="TENANT_SETTINGS")


def _parse_value(item: "Field[Any] | None", value: str, *, into: dict[str, Any]) -> str | None:
    if item is None:
        return "is not a setting"
    variants = item.metadata["variants"]
    if variants and value not in variants:
        return f"must be one of {', '.join(variants)}"
    if isinstance(item.default, str):
        into[item.name] = value
        return None
    if not value.replace(".", "", 1).isdecimal():
        return "must be a number"
    into[item.name] = float(value)
    return mistake_in(item.name, into[item.name])


@dataclass(frozen=True)
class Row:
    """One row of the table as a page shows it; no variants means any number or text, as the default is."""

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
