"""Who may come near the control plane."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.tenant.config import Config
from tests.tenant.errors import ControlError

_CONTROL = "/__control"


class Fence:
    """Lets in this machine's own programs, and its browsers when a page of this tenant sent them.

    Among containers those come from the networks that `--control-from` names.
    """

    def __init__(self, config: Config) -> None:
        pinned = urlsplit(config.issuer or "").hostname or "localhost"
        self._names = {domain.partition(":")[0] for domain in config.custom_domains} | {pinned, "localhost"}
        self._neighbours = config.control_from

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse everybody else with 403."""
        if request.path.startswith(_CONTROL) and not self._welcome(request):
            raise ControlError("the control plane is for this machine only", status=403)
        return await handler(request)

    def _welcome(self, request: web.Request) -> bool:
        """A name of somebody else's that leads here would make their page one of ours: hence the host."""
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if request.method not in {"GET", "HEAD"}:
            foreign = foreign or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
        return self._is_near(request.remote) and self._is_ours(host) and not foreign

    def _is_near(self, remote: str | None) -> bool:
        return _is_loopback(remote) or (
            remote is not None
            and any(ipaddress.ip_address(remote) in network for network in self._neighbours)
        )

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in self._names or _is_loopback(name)


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
