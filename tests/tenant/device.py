"""/oauth/device/code for a device without a browser, and /activate for the person beside it."""

from aiohttp import web

from tests.tenant.authorize import Authorize
from tests.tenant.client_auth import ClientAuth, check_grant
from tests.tenant.config import DEVICE_GRANT
from tests.tenant.devices import Devices
from tests.tenant.pages import page
from tests.tenant.settings import Choices
from tests.tenant.visit import Visit, text, visit_of

_CANCELLED = ("access_denied", "User cancelled the confirmation prompt.")


class DeviceFlow:
    """Both halves of the device flow, up to the login."""

    def __init__(
        self, *, devices: Devices, client_auth: ClientAuth, authorize: Authorize, choices: Choices
    ) -> None:
        self._devices = devices
        self._client_auth = client_auth
        self._authorize = authorize
        self._choices = choices

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.post("/oauth/device/code", self.begin),
            web.get("/activate", self.show),
            web.post("/activate", self.submit),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """Give a device its two codes."""
        visit = await visit_of(request)
        client = self._client_auth.client(request, visit)
        check_grant(client, DEVICE_GRANT)
        device = self._devices.new(client, visit.body)
        address = f"{visit.origin}/activate"
        answer = {
            "device_code": device.code,
            "user_code": device.user_code,
            "verification_uri": address,
            "verification_uri_complete": f"{address}?user_code={device.user_code}",
            "expires_in": int(self._choices.device_code_lifetime),
            "interval": self._choices.device_interval,
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def show(self, request: web.Request) -> web.Response:
        """The form for the code, filled in by the complete address."""
        visit = await visit_of(request)
        return _form(text(visit.query, "user_code"))

    async def submit(self, request: web.Request) -> web.Response:
        """Go on to the login, or tell the device that nobody will come."""
        visit = await visit_of(request)
        return await self._submitted(request, visit, user_code=text(visit.body, "user_code"))

    async def _submitted(self, request: web.Request, visit: Visit, *, user_code: str) -> web.Response:
        device = self._devices.claim(user_code)
        if device is None:
            return _form(user_code, error="Invalid or expired code", status=400)
        if text(visit.body, "action") == "cancel":
            self._devices.refuse(device.code, *_CANCELLED)
            return page("device_done.html", refused=True)
        return await self._authorize.begin(
            request, visit, client=device.client, params=device.params, device_code=device.code
        )


def _form(user_code: str, *, error: str | None = None, status: int = 200) -> web.Response:
    return page("device.html", user_code=user_code, error=error, status=status)
