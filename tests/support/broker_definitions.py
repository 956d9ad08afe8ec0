"""What a private broker loads at its start: the deployed topology, with users and more virtual hosts."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.run_folder import ROOT

DEPLOYED = ROOT / "deploy" / "rabbitmq" / "definitions.json"
VHOST = "waystation"
ADMIN = "admin"

_NOTHING = "^$"
# A service declares nothing; passive declares need no permission at all.
_PERMISSIONS = {
    "gateway": {"write": r"^waystation\.(commands|dead)$", "read": r"^gateway(\.dead)?$"},
    "proofing": {"write": r"^waystation\.(events|dead)$", "read": r"^proofing(\.dead)?$"},
    "metadata-sync": {"write": r"^waystation\.(events|dead)$", "read": r"^metadata-sync(\.dead)?$"},
}
SERVICES = tuple(_PERMISSIONS)


def broker_definitions(passwords: Mapping[str, str], *, vhosts: Sequence[str]) -> dict[str, Any]:
    """The deployed topology once per virtual host, and a user per service and `admin`.

    Args:
        passwords: by user name.
        vhosts: names; each gets exchanges, queues, bindings and policies of its own.
    """
    deployed = json.loads(DEPLOYED.read_text())
    return {
        "users": [_user(name, password) for name, password in passwords.items()],
        "vhosts": [{"name": vhost} for vhost in vhosts],
        "permissions": [_permission(user, vhost) for vhost in vhosts for user in passwords],
        **{
            part: [{**entry, "vhost": vhost} for vhost in vhosts for entry in deployed[part]]
            for part in ("exchanges", "queues", "bindings", "policies")
        },
    }


def queue_names() -> list[str]:
    return [queue["name"] for queue in json.loads(DEPLOYED.read_text())["queues"]]


def _permission(user: str, vhost: str) -> dict[str, str]:
    if user == ADMIN:
        return {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
    return {"user": user, "vhost": vhost, "configure": _NOTHING, **_PERMISSIONS[user]}


def _user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if name == ADMIN else [],
    }


def _password_hash(password: str) -> str:
    """Salt of 4 bytes, then SHA-256 of salt and password (RabbitMQ's page on passwords)."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
