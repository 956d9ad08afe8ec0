"""An example of every setting of every service, for whoever has just been told that theirs is wrong.

Nothing here is a default, and no value works as it is. SERVICE stands for whose setting it is.
"""

import re
from typing import Final

from common.schema import role_of

EXAMPLES: Final = {
    "ADMIN_LISTEN": "127.0.0.1:9090",
    "AMQP_URL": "amqps://SERVICE:PASSWORD@mq.internal:5671/waystation",
    "AMQP_URL_FILE": "/run/secrets/amqp-url",
    "BROKER_MANAGEMENT_URL": "https://monitor:PASSWORD@mq.internal:15671",
    "BROKER_MANAGEMENT_URL_FILE": "/run/secrets/broker-management-url",
    "CONNECTIONS_PER_ADDRESS": "200",
    "COOKIE_KEY_FILES": "/run/secrets/cookie.key",
    "DATABASE_URL": "postgresql://waystation_SERVICE:PASSWORD@db.internal:5432/waystation",
    "DATABASE_URL_FILE": "/run/secrets/database-url",
    "DATA_KEY_FILES": "/run/secrets/data.key,/run/secrets/data-before.key",
    "DRAIN_SECONDS": "5",
    "ENVIRONMENT": "production",
    "INTERNAL_LISTEN": "10.1.2.3:8443",
    "INTERNAL_TLS_CERT_FILE": "/run/secrets/internal.pem",
    "INTERNAL_TLS_KEY_FILE": "/run/secrets/internal-key.pem",
    "INTERNAL_TOKEN_FILES": "/run/secrets/internal-token",
    "LANGUAGES_FOLDER": "/etc/waystation/languages",
    "LIMIT_ADDRESS": "500/10s",
    "LIMIT_TENANT": "1000/10s",
    "LIMIT_USER": "20/120s",
    "LISTEN": "0.0.0.0:8080",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "info",
    "MAIL_FROM": "Acme <no-reply@acme.example>",
    "METADATA_SYNC_SEAL_KEY_FILE": "/run/secrets/seal-metadata-sync.key",
    "MIGRATE_DATABASE_URL": "postgresql://postgres:PASSWORD@db.internal:5432/waystation",
    "MIGRATE_DATABASE_URL_FILE": "/run/secrets/migrate-database-url",
    "OPEN_LOGINS_PER_TENANT": "10000",
    "OPEN_LOGINS_PER_USER": "5",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.internal:4318",
    "OTEL_EXPORTER_OTLP_HEADERS_FILE": "/run/secrets/collector-headers",
    "OTEL_TRACES_SAMPLER_ARG": "0.1",
    "OUTGOING_ADDRESSES": "public",
    "PASSWORD_CALL_CA_FILE": "/etc/waystation/internal-ca.pem",
    "PASSWORD_CALL_TOKEN_FILE": "/run/secrets/internal-token",
    "PASSWORD_CALL_URL": "https://metadata-sync.internal:8443",
    "PROOFING_SEAL_KEY_FILE": "/run/secrets/seal-proofing.key",
    "PUBLIC_BASE_URL": "https://steps.acme.example",
    "SEAL_KEY_FILES": "/run/secrets/seal.key,/run/secrets/seal-before.key",
    "SMTP_PASSWORD_FILE": "/run/secrets/smtp-password",
    "SMTP_URL": "smtps://waystation@mail.acme.example:465",
    "TENANTS_FILE": "/etc/waystation/tenants.yaml",
    "TRUSTED_PROXIES": "10.0.0.0/8",
}
_NAME = re.compile(r"([A-Z][A-Z0-9_]+): ")


def example_of(name: str, *, service: str | None) -> str | None:
    """How a setting could be right, for this service; None for what is no setting of ours."""
    example = EXAMPLES.get(name)
    if example is None or service is None:
        return example
    schema = service.replace("-", "_")
    return example.replace("waystation_SERVICE", role_of(schema)).replace("SERVICE", service)


def with_example(mistake: str, *, service: str | None = None) -> str:
    """A line `NAME: what is wrong`, and how it could be right; any other line as it is.

    `service` is whose settings they are, where that is known; else examples say SERVICE.
    """
    found = _NAME.match(mistake)
    example = example_of(found[1], service=service) if found else None
    return mistake if example is None else f"{mistake}; for example {example}"
