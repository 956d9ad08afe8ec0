"""The files of a local tenant: what the emulator is, and what our services know about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.support.passport import passport_mrz
from tests.support.run_folder import ROOT
from tests.support.secret_folder import SecretFolder

ACTION = ROOT / "deploy" / "auth0" / "actions" / "waystation" / "code.js"
APPLICATION = "acme-bank-web"
LOGO = ROOT / "tests" / "support" / "acme.svg"
_MANAGEMENT = "waystation-m2m"
_TWO_YEARS = timedelta(days=730)
# Every kind of policy that Auth0 has for passwords.
_DATABASE = {
    "name": "Username-Password-Authentication",
    "password_policy": "good",
    "password_history": 5,
    "password_dictionary": True,
    "password_no_personal_info": True,
}
_TERMS = {
    "revision": 1,
    "valid_for": "730d",
    "jurisdiction": "Austria",
    "policy_url": "https://acme.example/privacy",
    "controller": {
        "name": "Acme Bank AG",
        "contact": "Data protection officer",
        "address": "Hauptplatz 1, 4020 Linz",
        "email": "privacy@acme.example",
        "phone": "+43 732 100",
    },
    "documents": [
        {
            "id": "terms_of_use",
            "version": "2026-05",
            "languages": {
                "en": {"title": "Terms of use", "text": "Keep your password to yourself.\n\nPay your bills."},
                "de": {
                    "title": "Nutzungsbedingungen",
                    "text": "Behalten Sie Ihr Passwort für sich.\n\nZahlen Sie Ihre Rechnungen.",
                },
            },
        },
        {
            "id": "news",
            "version": "1",
            "mandatory": False,
            "purposes": [
                {
                    "purpose": {
                        "en": "Tell you about offers by e-mail",
                        "de": "Ihnen Angebote per E-Mail schicken",
                    },
                    "categories": ["Marketing"],
                    "data": ["E-mail address"],
                    "primary": False,
                }
            ],
            "languages": {
                "en": {"title": "Offers by e-mail", "text": "One mail a month, until you say stop."},
                "de": {"title": "Angebote per E-Mail", "text": "Eine Mail im Monat, bis Sie Nein sagen."},
            },
        },
    ],
}


_PROFILE = {
    "revision": 1,
    "valid_for": "365d",
    "schema": {
        "type": "object",
        "required": ["given_name", "family_name", "birthdate", "country"],
        "properties": {
            "given_name": {
                "type": "string",
                "x-to": "root",
                "x-label": {
                    "en": "Given name",
                    "de": "Vorname",
                    "es": "Nombre",
                    "fr": "Pr\u00e9nom",
                    "ja": "\u540d",
                    "ar": "\u0627\u0644\u0627\u0633\u0645",
                },
                "x-autocomplete": "given-name",
            },
            "family_name": {
                "type": "string",
                "x-to": "root",
                "x-label": {
                    "en": "Family name",
                    "de": "Nachname",
                    "es": "Apellidos",
                    "fr": "Nom",
                    "ja": "\u59d3",
                    "ar": "\u0627\u0633\u0645 \u0627\u0644\u0639\u0627\u0626\u0644\u0629",
                },
                "x-autocomplete": "family-name",
            },
            "birthdate": {
                "type": "string",
                "format": "date",
                "formatMinimum": "1900-01-01",
                "formatMaximum": "today",
                "x-to": "user_metadata",
                "x-label": {"en": "Date of birth", "de": "Geburtsdatum"},
                "x-autocomplete": "bday",
            },
            "phone_number": {
                "type": "string",
                "format": "phone",
                "x-region": "SE",
                "x-to": "user_metadata",
                "x-label": {"en": "Telephone", "de": "Telefon"},
                "x-help": {
                    "en": "For questions about your account.",
                    "de": "F\u00fcr Fragen zu Ihrem Konto.",
                },
                "x-autocomplete": "tel",
            },
            "country": {
                "type": "string",
                "format": "country",
                "x-to": "user_metadata",
                "x-label": {"en": "Country", "de": "Land"},
                "x-autocomplete": "country",
            },
            "news": {
                "type": "boolean",
                "x-to": "user_metadata",
                "x-label": {"en": "Send me news by mail", "de": "Neuigkeiten per E-Mail"},
            },
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """A customer of the local tenant, and the passport that proves who they are."""

    user_id: str = "auth0|anna"
    email: str = "anna@acme.example"
    password: str = field(default="over-the-bridge-7", repr=False)
    given_name: str = "Anna Maria"
    family_name: str = "Eriksson"
    birth_date: date = date(1974, 8, 12)

    def mrz(self) -> tuple[str, str]:
        """The two lines that they type."""
        return passport_mrz(
            surname=self.family_name,
            given_names=self.given_name,
            birth_date=self.birth_date,
            expiry=datetime.now(UTC).date() + _TWO_YEARS,
        )


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Where everything listens: an address each, since two ports of one are one site to a browser."""

    tenant: str
    gateway: str
    app: str


