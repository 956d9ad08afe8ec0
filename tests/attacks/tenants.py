"""The attacked stack: two tenants with other secrets each, and the limits that we deliver."""

from copy import deepcopy
from typing import Any

import yaml

from tests.support.demo_tenant import APPLICATION
from tests.support.stack import UNLIMITED, Stack

GLOBEX, GLOBEX_HOST = "globex", "globex.eu.auth0.com"
_MARKUP = "Globex <script>alert(2)</script>"
# Verifies but does not sign any more; and one that no file names.
PREVIOUS, RETIRED = "session-token-previous", "session-token-retired"


class AttackedStack(Stack):
    """A stack with the limits of a deployment: whoever attacks has an address of their own."""

    def service_environment(self, service: str) -> dict[str, str]:
        """Every variable that the service reads."""
        environment = super().service_environment(service)
        return {name: value for name, value in environment.items() if name not in UNLIMITED}


def write_tenants_file(stack: Stack) -> None:
    """Two tenants with other secrets each; acme still takes tokens signed with its previous secret."""
    document = yaml.safe_load(stack.tenants_file.read_text())
    acme = document["tenants"]["acme"]
    document["tenants"][GLOBEX] = deepcopy(_globex(acme, stack))  # the file may not refer to itself
    acme["session_token"]["secret_files"].append(str(stack.secrets.password_file(PREVIOUS)))
    stack.tenants_file.write_text(yaml.safe_dump(document, sort_keys=False))


def _globex(acme: dict[str, Any], stack: Stack) -> dict[str, Any]:
    secrets = stack.secrets
    management = {name: value for name, value in acme["management"].items() if name != "base_url"}
    return acme | {
        "hosts": [GLOBEX_HOST],
        "management": management | {"domain": GLOBEX_HOST},
        "session_token": acme["session_token"]
        | {"secret_files": [str(secrets.password_file(f"{GLOBEX}-session-token"))]},
        "answer_token": acme["answer_token"]
        | {"secret_files": [str(secrets.password_file(f"{GLOBEX}-answer-token"))], "audience": GLOBEX},
        "profile_key_files": [str(secrets.key_file(f"{GLOBEX}-profile"))],
        "applications": {APPLICATION: {"name": _MARKUP, "login_url": "https://globex.example/login"}},
    }
