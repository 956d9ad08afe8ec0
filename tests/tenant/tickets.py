"""Password tickets: POST /api/v2/tickets/password-change, and the page that the ticket's address leads to."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from tests.tenant.api_access import ApiAccess, json_body
from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.errors import ApiError, PageError
from tests.tenant.flow import redirect
from tests.tenant.pages import page
from tests.tenant.passwords import Passwords
from tests.tenant.payload import invalid
from tests.tenant.states import identifier
from tests.tenant.users import Users
from tests.tenant.visit import text, visit_of

_SCOPES = ("create:user_tickets",)
_FIVE_DAYS = 432_000
_TYPES: dict[str, type] = {
    "user_id": str,
    "result_url": str,
    "client_id": str,
    "ttl_sec": int,
    "mark_email_as_verified": bool,
    "includeEmailInRedirect": bool,
}
_SUCCESS = "You can now login to the application with the new password."


@dataclass(frozen=True, kw_only=True)
class _Ticket:
    user_id: str
    expires_at: float
    result_url: str
    client_id: str
    verifies_email: bool
    tells_email: bool


class Tickets:
    """Each is good once, until it expires."""

    def __init__(
        self, *, config: Config, access: ApiAccess, users: Users, passwords: Passwords, clock: Clock
    ) -> None:
        self._config = config
        self._access = access
        self._users = users
        self._passwords = passwords
        self._clock = clock
        self._open: dict[str, _Ticket] = {}

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.post("/api/v2/tickets/password-change", self.create),
            web.get("/u/reset-verify", self.show),
            web.post("/u/reset-verify", self.submit),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """POST: 201 `{"ticket": "https://…"}`."""
        visit = await self._access.authorized(request, _SCOPES)
        body = await json_body(request)
        _check(body)
        user = self._users.get(text(body, "user_id"))
        if user is None:
            raise ApiError(404, "The user does not exist.", code="inexistent_user")
        self._passwords.check_possible(user)
        if text(body, "client_id") and text(body, "client_id") not in self._config.clients:
            raise ApiError(404, "The client does not exist.", code="inexistent_client")
        number = identifier()
        self._open[number] = _Ticket(
            user_id=user["user_id"],
            expires_at=self._clock.now() + (body.get("ttl_sec") or _FIVE_DAYS),
            result_url=text(body, "result_url"),
            client_id=text(body, "client_id"),
            verifies_email=body.get("mark_email_as_verified", False),
            tells_email=body.get("includeEmailInRedirect", False),
        )
        return web.json_response({"ticket": f"{visit.origin}/u/reset-verify?ticket={number}#"}, status=201)

    async def show(self, request: web.Request) -> web.Response:
        """The form for a new password."""
        visit = await visit_of(request)
        number = text(visit.query, "ticket")
        self._ticket(number)
        return self._form(number)

    async def submit(self, request: web.Request) -> web.Response:
        """Set it, and go where the ticket says."""
        visit = await visit_of(request)
        number = text(visit.body, "ticket") or text(visit.query, "ticket")
        ticket = self._ticket(number)
        password = text(visit.body, "password-reset")
        if password != text(visit.body, "re-enter-password"):
            return self._form(number, error="Passwords don't match")
        try:
            user = self._change(ticket, password)
        except ApiError as exc:
            return self._form(number, error=exc.message)
        del self._open[number]
        return self._done(ticket, user)

    def _ticket(self, number: str) -> _Ticket:
        ticket = self._open.get(number)
        if ticket is None or ticket.expires_at <= self._clock.now():
            raise PageError(
                "access_expired", "This link has expired, or it has been used already.", status=400
            )
        return ticket

    def _change(self, ticket: _Ticket, password: str) -> dict[str, Any]:
        user = self._users.get(ticket.user_id)
        if user is None:
            raise ApiError(404, "The user does not exist.", code="inexistent_user")
        self._passwords.check(user, password)
        verified = {"email_verified": True} if ticket.verifies_email else {}
        user = self._users.patch(ticket.user_id, {"password": password, **verified})
        self._passwords.changed(ticket.user_id)
        return user

    def _form(self, number: str, *, error: str | None = None) -> web.Response:
        return page(
            "reset.html",
            status=400 if error else 200,
            tenant=self._config.friendly_name,
            ticket=number,
            error=error,
        )

    def _done(self, ticket: _Ticket, user: dict[str, Any]) -> web.Response:
        if ticket.result_url:
            email = {"email": user["email"]} if ticket.tells_email else {}
            told = {**email, "success": "true", "code": "success", "message": _SUCCESS}
            return redirect(_with_query(ticket.result_url, told))
        client = self._config.clients.get(ticket.client_id)
        return page(
            "reset_done.html",
            tenant=self._config.friendly_name,
            message=_SUCCESS,
            application=client.name if client else "",
            login_uri=client.login_uri if client else None,
        )


def _check(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name not in _TYPES:
            raise invalid(f"Additional properties not allowed: {name}")
        if type(value) is not _TYPES[name]:
            raise invalid(f"Expected type {_TYPES[name].__name__}", where=name)
    if not text(body, "user_id"):
        raise invalid("Missing required property: user_id")
    if "result_url" in body and "client_id" in body:
        raise invalid("Cannot specify both result_url and client_id")
    if "result_url" in body and urlsplit(body["result_url"]).scheme not in ("http", "https"):
        raise invalid(
            f"Object didn't pass validation for format uri: {body['result_url']}", where="result_url"
        )
    if body.get("ttl_sec", 0) < 0:
        raise invalid("Value is less than minimum 0", where="ttl_sec")


def _with_query(url: str, values: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit(parts._replace(query=query))
