"""Logging in to an organisation: which one /authorize names, and who belongs to it."""

from typing import Any

from tests.tenant.config import Client, Config, Organization
from tests.tenant.errors import OAuthError
from tests.tenant.visit import text


class Organizations:
    """The tenant's organisations."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def wanted(self, client: Client, params: dict[str, Any]) -> Organization | None:
        """The organisation that a login is for.

        Raises:
            OAuthError: invalid_request, the application does not take one, needs one, or it is unknown.
        """
        asked = text(params, "organization")
        if not asked:
            if client.organizations == "require":
                raise _invalid("parameter organization is required for this client")
            return None
        if client.organizations == "deny":
            raise _invalid("parameter organization is not allowed for this client")
        return self._find(asked)

    def _find(self, asked: str) -> Organization:
        choices = self._config.choices
        by_name = not asked.startswith("org_")
        if by_name and choices.organization_names == "off":
            raise _invalid("authorization request parameter organization must be an organization id")
        for organization in self._config.organizations:
            if asked.lower() == organization.name.lower() if by_name else asked == organization.id:
                return organization
        raise _invalid(choices.words("unknown_organization_text", organization=asked))


def membership_refusal(organization: Organization | None, user_id: str) -> str | None:
    """Why a person cannot log in to an organisation."""
    if organization is None or user_id in organization.members:
        return None
    return f"user {user_id} is not part of the {organization.id} organization"


def organization_claims(organization: Organization | None, *, names: bool) -> dict[str, str]:
    """What tokens say of it; `names` adds `org_name`."""
    if organization is None:
        return {}
    named = {"org_name": organization.name.lower()} if names else {}
    return {"org_id": organization.id, **named}


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)
