from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.tenant.config import Config

_CONTINUE = "/continue"
_PATHS = frozenset(
    {
        "/oauth/token",
        "/oauth/revoke",
        "/userinfo",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
    }
)


class Cors:
    """Lets single-page applications of the tenant's clients read what they ask for."""

    def __init__(self, config: Config) -> None:
        self._paths = _PATHS | ({_CONTINUE} if config.choices.continue_cors == "on" else set())
        self._origins = {
            origin
            for client in config.clients.values()
            for origin in (*client.web_origins, *(_origin(callback) for callback in client.callbacks))
        }

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer preflights and mark answers for origins that a client lists."""
        origin = request.headers.get("Origin", "")
        if request.path not in self._paths or origin not in self._origins:
            return await handler(request)
        preflight = request.method == "OPTIONS"
        response = web.Response(status=204) if preflight else await handler(request)
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Vary"] = "Origin"
        if preflight:
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "authorization, content-type, auth0-client"
        return response


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
