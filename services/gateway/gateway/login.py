from dataclasses import dataclass

from common.tenants import TenantSnapshot
from gateway.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Login:
    """A transaction with what never changes about it; `settings` is the tenant as it was at the beginning."""

    transaction: Transaction
    issuer: str
    client_id: str
    continue_uri: str
    settings: TenantSnapshot
    traceparent: str
    ui_locales: tuple[str, ...] = ()  # what the application asked for, the most wanted first
    pseudonym: bytes | None = None  # what the audit trail calls the person

    @property
    def id(self) -> str:
        return self.transaction.id

    @property
    def application_name(self) -> str:
        application = self.settings.applications.get(self.client_id)
        return application.name if application else self.settings.name

    @property
    def login_url(self) -> str | None:
        """Where the person can start again, if the tenant has told us."""
        application = self.settings.applications.get(self.client_id)
        return str(application.login_url) if application else None
