"""The public keys with which whoever wants can verify our answers (RFC 7517)."""

from aiohttp import web

from common.jwks import key_set_of
from common.tenants_watcher import TenantsWatcher

# So long before it signs, a new key has to be here.
PUBLISHED_SECONDS = 300


class PublishedKeys:
    """`/.well-known/jwks.json`: every RS256 key of the newest tenants file, those that sign next as well."""

    def __init__(self, tenants: TenantsWatcher) -> None:
        self._tenants = tenants

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/.well-known/jwks.json", self.keys, allow_head=False)]

    async def keys(self, _request: web.Request) -> web.Response:
        headers = {"Cache-Control": f"public, max-age={PUBLISHED_SECONDS}"}
        return web.json_response(key_set_of(self._tenants.current), headers=headers)
