"""Users of the Management API v2."""

import json
from typing import Any

from aiohttp import web

from tests.tenant.api_access import ApiAccess, json_body, page_of
from tests.tenant.connections import Connections, check_password, check_root_attributes
from tests.tenant.errors import ApiError
from tests.tenant.passwords import Passwords
from tests.tenant.payload import check_update, check_user, invalid
from tests.tenant.settings import Choices
from tests.tenant.states import identifier
from tests.tenant.users import PROFILE_BYTES, Users
from tests.tenant.visit import Visit, text

_READ = ("read:users", "read:current_user", "read:user_idp_tokens")
_UPDATE = ("update:users", "update:users_app_metadata", "update:current_user_metadata")
_CREATE = ("create:users",)
_DELETE = ("delete:users", "delete:current_user")
_NOT_STORED = frozenset({"connection", "client_id", "verify_email", "verify_phone_number"})


class Management:
    """Users under /api/v2."""

    def __init__(
        self,
        *,
        access: ApiAccess,
        users: Users,
        connections: Connections,
        passwords: Passwords,
        choices: Choices,
    ) -> None:
        self._access = access
        self._users = users
        self._connections = connections
        self._passwords = passwords
        self._choices = choices

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/api/v2/users", self.list_users),
            web.post("/api/v2/users", self.create_user),
            web.get("/api/v2/users-by-email", self.users_by_email),
            web.get("/api/v2/users/{user_id}", self.get_user),
            web.patch("/api/v2/users/{user_id}", self.update_user),
            web.delete("/api/v2/users/{user_id}", self.delete_user),
        ]

    async def get_user(self, request: web.Request) -> web.Response:
        """GET /api/v2/users/{id}."""
        visit = await self._access.authorized(request, _READ)
        user = self._users.get(_user_id(request), lag=visit.notes.stale_read)
        if user is None:
            raise _no_user()
        return web.json_response(_select(_shown(user), visit))

    async def list_users(self, request: web.Request) -> web.Response:
        """GET /api/v2/users: pages, an exact-match `q`, and the lag of a search index."""
        visit = await self._access.authorized(request, _READ)
        lag = max(self._choices.search_lag, visit.notes.stale_read)
        found = [user for user in self._users.all(lag=lag) if _matches(user, text(visit.query, "q"))]
        start, length = page_of(visit)
        users = [_select(_shown(user), visit) for user in found[start : start + length]]
        if text(visit.query, "include_totals") != "true":
            return web.json_response(users)
        totals = {"start": start, "limit": length, "length": len(users), "users": users, "total": len(found)}
        return web.json_response(totals)

    async def users_by_email(self, request: web.Request) -> web.Response:
        """GET /api/v2/users-by-email."""
        visit = await self._access.authorized(request, _READ)
        email = text(visit.query, "email")
        if not email:
            raise ApiError(
                400,
                "Query validation error: 'Missing required property: email'.",
                code="invalid_query_string",
            )
        return web.json_response([_select(_shown(user), visit) for user in self._users.by_email(email)])

    async def create_user(self, request: web.Request) -> web.Response:
        """POST /api/v2/users."""
        visit = await self._access.authorized(request, _CREATE)
        body = await json_body(request)
        check_user(body, extra=frozenset({"user_id"}))
        if not text(body, "connection"):
            raise invalid("Missing required property: connection")
        number = text(body, "user_id") or identifier().lower()
        user_id = number if "|" in number else f"auth0|{number}"
        if self._users.get(user_id) or self._users.by_email(text(body, "email")):
            raise ApiError(409, "The user already exists.", code="auth0_idp_error")
        if "password" in body:
            connection = self._connections.named(text(body, "connection"))
            check_password(body["password"], connection=connection, user=body, former=())
        stored = {
            name: value for name, value in body.items() if name == "connection" or name not in _NOT_STORED
        }
        user = self._users.put({**stored, "user_id": user_id})
        visit.notes.transaction_id = None
        return web.json_response(_shown(user), status=201)

    async def update_user(self, request: web.Request) -> web.Response:
        """PATCH /api/v2/users/{id}: metadata merged at its first level, `{}` wipes it."""
        visit = await self._access.authorized(request, _UPDATE)
        body = await json_body(request)
        check_update(body, self._choices)
        user_id = _user_id(request)
        current = self._users.get(user_id)
        if current is None:
            raise _no_user()
        check_root_attributes(body, self._connections.of(current))
        _check_identity(body, current)
        if "password" in body:
            self._passwords.check(current, body["password"])
        changes = {name: value for name, value in body.items() if name not in _NOT_STORED}
        user = self._users.patch(user_id, changes, limit=self._profile_limit())
        if "password" in changes:
            self._passwords.changed(user_id)
        self._passwords.address_changed(current, changes)
        answer = json.dumps(_shown(user))
        if len(answer) > PROFILE_BYTES:
            visit.notes.warnings.append("The profile is larger than 10 KB.")
        return web.json_response(text=answer)

    def _profile_limit(self) -> int | None:
        return PROFILE_BYTES if self._choices.profile_limit == "refuse" else None

    async def delete_user(self, request: web.Request) -> web.Response:
        """DELETE /api/v2/users/{id}: 204, for somebody who is gone already too."""
        await self._access.authorized(request, _DELETE)
        self._users.delete(_user_id(request))
        return web.Response(status=204)


def _user_id(request: web.Request) -> str:
    user_id = request.match_info["user_id"]
    if "|" not in user_id:
        raise ApiError(
            400,
            f"Path validation error: 'Object didn't pass validation for format user-id: {user_id}' "
            "on property id (The user_id of the user to retrieve).",
            code="invalid_uri",
        )
    return user_id


def _check_identity(body: dict[str, Any], user: dict[str, Any]) -> None:
    """A `connection` in an update says which of the user's identities it is about."""
    name = text(body, "connection")
    if name and name not in {identity["connection"] for identity in user["identities"]}:
        raise ApiError(400, "The specified connection is not one of the user's.", code="invalid_body")


def _no_user() -> ApiError:
    return ApiError(404, "The user does not exist.", code="inexistent_user")


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(user.items()))


def _select(user: dict[str, Any], visit: Visit) -> dict[str, Any]:
    """`fields`, with `include_fields=false` for all others."""
    fields = [name for name in text(visit.query, "fields").split(",") if name]
    if not fields:
        return user
    include = text(visit.query, "include_fields") != "false"
    return {name: value for name, value in user.items() if (name in fields) is include}


def _matches(user: dict[str, Any], query: str) -> bool:
    name, _, value = query.partition(":")
    return not query or str(user.get(name)) == value.strip('"')
