"""What docker-compose.yml needs around its services: `python -m tests.support.containers prepare|roles`.

`prepare` makes secrets, addresses and files at the first `docker compose up` and keeps them: a volume for
each container under /prepared, with nothing in it that is another's, which that container sees as
/run/waystation. `roles` lets the services into the database that `migrate` has made.

Names below localhost lead a browser to this machine (RFC 6761) and a container to its neighbour, by an alias
of the network: so everybody knows tenant, gateway and application by the same origins.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import yaml

from tests.support.broker_definitions import ADMIN, VHOST, broker_definitions
from tests.support.broker_definitions import SERVICES as BROKER_USERS
from tests.support.databases import SCHEMAS
from tests.support.demo_tenant import LOGO, DemoTenant, Origins
from tests.support.secret_folder import SecretFolder
from tests.support.steps_option import clicked_tenant, steps_of
from tests.tenant.tls import server_context

HERE = Path(
    "/run/waystation"
)  # as every container sees its own volume, and `prepare` the one with everything
PREPARED = Path("/prepared")
_DATABASE, _OWNER = "waystation", "postgres"
_POSTGRES, _RABBITMQ = "postgres:5432", "rabbitmq:5672"
_SEALED_FOR = {"gateway": ("proofing", "metadata-sync"), "proofing": (), "metadata-sync": ()}


def prepare(environ: Mapping[str, str], *, here: Path = HERE, prepared: Path = PREPARED) -> None:
    """Fill each container's volume below `prepared` from what `here` keeps; what was made before stays."""
    secrets = SecretFolder(here / "secrets")
    origins = Origins(**{name: environ[f"{name.upper()}_ORIGIN"] for name in ("tenant", "gateway", "app")})
    tenant = clicked_tenant(steps_of(environ["STEPS"]), logo=HERE / "logo.svg")
    _write_tenant(tenant, here, origins=origins, secrets=secrets)
    server_context(here / "internal", hosts=("metadata-sync",))
    _give(prepared / "postgres", {"password": secrets.password("database-owner")}, mode=0o444)
    _give(prepared / "rabbitmq", {"definitions.json": _definitions(secrets)}, mode=0o444)
    _give(prepared / "migrate", {"database-url": _owner_url(secrets)} | _role_passwords(secrets))
    _give(prepared / "tenant", {"tenant.yaml": (here / "tenant.yaml").read_text()})
    _give(prepared / "app", {"secret": secrets.password("application")})
    for service in SCHEMAS:
        _give(prepared / service, _of_service(service, secrets, here=here))


def _write_tenant(demo: DemoTenant, here: Path, *, origins: Origins, secrets: SecretFolder) -> None:
    """tenants.yaml with the paths that the services see, and tenant.yaml for the emulator."""
    demo.write_tenants_file(here / "tenants.yaml", origins=origins, secrets=secrets)
    emulator_file = here / "tenant.yaml"
    demo.write_emulator_file(emulator_file, origins=origins, secrets=secrets)
    emulator = yaml.safe_load(emulator_file.read_text())
    emulator["tenant"]["issuer"] = f"{origins.tenant}/"
    emulator_file.write_text(yaml.safe_dump(emulator))


def _of_service(service: str, secrets: SecretFolder, *, here: Path) -> dict[str, str]:
    keys = [f"data-{service}", *(f"seal-{receiver}" for receiver in _SEALED_FOR[service] or (service,))]
    common = {
        "database-url": _database_url(SCHEMAS[service], secrets),
        "amqp-url": f"amqp://{service}:{secrets.password(f'rabbitmq-{service}')}@{_RABBITMQ}/{VHOST}",
        "tenants.yaml": (here / "tenants.yaml").read_text(),
        "logo.svg": LOGO.read_text(),
        **{f"secrets/{name}.key": secrets.key(name) for name in keys},
    }
    match service:
        case "gateway":
            passwords = ("session-token", "answer-token", "internal")
            return common | {
                **{f"secrets/{name}": secrets.password(name) for name in passwords},
                **{f"secrets/{name}.key": secrets.key(name) for name in ("cookie", "profile")},
                "internal/ca.pem": (here / "internal" / "ca.pem").read_text(),
            }
        case "metadata-sync":
            return common | {
                **{f"secrets/{name}": secrets.password(name) for name in ("management", "internal")},
                "internal/server.pem": (here / "internal" / "server.pem").read_text(),
            }
        case _:
            return common


def _definitions(secrets: SecretFolder) -> str:
    passwords = {user: secrets.password(f"rabbitmq-{user}") for user in (*BROKER_USERS, ADMIN)}
    return json.dumps(broker_definitions(passwords, vhosts=[VHOST]))


def _role_passwords(secrets: SecretFolder) -> dict[str, str]:
    return {f"role-{schema}": secrets.password(f"database-{schema}") for schema in SCHEMAS.values()}


def _owner_url(secrets: SecretFolder) -> str:
    return f"postgresql://{_OWNER}:{secrets.password('database-owner')}@{_POSTGRES}/{_DATABASE}"


def _database_url(schema: str, secrets: SecretFolder) -> str:
    password = secrets.password(f"database-{schema}")
    return f"postgresql://waystation_{schema}:{password}@{_POSTGRES}/{_DATABASE}"


def _give(volume: Path, files: Mapping[str, str], *, mode: int = 0o400) -> None:
    """Readable by its owner alone, the container's user, unless the container runs as somebody else."""
    for name, text in files.items():
        path = volume / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        new.write_text(text)
        new.chmod(mode)
        new.replace(path)


async def give_roles_passwords() -> None:
    """The passwords of the services' roles, as `migrate` was given them."""
    connection = await asyncpg.connect((HERE / "database-url").read_text(), timeout=10)
    try:
        for schema in SCHEMAS.values():
            password = (HERE / f"role-{schema}").read_text()
            await connection.execute(f"ALTER ROLE waystation_{schema} PASSWORD '{password}'")
    finally:
        await connection.close()


def main(arguments: list[str]) -> int:
    match arguments:
        case ["prepare"]:
            try:
                prepare(os.environ)
            except argparse.ArgumentTypeError as exc:
                sys.stderr.write(f"STEPS {exc}\n")
                return 2
        case ["roles"]:
            asyncio.run(give_roles_passwords())
        case _:
            sys.stderr.write("usage: python -m tests.support.containers prepare|roles\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
