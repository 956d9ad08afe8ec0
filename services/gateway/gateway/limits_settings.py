"""What the gateway is told about who may ask how often."""

import math
import re
from dataclasses import dataclass
from ipaddress import ip_network

from common.settings import SettingsReader
from gateway.addresses import Network
from gateway.limits import Rate

OFF = "off"
NONE = "none"
# A login with one step is about twelve requests; an office behind one address begins some in a second.
ADDRESS = Rate(burst=500, seconds=10.0)
# An application that sends its user here again and again is stopped, a person with tabs and reloads is not.
USER = Rate(burst=20, seconds=120.0)
TENANT = Rate(burst=1_000, seconds=10.0)
_RATE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,4})s")


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """How often somebody may ask, None for as often as they like, and how much may be open at once.

    `address` counts requests, each that is refused as ten; `user` and `tenant` count arrivals with a good
    session token.
    """

    trusted_proxies: tuple[Network, ...] = ()
    address: Rate | None = ADDRESS
    user: Rate | None = USER
    tenant: Rate | None = TENANT
    connections_per_address: int = 200
    open_per_user: int = 5
    open_per_tenant: int = 10_000


def read_limit_settings(reader: SettingsReader, *, production: bool) -> LimitSettings:
    default = LimitSettings()
    return LimitSettings(
        trusted_proxies=_networks(reader, "TRUSTED_PROXIES", is_required=production),
        address=_rate(reader, "LIMIT_ADDRESS", default=default.address),
        user=_rate(reader, "LIMIT_USER", default=default.user),
        tenant=_rate(reader, "LIMIT_TENANT", default=default.tenant),
        connections_per_address=_count(
            reader, "CONNECTIONS_PER_ADDRESS", default=default.connections_per_address
        ),
        open_per_user=_count(reader, "OPEN_LOGINS_PER_USER", default=default.open_per_user),
        open_per_tenant=_count(reader, "OPEN_LOGINS_PER_TENANT", default=default.open_per_tenant),
    )


def _rate(reader: SettingsReader, name: str, *, default: Rate | None) -> Rate | None:
    value = reader.text(name, default="")
    if value in ("", OFF):
        return None if value else default
    rate = _RATE.fullmatch(value)
    if rate is None:
        reader.mistake(name, f"must be {OFF} or BURST/SECONDSs, such as 500/10s")
        return default
    return Rate(burst=int(rate[1]), seconds=float(rate[2]))


def _count(reader: SettingsReader, name: str, *, default: int) -> int:
    return math.floor(reader.number(name, default=default, at_least=1, at_most=1_000_000))


def _networks(reader: SettingsReader, name: str, *, is_required: bool) -> tuple[Network, ...]:
    """Without it, what stands in front of us would be one address, and everybody would share its limit."""
    value = reader.text(name, default=None if is_required else NONE)
    if value in ("", NONE):
        return ()
    try:
        return tuple(ip_network(part.strip()) for part in value.split(","))
    except ValueError:
        reader.mistake(name, f"must be {NONE} or a comma list of networks, such as 10.0.0.0/8, fd00::/8")
        return ()
