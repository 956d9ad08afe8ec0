"""Answers that a person composes on the page: what an external service would have sent to /continue."""

import json
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.tenant.errors import ControlError
from tests.tenant.event import hostname_of
from tests.tenant.jwtview import encoded, hs256, view
from tests.tenant.logins import Login
from tests.tenant.visit import text

DEFAULT_LIFETIME = 120
PLACES = {"both": "query and body", "query": "query only", "body": "body only"}
BREAKS = {
    "": "nothing: an honest answer",
    "state": "wrong state",
    "sub": "wrong sub",
    "jti": "wrong jti",
    "secret": "wrong secret",
    "expired": "expired",
    "alg": "not signed at all (alg none)",
}
_CHANGES: dict[str, Callable[[dict[str, Any], int], dict[str, Any]]] = {
    "state": lambda claims, _: {"state": f"{claims.get('state', '')}x"},
    "sub": lambda *_: {"sub": "auth0|somebody-else"},
    "jti": lambda *_: {"jti": randomness.token_urlsafe(16)},
    "expired": lambda _, now: {"iat": now - 600, "exp": now - 480},
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One answer before it is signed; `lifetime` is in seconds, claims of one's own win."""

    claims: str
    secret: str
    broken: str = ""
    parameter: str = "session_token"
    method: str = "POST"
    place: str = "both"
    lifetime: str = str(DEFAULT_LIFETIME)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send: hidden fields of a form to `action`."""

    method: str
    action: str
    fields: dict[str, str]
    token: str


def first_draft(login: Login) -> Draft:
    """What an external service would answer, as far as that can be guessed from what it was sent."""
    claims = {"iss": hostname_of(login), "sub": login.user_id, "state": login.state}
    jti = _sent_jti(login)
    if jti is not None:
        claims["jti"] = jti
    names = list(login.actions[login.position].secrets)
    secret = next((name for name in names if "ANSWER" in name), names[0] if names else "")
    return Draft(claims=json.dumps(claims, indent=2), secret=secret)


def _sent_jti(login: Login) -> Any:
    url = login.redirects[-1]["url"] if login.redirects else ""
    for _, value in parse_qsl(urlsplit(url).query):
        token = view(value, {})
        if token is not None and "jti" in token.claims:
            return token.claims["jti"]
    return None


def read_draft(form: Mapping[str, Any]) -> Draft:
    """The form as the browser sent it."""
    given = {name: text(dict(form), name) for name in Draft.__dataclass_fields__ if name in form}
    return Draft(**{"claims": "", "secret": "", **given})


def compose(draft: Draft, login: Login, *, now: float) -> Answer:
    """Sign a draft with the waiting Action's secret, broken as asked.

    Raises:
        ControlError: 400, the draft cannot be sent; it says why.
    """
    known = login.actions[login.position].secrets
    _check(draft, known)
    claims = _claims(draft, now=now)
    if draft.broken in _CHANGES:
        claims |= _CHANGES[draft.broken](claims, int(now))
    secret = randomness.token_urlsafe(32) if draft.broken == "secret" else known[draft.secret]
    token = _signed(claims, secret, unsigned=draft.broken == "alg")
    return _answer(draft, state=login.state or "", token=token)


def _check(draft: Draft, known: Mapping[str, str]) -> None:
    wrong = {
        "secret is not one of the Action's": draft.secret not in known,
        "break is not one of the list": draft.broken not in BREAKS,
        "method is POST or GET": draft.method not in {"POST", "GET"},
        "state goes into query, body or both": draft.place not in PLACES,
        "the parameter needs a name other than state": draft.parameter in {"", "state"},
        "seconds is a whole number": not (draft.lifetime.isdecimal() and len(draft.lifetime) < 10),
    }
    for says, holds in wrong.items():
        if holds:
            raise ControlError(says)


def _claims(draft: Draft, *, now: float) -> dict[str, Any]:
    try:
        claims = json.loads(draft.claims)
    except (ValueError, RecursionError) as exc:
        raise ControlError(f"the claims are not JSON: {exc}") from exc
    if not isinstance(claims, dict):
        raise ControlError("the claims are a JSON object")
    return {"iat": int(now), "exp": int(now) + int(draft.lifetime), **claims}


def _signed(claims: Mapping[str, Any], secret: str, *, unsigned: bool) -> str:
    header = {"alg": "none" if unsigned else "HS256", "typ": "JWT"}
    body = f"{encoded(header)}.{encoded(claims)}"
    return f"{body}.{'' if unsigned else hs256(body, secret)}"


def _answer(draft: Draft, *, state: str, token: str) -> Answer:
    fields = {draft.parameter: token}
    if draft.method == "GET" or draft.place != "query":
        fields = {"state": state, **fields}
    in_query = draft.method == "POST" and draft.place != "body"
    action = f"/continue?state={state}" if in_query else "/continue"
    return Answer(method=draft.method.lower(), action=action, fields=fields, token=token)
