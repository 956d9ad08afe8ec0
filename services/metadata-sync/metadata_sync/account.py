from dataclasses import dataclass, field

from yarl import URL

from common.tenants import Tenant


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where and as whom one tenant's Management API is called.

    `domain` is the canonical one, whose token and budget it uses; `origin` is where requests go.
    """

    domain: str
    origin: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def audience(self) -> str:
        """The Management API's identifier: the canonical domain's, wherever requests go."""
        return f"https://{self.domain}/api/v2/"

    def url(self, path: str) -> URL:
        """`path` is percent-encoded already."""
        return URL(self.origin + path, encoded=True)


def account_of(tenant: Tenant) -> Account:
    management = tenant.management
    return Account(
        domain=management.domain,
        origin=management.origin,
        client_id=management.client_id,
        client_secret=management.client_secret.reveal().decode(),
    )
