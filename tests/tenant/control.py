"""The control plane under /__control: all JSON."""

import json
import re
from typing import Any, TypeGuard

from aiohttp import web

from tests.tenant.calllog import CallLog
from tests.tenant.clock import Clock, iso
from tests.tenant.config import PROFILES, USER_TEXTS, Action, RateLimit
from tests.tenant.errors import ControlError
from tests.tenant.faults import Faults
from tests.tenant.library import Library
from tests.tenant.logins import Login, Logins
from tests.tenant.node import ActionRunner
from tests.tenant.ratelimit import Limiter, Rule
from tests.tenant.users import Users

_TEXT, _FLAG, _OBJECT = (str, "text"), (bool, "true or false"), (dict, "an object")
_FAR = 10 * 365 * 86400
_USER_KEYS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("user_id", "email", "password", "connection", "provider", *USER_TEXTS), _TEXT),
    **dict.fromkeys(("email_verified", "phone_verified", "blocked"), _FLAG),
    **dict.fromkeys(("app_metadata", "user_metadata"), _OBJECT),
    **dict.fromkeys(("created_at", "updated_at", "last_password_reset"), _TEXT),
    "identities": (list, "a list"),
    "logins_count": (int, "a number"),
}


class Control:
    """Everything that a test or a person may do to the tenant from outside."""

    def __init__(
        self,
        *,
        log: CallLog,
        faults: Faults,
        clock: Clock,
        limiter: Limiter,
        users: Users,
        logins: Logins,
        library: Library,
        runner: ActionRunner,
    ) -> None:
        self._log = log
        self._faults = faults
        self._clock = clock
        self._limiter = limiter
        self._users = users
        self._logins = logins
        self._library = library
        self._runner = runner

    def routes(self) -> list[web.RouteDef]:
        """All routes of the control plane."""
        return [
            web.get("/__control/log", self.log),
            web.delete("/__control/log", self.clear_log),
            web.get("/__control/faults", self.list_faults, allow_head=False),
            web.post("/__control/faults", self.add_fault),
            web.delete("/__control/faults", self.clear_faults),
            web.post("/__control/clock", self.clock),
            web.post("/__control/rate", self.rate),
            web.get("/__control/users/{user_id}", self.get_user),
            web.put("/__control/users/{user_id}", self.put_user),
            web.put("/__control/actions", self.actions),
            web.get("/__control/transactions", self.transactions),
        ]

    async def log(self, request: web.Request) -> web.Response:
        """GET: entries after `since` that `match` finds, waiting up to `wait` seconds for one."""
        since, wait = _number(request, "since"), _number(request, "wait")
        match = _pattern(request.query.get("match"))
        entries = await self._log.read(since=int(since), wait=wait, match=match)
        return web.json_response({"entries": entries, "next": entries[-1]["seq"] if entries else int(since)})

    async def clear_log(self, request: web.Request) -> web.Response:
        """DELETE: forget the entries."""
        del request
        self._log.clear()
        return web.Response(status=204)

    async def list_faults(self, request: web.Request) -> web.Response:
        """GET: the faults in force, and how often each still fires (null: for ever)."""
        del request
        return web.json_response({"faults": self._faults.listed()})

    async def add_fault(self, request: web.Request) -> web.Response:
        """POST: plant a fault."""
        return web.json_response({"id": self._faults.add(await _json(request)).id}, status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """DELETE: remove all faults."""
        del request
        self._faults.clear()
        return web.Response(status=204)

    async def clock(self, request: web.Request) -> web.Response:
        """POST `{"advance": seconds}`."""
        body = await _json(request)
        seconds = body.get("advance") if isinstance(body, dict) and set(body) == {"advance"} else None
        if not _is_amount(seconds) or seconds > _FAR:
            raise ControlError('the body is {"advance": seconds}, ten years at most')
        self._clock.advance(seconds)
        return web.json_response({"now": iso(self._clock.now()), "offset": self._clock.offset})

    async def rate(self, request: web.Request) -> web.Response:
        """POST a profile, or numbers for one global bucket."""
        body = await _json(request)
        if isinstance(body, str):
            body = {"profile": body}
        if not isinstance(body, dict):
            raise ControlError("the body is an object, or the name of a profile")
        if "profile" in body:
            self._limiter.use(_profile(body))
        else:
            self._limiter.use_numbers(_rule(body))
        return web.json_response(self._limiter.describe())

    async def get_user(self, request: web.Request) -> web.Response:
        """GET one user, whole."""
        user = self._users.get(request.match_info["user_id"])
        if user is None:
            raise ControlError("no such user", status=404)
        return web.json_response(user)

    async def put_user(self, request: web.Request) -> web.Response:
        """PUT one user as in the tenant file or as GET gave it; without a password the old one stays."""
        body = await _json(request)
        _check_user(body)
        return web.json_response(self._users.put({**body, "user_id": request.match_info["user_id"]}))

    async def actions(self, request: web.Request) -> web.Response:
        """PUT all Actions of the trigger; answers what does not parse, and where."""
        body = await _json(request)
        if not isinstance(body, list):
            raise ControlError("the body is a list of {name, code, secrets}")
        folders = {action.name: action.directory for action in self._library.actions()}
        actions = tuple(_action(item, folders) for item in body)
        faults = [await self._runner.load(action) for action in actions]
        self._library.replace(actions)
        answer = [
            {
                "name": action.name,
                "error": str(fault) if fault else None,
                "where": fault.where if fault else None,
            }
            for action, fault in zip(actions, faults, strict=True)
        ]
        return web.json_response(answer)

    async def transactions(self, request: web.Request) -> web.Response:
        """GET every login that is remembered, oldest first."""
        del request
        return web.json_response([self._describe(login) for login in self._logins.all()])

    def _describe(self, login: Login) -> dict[str, Any]:
        return {
            "transaction_id": login.id,
            "status": str(login.status),
            "state": login.state,
            "age": round(self._clock.now() - login.created_at, 3),
            "client_id": login.client.client_id,
            "user_id": login.user_id,
            "action": login.waiting_action,
            "redirects": login.redirects,
            "metadata": login.metadata,
            "history": login.history,
        }


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read(), parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise ControlError(f"the body is not JSON: {exc}") from exc


def _no_number(name: str) -> float:
    """NaN and its like, which Python would read."""
    raise ValueError(name)


def _number(request: web.Request, name: str) -> float:
    try:
        number = float(request.query.get(name) or 0)
    except ValueError as exc:
        raise ControlError(f"{name} must be a number") from exc
    if not 0 <= number < _FAR:
        raise ControlError(f"{name} must be a number, and not a negative one")
    return number


def _is_amount(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as exc:
        raise ControlError(f"match is not a regular expression: {exc}") from exc


def _profile(body: dict[str, Any]) -> RateLimit:
    refill = body.get("refill")
    if set(body) - {"profile", "refill"} or body["profile"] not in PROFILES:
        raise ControlError(f"profile is one of {', '.join(PROFILES)}")
    if refill not in (None, "window", "continuous"):
        raise ControlError("refill is window or continuous")
    return RateLimit(profile=body["profile"], refill=refill)


def _rule(body: dict[str, Any]) -> Rule:
    known = {"burst", "per_second", "per_minute"}
    rates = [name for name in ("per_second", "per_minute") if name in body]
    numbers = all(_is_amount(value) and 0 < value < _FAR for value in body.values())
    if set(body) - known or len(rates) != 1 or not numbers:
        raise ControlError(
            'the body is {"per_second": n} or {"per_minute": n}, with "burst" if it is another'
        )
    amount = float(body[rates[0]])
    return Rule(float(body.get("burst", amount)), amount, 1.0 if rates[0] == "per_second" else 60.0)


def _check_user(body: Any) -> None:
    if not isinstance(body, dict) or "email" not in body:
        raise ControlError("the body is a user with an email")
    for name, value in body.items():
        if name not in _USER_KEYS:
            raise ControlError(f"unknown key {name}")
        kind, named = _USER_KEYS[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ControlError(f"{name} must be {named}")
    _check_identities(body.get("identities"))


def _check_identities(identities: list[Any] | None) -> None:
    wrong = ControlError("identities must be a list of {connection, user_id, provider, isSocial}")
    if identities == []:
        raise wrong
    for identity in identities or []:
        if not isinstance(identity, dict):
            raise wrong
        if not all(isinstance(identity.get(name), str) for name in ("connection", "user_id", "provider")):
            raise wrong


def _action(item: Any, folders: dict[str, str]) -> Action:
    wrong = ControlError("an Action is {name, code, secrets}: texts and a mapping of texts")
    if not isinstance(item, dict) or set(item) - {"name", "code", "secrets"}:
        raise wrong
    name, code, secrets = item.get("name"), item.get("code"), item.get("secrets", {})
    if not isinstance(name, str) or not isinstance(code, str) or not isinstance(secrets, dict):
        raise wrong
    if not all(isinstance(value, str) for value in secrets.values()):
        raise wrong
    directory = folders.get(name, "/")
    return Action(name=name, code=code, secrets=secrets, filename=f"{name}.js", directory=directory)
