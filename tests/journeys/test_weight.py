"""What a first page costs, as Chromium loads it from a running gateway."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.windows import window_of_a_browser
from tests.journeys.world import World
from tests.support.site import Site

MOST_BYTES = 30_000
_LARGEST = {"logo": 12 * 1024, "favicon": 4 * 1024}


@dataclass(kw_only=True)
class Loads:
    """What a window has asked our gateway for; `sizes` are bytes on the wire by address, headers included."""

    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    _addresses: dict[str, str] = field(default_factory=dict)

    def on_response(self, event: Mapping[str, Any]) -> None:
        url = event["response"]["url"]
        self.kinds[url] = event["type"]
        self._addresses[event["requestId"]] = url

    def on_request(self, event: Mapping[str, Any]) -> None:
        before = event.get("redirectResponse")
        if before is not None:
            self.sizes[before["url"]] = int(before["encodedDataLength"])

    def on_end(self, event: Mapping[str, Any]) -> None:
        self.sizes[self._addresses[event["requestId"]]] = int(event["encodedDataLength"])


def _picture(size: int) -> str:
    """An SVG of exactly that many bytes, which no compression makes smaller."""
    start, end = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0', '"/></svg>'
    digits = random.Random(1).choices("0123456789", k=size - len(start) - len(end) - 1)  # noqa: S311 - a drawing
    return start + "h" + "".join(digits) + end


def _branding(stack: Site) -> dict[str, str]:
    return {name: stack.hand(f"{name}.svg", _picture(size)) for name, size in _LARGEST.items()}


async def test_a_first_page_is_light(world: World) -> None:
    """From the redirect to the largest pictures that a tenant may have: under 30 KB, one request for CSS."""
    gateway = world.stack.origins.gateway
    async with world.retuned(changes={"branding": _branding(world.stack)}), window_of_a_browser() as window:
        session = await window.page.context.new_cdp_session(window.page)
        loads = Loads()
        session.on("Network.responseReceived", loads.on_response)
        session.on("Network.requestWillBeSent", loads.on_request)
        session.on("Network.loadingFinished", loads.on_end)
        await session.send("Network.enable")
        await window.log_in(world, await world.person())
        await window.page.wait_for_load_state("networkidle")
        icon = str(await window.page.locator("link[rel=icon]").get_attribute("href"))
        async with (await world.browser()).session.get(f"{gateway}{icon}") as picture:
            size = len(await picture.read())
        loads.sizes.setdefault(f"{gateway}{icon}", size)  # not every browser shows it
    ours = {url: size for url, size in loads.sizes.items() if url.startswith(gateway)}
    kinds = sorted(kind for url, kind in loads.kinds.items() if url.startswith(gateway) and kind != "Other")
    assert kinds == ["Document", "Image", "Stylesheet"]
    assert len(ours) == 5  # with the redirect and the icon
    assert min(ours.values()) > 0
    assert sum(_LARGEST.values()) < sum(ours.values()) < MOST_BYTES, ours
