"""Tenants files as tests need them: a complete good one, and the means to make one thing wrong."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.tenants import TenantsFileError, load_tenants
from tests.support.secret_folder import write_private

SESSION_SECRET = "session-secret-of-acme-that-is-long-enough"
SESSION_SECRET_BEFORE = "session-secret-of-acme-before-the-rotation"
ANSWER_SECRET = "answer-secret-of-acme-that-is-long-enough"
ANSWER_SECRET_BEFORE = "answer-secret-of-acme-before-the-rotation"
PROFILE_KEY = bytes(range(32))
PROFILE_KEY_BEFORE = bytes(range(32, 64))
CLIENT_SECRET = "client-secret-of-acme"
GLOBEX_SECRET = "session-secret-of-globex-that-is-long-enough"

_FILES = {
    "session": SESSION_SECRET,
    "session.before": SESSION_SECRET_BEFORE,
    "answer": ANSWER_SECRET,
    "answer.before": ANSWER_SECRET_BEFORE,
    "profile.key": base64.urlsafe_b64encode(PROFILE_KEY).decode(),
    "profile.before.key": base64.urlsafe_b64encode(PROFILE_KEY_BEFORE).decode().rstrip("="),
    "management": CLIENT_SECRET,
    "session.globex": GLOBEX_SECRET,
}


def section(host: str = "acme.eu.auth0.com", **changes: Any) -> dict[str, Any]:
    """A tenant with everything set; `changes` replace whole entries."""
    return {
        "hosts": [host],
        "management": {
            "domain": host,
            "client_id": "m2m",
            "client_secret_file": "secrets/management",
            "rate_profile": "enterprise",
            "reserve": 0.2,
        },
        "session_token": {
            "alg": "HS256",
            "secret_files": ["secrets/session", "secrets/session.before"],
            "audience": "waystation",
        },
        "answer_token": {
            "alg": "HS256",
            "secret_files": ["secrets/answer", "secrets/answer.before"],
            "issuer": "waystation",
            "audience": "acme",
        },
        "profile_key_files": ["secrets/profile.key", "secrets/profile.before.key"],
        "metadata": {
            "namespace": "waystation",
            "policy": "wait",
            "deadline": "10s",
            "quiet": "2s",
            "max_wait": "30s",
        },
        "transaction": {"deadline": "45m"},
        "continue": {"method": "post", "state_in": "both"},
        "applications": {"app1": {"name": "Acme Bank", "login_url": "https://bank.acme.example/login"}},
        "steps": {
            "idproof": {
                "revision": 1,
                "valid_for": "365d",
                "retry_after": "1h",
                "attempts": 5,
                "provider": "document",
                "allow_document_validated": True,
                "minimum_age": 18,
            }
        },
        "branding": {"name": "Acme"},
        **changes,
    }


def terms(**changes: Any) -> dict[str, Any]:
    """A step with a mandatory text, a mandatory link and an optional consent; `changes` replace entries."""
    return {
        "revision": 3,
        "valid_for": "730d",
        "jurisdiction": "Austria",
        "policy_url": "https://acme.example/privacy",
        "controller": {
            "name": "Acme GmbH",
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
                    "en": {
                        "title": "Terms of use",
                        "text": "Be kind.\nPay your bills.",
                        "changes": [
                            {"version": "2025-01", "text": "We added a chapter on fees."},
                            {"version": "2026-05", "text": "Bills are due after ten days."},
                        ],
                    },
                    "de": {"title": "Nutzungsbedingungen", "text": "Sei nett.\nZahl deine Rechnungen."},
                },
            },
            {
                "id": "privacy",
                "version": "7",
                "languages": {"en": {"title": "Privacy policy", "link": "https://acme.example/privacy"}},
            },
            {
                "id": "news",
                "version": "1",
                "mandatory": False,
                "purposes": [
                    {
                        "purpose": "Tell you about offers by e-mail",
                        "categories": ["Marketing"],
                        "data": ["E-mail address"],
                        "primary": False,
                        "third_party": "Mailhouse Ltd",
                    }
                ],
                "languages": {"en": {"title": "Offers by e-mail", "text": "One mail a month."}},
            },
        ],
        **changes,
    }


def write_secrets(folder: Path) -> None:
    """The secret files that `section` names, under `folder`/secrets."""
    (folder / "secrets").mkdir(exist_ok=True)
    for name, text in _FILES.items():
        write_private(folder / "secrets" / name, f"{text}\n")


def write_tenants(folder: Path, tenants: Mapping[str, Any], *, name: str = "tenants.yaml") -> Path:
    """A tenants file with those sections, its secrets beside it."""
    write_secrets(folder)
    path = folder / name
    path.write_text(yaml.safe_dump({"version": 1, "tenants": dict(tenants)}, sort_keys=False))
    return path


def mistakes(path: Path, *, production: bool = True) -> tuple[str, ...]:
    """What is wrong, with paths relative to the file's folder."""
    with pytest.raises(TenantsFileError) as wrong:
        load_tenants(path, production=production)
    folder = path if path.is_dir() else path.parent
    return tuple(mistake.replace(f"{folder}/", "") for mistake in wrong.value.mistakes)


def at(*path: str) -> Callable[[dict[str, Any], Any], None]:
    """Puts a value into a tenant's section, under these keys."""

    def put(tenant: dict[str, Any], value: Any) -> None:
        for key in path[:-1]:
            tenant = tenant[key]
        tenant[path[-1]] = value

    return put
