"""A login that is claimed over another connection than it began: told to everybody, and refused to nobody."""

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import UNLIMITED, Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase

_SENTENCE = "This login was begun over another internet connection than the one you use now."
# Where the tenant was asked to log in, where the browser is, and what we make of it.
_PLACES = {
    "the same address": ("8.8.8.8", "8.8.8.8", "same"),
    "another one": ("8.8.8.8", "8.8.4.4", "other"),
    "the same as IPv6": ("::ffff:8.8.8.8", "8.8.8.8", "same"),
    "the same household": ("2606:4700:1:2::3", "2606:4700:1:2:ffff::4", "same"),
    "another household": ("2606:4700:1:2::3", "2606:4700:1:3::3", "other"),
    "IPv4 beside IPv6": ("2606:4700:1:2::3", "8.8.8.8", "unknown"),
    "IPv6 beside IPv4": ("8.8.8.8", "2606:4700:1:2::3", "unknown"),
    "begun inside": ("10.0.0.7", "8.8.8.8", "unknown"),
    "here inside": ("8.8.8.8", "10.0.0.7", "unknown"),
    "a hop that is none": ("8.8.8.8", "unknown", "unknown"),
}


def _from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def _claim(rig: Rig, browser: Browser, *, began: str, here: str) -> tuple[str, bool]:
    """The login, and whether its start page said that it began elsewhere."""
    arrival = redirect(rig.clock, ip=began)
    login = (await browser.get(arrival.path, **_from(here))).location.removeprefix("/t/")
    page = await browser.get(f"/t/{login}", **_from(here))
    headers = {"Origin": rig.origin, **_from(here)}
    csrf = {"csrf": page.value("csrf")}
    claimed = await browser.request("POST", f"/t/{login}/claim", data=csrf, headers=headers)
    assert claimed.status == 303
    return login, _SENTENCE in page.html.get_text()


async def _said(rig: Rig, login: str) -> tuple[str, list[str]]:
    """What the log and the audit trail say about the click."""
    claimed = [line for line in rig.lines.all if line["event"] == "login.claimed"]
    (network,) = [line["network"] for line in claimed if line["transaction_id"] == login]
    ((reasons,),) = await rig.rows(
        f"SELECT reasons FROM audit_events WHERE event = 'login.claimed' AND transaction_id = '{login}'"  # noqa: S608 - an id of ours
    )
    return network, reasons


@pytest.fixture
async def behind_a_proxy(
    database: ServiceDatabase, tenants_file: Path, clock: FakeClock
) -> AsyncIterator[Rig]:
    """A gateway that knows the proxy in front of it."""
    limits = replace(UNLIMITED, trusted_proxies=(ip_network("127.0.0.1/32"),))
    async with serving(database, tenants_file=tenants_file, clock=clock, limits=limits) as rig:
        yield rig


async def test_another_connection_is_told_and_refuses_nobody(behind_a_proxy: Rig) -> None:
    """The page says so before the click, log and audit trail after it; the click does what it always does."""
    rig = behind_a_proxy
    wrong: dict[str, Any] = {}
    for name, (began, here, network) in _PLACES.items():
        login, is_told = await _claim(rig, await rig.browser(), began=began, here=here)
        said = (is_told, *await _said(rig, login))
        is_other = network == "other"
        if said != (is_other, network, ["other_network"] if is_other else []):
            wrong[name] = said
    assert wrong == {}


async def test_no_address_is_kept(behind_a_proxy: Rig) -> None:
    """Neither the database nor the log has an address; its digest differs by login, and ends with it."""
    rig = behind_a_proxy
    anna = await rig.browser()
    for _ in range(2):
        await _claim(rig, anna, began="2606:4700:1:2::3", here="8.8.4.4")
    stored = await rig.everything() + rig.lines.text
    for look in ("2606:4700", "8.8.4.4", "2606470000010002", "08080404"):
        assert look not in stored
    kept = await rig.rows("SELECT DISTINCT network FROM transactions")
    assert [len(network) for (network,) in kept] == [33, 33]
    await rig.advance(46 * 60)
    await rig.timekeeper.sweep()
    assert await rig.rows("SELECT DISTINCT network FROM transactions") == [(None,)]


async def test_where_no_proxy_is_known(rig: Rig, anna: Browser) -> None:
    """Without a configured proxy everybody has the address of what stands in front: there is no telling."""
    login, is_told = await _claim(rig, anna, began="8.8.8.8", here="8.8.4.4")
    assert (is_told, *await _said(rig, login)) == (False, "unknown", [])
