"""What the tenant knows about the person already, and from where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.profile import PlainValue
from common.tenant_profile import ProfileSchema

# What these say of a person, the tenant keeps as they say it: their root attributes come anew at each login.
_OWN = frozenset({"auth0", "email", "sms"})
_NAMES: Mapping[str, str] = {
    "google-oauth2": "Google",
    "google-apps": "Google",
    "facebook": "Facebook",
    "waad": "Microsoft",
    "windowslive": "Microsoft",
    "adfs": "Microsoft",
    "apple": "Apple",
    "github": "GitHub",
    "linkedin": "LinkedIn",
    "twitter": "X",
    "amazon": "Amazon",
    "paypal": "PayPal",
    "yahoo": "Yahoo",
    "line": "LINE",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value that the tenant has; `is_foreign` where it only repeats what another provider says."""

    value: PlainValue = field(repr=False)
    is_foreign: bool


@dataclass(frozen=True, kw_only=True)
class Known:
    """The profile of a session token as this step reads it.

    `provider` is the name of the foreign one, None where the login was at the tenant's own user store, and
    empty where its brand is not known to us.
    """

    provider: str | None
    values: Mapping[str, PlainValue] = field(repr=False)
    omitted: frozenset[str]

    @classmethod
    def of(cls, profile: Mapping[str, Any]) -> "Known":
        """From what personal.py has kept."""
        strategy = profile.get("connection", {}).get("strategy", "auth0")
        return cls(
            provider=None if strategy in _OWN else _NAMES.get(strategy, ""),
            values=profile.get("known", {}),
            omitted=frozenset(profile.get("omitted", ())),
        )

    def find(self, name: str, schema: ProfileSchema) -> Found | None:
        """The value of a field; what the person once told us stands above what a provider repeats."""
        told = self.values.get(f"user_metadata.{name}")
        root = self.values.get(name)
        own_root = schema.properties[name].to == "root" and self.provider is None
        value = root if told is None or (own_root and root is not None) else told
        if value is None:
            return None
        return Found(value=value, is_foreign=self.provider is not None and told is None)

    def is_there(self, name: str) -> bool:
        """Whether there is a value that could not come along."""
        return name in self.omitted or f"user_metadata.{name}" in self.omitted
