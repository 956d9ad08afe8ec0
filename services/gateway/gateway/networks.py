"""Whether a login is claimed in the network in which it began: a sign of risk, and no reason to refuse.

The tenant's token tells from which address somebody logged in there. Who opens the link elsewhere may have
been sent it; but telephones change networks, a household has IPv4 beside IPv6, and many people share one
address. So what differs is said on the start page, in the log and in the audit trail. No address is kept:
only a digest under the person's data key, until the login is over.
"""

import hmac
from enum import StrEnum

from common.db import Connection
from common.vault import DataKey, Vault
from gateway import personal_store
from gateway.addresses import network_of
from gateway.login import Login
from gateway.personal import network_place

OTHER_NETWORK = "other_network"  # the reason in the audit trail


class Whereabouts(StrEnum):
    """Where somebody is, seen from where the login began; `unknown` where the two cannot be compared."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


def network_to_keep(login: Login, address: str | None, *, key: DataKey) -> bytes | None:
    """What is kept of the address at which the login began; None where that is not a public one."""
    network = network_of(address or "")
    return None if network is None else _digest(login, network, key=key)


async def whereabouts(connection: Connection, login: Login, address: str, *, vault: Vault) -> Whereabouts:
    """Of somebody at that address, which may be empty. IPv4 and IPv6 cannot be compared."""
    network = network_of(address)
    began = network and await personal_store.load_network(connection, login.id)
    if not network or not began or began[0] != len(network):
        return Whereabouts.UNKNOWN
    key = await vault.find_key(connection, (login.transaction.tenant, login.transaction.subject))
    if key is None:
        return Whereabouts.UNKNOWN
    is_same = hmac.compare_digest(began, _digest(login, network, key=key))
    return Whereabouts.SAME if is_same else Whereabouts.OTHER


def _digest(login: Login, network: bytes, *, key: DataKey) -> bytes:
    """The family, which is told by the length of what counts, and a fingerprint."""
    return bytes([len(network)]) + key.fingerprint(network, place=network_place(login))
