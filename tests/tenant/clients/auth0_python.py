"""auth0-python as its users set it up."""

import httpx
from auth0.authentication import GetToken
from auth0.management import Auth0

from tests.tenant.clients.emulator import (
    CALLBACK,
    MACHINE,
    MACHINE_SECRET,
    WEB,
    WEB_SECRET,
    Visitor,
    authorize_url,
    query_of,
)


def get_token(
    origin: str, *, client_id: str = MACHINE, client_secret: str | None = MACHINE_SECRET
) -> GetToken:
    scheme, _, domain = origin.partition("://")
    return GetToken(domain, client_id, client_secret=client_secret, protocol=scheme)


class Manager:
    """Makes Management clients whose connections the test closes."""

    def __init__(self, origin: str, connections: httpx.Client) -> None:
        self._origin = origin
        self._connections = connections

    def __call__(self, *, client_id: str = MACHINE, secret: str = MACHINE_SECRET) -> Auth0:
        """A client with a token of its own."""
        audience = f"https://{self._origin.partition('://')[2]}/api/v2/"
        machine = get_token(self._origin, client_id=client_id, client_secret=secret)
        return self.with_token(machine.client_credentials(audience)["access_token"])

    def with_token(self, token: str) -> Auth0:
        """A client with a given token."""
        return Auth0(base_url=f"{self._origin}/api/v2", token=token, httpx_client=self._connections)


def new_code(origin: str, visitor: Visitor, **changes: str) -> str:
    return query_of(visitor.go(authorize_url(origin, **changes), until=CALLBACK))["code"]


def web_application(origin: str) -> GetToken:
    return get_token(origin, client_id=WEB, client_secret=WEB_SECRET)
