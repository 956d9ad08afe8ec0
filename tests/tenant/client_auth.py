"""Which application calls, by HTTP Basic, by its secret in the body, or by its id alone."""

import base64
from urllib.parse import unquote

from aiohttp import web

from tests.tenant.config import Client, Config
from tests.tenant.errors import OAuthError
from tests.tenant.visit import Visit, same, text


class ClientAuth:
    """Authenticates applications at the OAuth endpoints."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def client(self, request: web.Request, visit: Visit) -> Client:
        """The application that calls.

        Raises:
            OAuthError: 401, it is unknown or its secret wrong.
        """
        client_id, secret, method = _credentials(request, visit)
        client = self._config.clients.get(client_id)
        good = client is not None and same(client.secret or "", secret or "")
        if client is None or not good or client.auth_method not in (None, method):
            raise OAuthError(self._config.choices.client_auth_error, "Unauthorized", status=401)
        return client


def check_grant(client: Client, grant: str) -> None:
    """Whether an application may use a grant.

    Raises:
        OAuthError: 403, with the text of recorded tenants.
    """
    if grant not in client.grants:
        raise OAuthError("unauthorized_client", f"Grant type '{grant}' not allowed for the client.")


def _credentials(request: web.Request, visit: Visit) -> tuple[str, str | None, str]:
    """Id, secret, and which of the three methods of RFC 7591 brought them."""
    basic = basic_credentials(request)
    if basic is not None:
        return *basic, "client_secret_basic"
    secret = text(visit.body, "client_secret") or None
    return text(visit.body, "client_id"), secret, "client_secret_post" if secret else "none"


def basic_credentials(request: web.Request) -> tuple[str, str | None] | None:
    """Id and secret of HTTP Basic, empty if they cannot be read; None if the request has no such header."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return "", None
    return unquote(client_id), unquote(secret) or None
