"""The attacked stack: tenants with other keys each, and the limits that we deliver."""

from copy import deepcopy
from typing import Any

import yaml

from tests.common.rsa_pairs import public_pem
from tests.support.demo_tenant import APPLICATION
from tests.support.ports import free_port
from tests.support.stack import UNLIMITED, Stack

# One with secrets of its own, one that signs with a private key of ours to know, one whose keys are fetched.
GLOBEX, INITECH, HOOLI = "globex", "initech", "hooli"
KEYS_HOST = "127.0.0.8"
# Verifies but does not sign any more; and one that no file names.
PREVIOUS, RETIRED = "session-token-previous", "session-token-retired"
_MARKUP = "Globex <script>alert(2)</script>"


class AttackedStack(Stack):
    """A stack with the limits of a deployment: whoever attacks has an address of their own."""

    keys_port = 0

    def service_environment(self, service: str) -> dict[str, str]:
        """Every variable that the service reads."""
        environment = super().service_environment(service)
        return {name: value for name, value in environment.items() if name not in UNLIMITED}

    def write_tenants(self) -> None:
        """Write the tenants file; acme still takes tokens that were signed with its previous secret."""
        document = yaml.safe_load(self.tenants_file.read_text())
        acme = document["tenants"]["acme"]
        self.keys_port = free_port(KEYS_HOST)
        rules: dict[str, dict[str, Any]] = {
            GLOBEX: {
                "alg": "HS256",
                "secret_files": [str(self.secrets.password_file("globex-session-token"))],
            },
            INITECH: {
                "alg": "RS256",
                "public_key_files": [self._public_key(name) for name in ("now", "next")],
            },
            HOOLI: {"alg": "RS256", "jwks_url": f"http://{KEYS_HOST}:{self.keys_port}/jwks.json"},
        }
        for name, rule in rules.items():
            # A copy, since the file may not refer to itself.
            document["tenants"][name] = deepcopy(self._tenant(name, like=acme, session_token=rule))
        acme["session_token"]["secret_files"].append(str(self.secrets.password_file(PREVIOUS)))
        self.tenants_file.write_text(yaml.safe_dump(document, sort_keys=False))

    def _tenant(self, name: str, *, like: dict[str, Any], session_token: dict[str, Any]) -> dict[str, Any]:
        management = {key: value for key, value in like["management"].items() if key != "base_url"}
        answer = {"secret_files": [str(self.secrets.password_file(f"{name}-answer-token"))], "audience": name}
        return like | {
            "hosts": [host_of(name)],
            "management": management | {"domain": host_of(name)},
            "session_token": {"audience": "waystation"} | session_token,
            "answer_token": like["answer_token"] | answer,
            "profile_key_files": [str(self.secrets.key_file(f"{name}-profile"))],
            "applications": {APPLICATION: {"name": _MARKUP, "login_url": f"https://{name}.example/login"}},
        }

    def _public_key(self, name: str) -> str:
        file = self.folder.path / f"{name}.public.pem"
        file.write_text(public_pem(name))
        return str(file)


def host_of(tenant: str) -> str:
    """The host of one of the further tenants."""
    return f"{tenant}.eu.auth0.com"