@dataclass(frozen=True, kw_only=True)
class DemoTenant:
    """What a stack may choose about its tenant.

    Attributes:
        allow_document_validated: whether typed text, which proves little, is enough to pass.
        idproof: laid over the rules of that step.
        changes: laid over our part of the tenants file, section by section.
        action_settings: laid over the Action's.
    """

    person: Person = Person()
    allow_document_validated: bool = True
    idproof: Mapping[str, Any] = field(default_factory=dict)
    rate_profile: str = "enterprise"
    logo: Path = LOGO
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    action_settings: Mapping[str, str] = field(default_factory=dict)

    def write_emulator_file(self, path: Path, *, origins: Origins, secrets: SecretFolder) -> None:
        """Write `tenant.yaml`, which holds secrets of the Action and of the clients."""
        _write_yaml(path, self._emulator(origins, secrets))

    def write_tenants_file(self, path: Path, *, origins: Origins, secrets: SecretFolder) -> None:
        """Write `tenants.yaml`, which refers to its secrets by file."""
        ours = self._ours(origins, secrets)
        for section, values in self.changes.items():
            ours[section] = {**ours.get(section, {}), **values}
        _write_yaml(path, {"version": 1, "tenants": {"acme": ours}})

    def _ours(self, origins: Origins, secrets: SecretFolder) -> dict[str, Any]:
        host = origins.tenant.removeprefix("http://")
        return {
            "hosts": [host],
            "management": {
                "domain": host,
                "base_url": origins.tenant,
                "client_id": _MANAGEMENT,
                "client_secret_file": str(secrets.password_file("management")),
                "rate_profile": self.rate_profile,
                "reserve": 0.2,
            },
            "session_token": {
                "alg": "HS256",
                "secret_files": [str(secrets.password_file("session-token"))],
                "audience": "waystation",
            },
            "answer_token": {
                "alg": "HS256",
                "secret_files": [str(secrets.password_file("answer-token"))],
                "issuer": "waystation",
                "audience": "acme",
            },
            "profile_key_files": [str(secrets.key_file("profile"))],
            "metadata": {
                "namespace": "waystation",
                "policy": "wait",
                "deadline": "10s",
                "quiet": "2s",
                "max_wait": "30s",
            },
            "transaction": {"deadline": "45m"},
            "continue": {"method": "post", "state_in": "both"},
            "applications": {APPLICATION: {"name": "Acme Bank", "login_url": f"{origins.app}/login"}},
            "steps": {
                "password": {"revision": 1},
                "terms": _TERMS,
                "profile": _PROFILE,
                "stepup": {"revision": 1},
                "idproof": {
                    "revision": 1,
                    "valid_for": "365d",
                    "retry_after": "1h",
                    "attempts": 5,
                    "provider": "document",
                    "allow_document_validated": self.allow_document_validated,
                    "minimum_age": 18,
                    **self.idproof,
                },
            },
            "branding": {
                "name": "Acme",
                "logo": str(self.logo),
                "colours": {"accent": "#2f5bd8", "background": "#eef2fb"},
            },
        }

    def _emulator(self, origins: Origins, secrets: SecretFolder) -> dict[str, Any]:
        return {
            "tenant": {"id": "acme", "friendly_name": "Acme"},
            "clients": [self._application(origins, secrets), self._management(secrets)],
            "users": [self._user()],
            "connections": [_DATABASE],
            "actions": [
                {
                    "name": "waystation",
                    "code": str(ACTION),
                    "secrets": self._action_secrets(origins, secrets) | dict(self.action_settings),
                }
            ],
            "rate_limit": {"profile": self.rate_profile},
        }

    def _application(self, origins: Origins, secrets: SecretFolder) -> dict[str, Any]:
        return {
            "client_id": APPLICATION,
            "client_secret": secrets.password("application"),
            "name": "Acme Bank",
            "callbacks": [f"{origins.app}/callback"],
            "allowed_logout_urls": [origins.app],
            "grant_types": ["authorization_code", "refresh_token"],
            "initiate_login_uri": f"{origins.app}/login",
        }

    def _management(self, secrets: SecretFolder) -> dict[str, Any]:
        return {
            "client_id": _MANAGEMENT,
            "client_secret": secrets.password("management"),
            "name": "Waystation",
            "grant_types": ["client_credentials"],
            "scope": "update:users update:users_app_metadata create:user_tickets",
        }

    def _user(self) -> dict[str, Any]:
        person = self.person
        return {
            "user_id": person.user_id,
            "email": person.email,
            "password": person.password,
            "email_verified": True,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "name": f"{person.given_name} {person.family_name}",
            "user_metadata": {"birthdate": person.birth_date.isoformat()},
        }

    def _action_secrets(self, origins: Origins, secrets: SecretFolder) -> dict[str, str]:
        return {
            "START_URL": f"{origins.gateway}/start/acme/login",
            "CONTINUE_ORIGIN": origins.tenant,
            "SESSION_TOKEN_SECRET": secrets.password("session-token"),
            "SESSION_TOKEN_AUDIENCE": "waystation",
            "ANSWER_TOKEN_SECRET": secrets.password("answer-token"),
            "ANSWER_TOKEN_ISSUER": "waystation",
            "ANSWER_TOKEN_AUDIENCE": "acme",
            "PROFILE_KEY": secrets.key("profile"),
            "STEPS": "idproof:1",
            "STEPS_ON_REQUEST": "terms:1",
        }


def _write_yaml(path: Path, document: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
