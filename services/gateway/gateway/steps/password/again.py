"""The authorization request that the login began with, made once more: OpenID Connect Core 1.0, 3.1.2.1.

A changed password ends what the tenant had open for this person, so there is nothing to go back to. The
address is built of the tenant's host and of parameters that we know; whatever else a token says stays away.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from common.tenant_fields import origin_of
from gateway.login import Login

# Without them there is no request that can be repeated.
_NEEDED = ("response_type", "redirect_uri")
_KEPT = (
    *_NEEDED,
    "response_mode",
    "scope",
    "audience",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "connection",
    "organization",
    "ui_locales",
    "acr_values",
    "max_age",
    "display",
    "screen_hint",
    "dpop_jkt",
)


def authorize_again(login: Login, request: Mapping[str, str] | None) -> str | None:
    """Where the new login begins; None where the request cannot be repeated."""
    if request is None or not all(request.get(name) for name in _NEEDED):
        return None
    kept = {name: request[name] for name in _KEPT if name in request}
    query = {"client_id": login.client_id, **kept, "prompt": _prompt(request.get("prompt", ""))}
    return f"{origin_of(login.issuer)}/authorize?{urlencode(query)}"


def _prompt(asked: str) -> str:
    """A login that somebody sees, whatever session there is."""
    words = [word for word in asked.split() if word not in ("none", "login")]
    return " ".join(("login", *words))
