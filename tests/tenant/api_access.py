"""Who may call the Management API, and how its bodies and pages are read."""

import hashlib
import json
from typing import Any

import jwt
from aiohttp import web

from tests.tenant.clock import Clock
from tests.tenant.directory import Directory
from tests.tenant.errors import ApiError
from tests.tenant.keys import Keys
from tests.tenant.payload import invalid
from tests.tenant.visit import Visit, text, visit_of


class ApiAccess:
    """Judges access tokens of /api/v2."""

    def __init__(self, *, directory: Directory, keys: Keys, clock: Clock) -> None:
        self._directory = directory
        self._keys = keys
        self._clock = clock
        self._ended_tokens: set[bytes] = set()

    async def authorized(self, request: web.Request, scopes: tuple[str, ...]) -> Visit:
        """The request, if its token is good and carries one of the scopes.

        Raises:
            ApiError: 400, 401 or 403, with the texts of real tenants.
        """
        visit = await visit_of(request)
        token = _bearer(request)
        granted = self._claims(token, visit).get("scope", "").split()
        if not set(granted).intersection(scopes):
            expected = f"Insufficient scope, expected any of: {','.join(scopes)}"
            raise ApiError(403, expected, code="insufficient_scope")
        return visit

    def _claims(self, token: str, visit: Visit) -> dict[str, Any]:
        try:
            claims = self._keys.verify(token)
        except jwt.InvalidTokenError as exc:
            raise ApiError(401, "Invalid token") from exc
        digest = hashlib.sha256(token.encode()).digest()
        if visit.notes.expire_token:
            self._ended_tokens.add(digest)
        if digest in self._ended_tokens or claims["exp"] <= self._clock.now():
            raise ApiError(401, "Expired token received for JSON Web Token validation")
        audience = claims.get("aud")
        if not isinstance(audience, str) or not self._directory.is_management(audience, visit):
            raise ApiError(401, f"Bad audience: {audience}")
        return claims


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token:
        raise ApiError(401, "Missing authentication")
    if scheme.lower() != "bearer" or token.count(".") != 2:
        raise ApiError(400, "Bad HTTP authentication header format", code="Bearer")
    return token


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        ApiError: 400, it is something else.
    """
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as exc:
        raise ApiError(400, "Invalid request payload JSON format", code="invalid_body") from exc
    if not isinstance(body, dict):
        raise invalid("Expected type object but found type array")
    return body


def page_of(visit: Visit, *, default: int = 50) -> tuple[int, int]:
    """First item and length of the page that `page` and `per_page` name.

    Raises:
        ApiError: 400, they are no numbers, or a page would be longer than 100.
    """
    number, length = text(visit.query, "page") or "0", text(visit.query, "per_page") or str(default)
    if not (number.isdecimal() and length.isdecimal() and int(length) <= 100):
        raise ApiError(400, "Query validation error: 'page' or 'per_page'.", code="invalid_query_string")
    return int(number) * int(length), int(length)
