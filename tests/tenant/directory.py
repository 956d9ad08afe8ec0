"""What the tenant is called and which Actions are bound to it: the part of its configuration that moves."""

from tests.tenant.config import Action, Config
from tests.tenant.visit import Visit


class Directory:
    """The issuer of each host, and the Actions in trigger order."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.actions: tuple[Action, ...] = config.actions

    def issuer(self, visit: Visit) -> str:
        """The issuer that a caller sees, with its slash: pinned, or the origin that was called."""
        pinned = self._config.issuer
        if pinned is None or visit.authority in self._config.custom_domains:
            return f"{visit.origin}/"
        return pinned

    def is_management(self, audience: str, visit: Visit) -> bool:
        """Whether an audience is the Management API of this host or of the canonical domain.

        Clients hard-code https in it even when they call over http.
        """
        pinned = (self._config.issuer or "").partition("://")[2].rstrip("/")
        bare = audience.removeprefix("https://").removeprefix("http://")
        return bare in {f"{host}/api/v2/" for host in (visit.authority, pinned) if host}
