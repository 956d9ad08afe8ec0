"""`waystation doctor`: everything that a service needs, looked at as the service would, with the fix."""

import argparse
import asyncio
from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from common.cli import FAILED, Subjects, add_command, print_table, printable, say, say_json
from common.cli_guide import Guide
from common.doctor import Check, Examination, Finding, Patient, Status, examine, fail, ok, skipped
from common.doctor_broker import look_at_broker, look_at_management
from common.doctor_database import look_at_database
from common.doctor_process import look_at_process
from common.environments import Environment, read_environments
from common.messages import DEAD
from common.outgoing import read_outgoing
from common.schema import queue_of, schemas
from common.service_settings import ServiceSettings, read_admin_listen
from common.setting_examples import example_of
from common.settings import PRODUCTION, SettingsError, SettingsReader
from common.tenant_secrets import Reading
from common.tenants import Tenants, TenantsFileError, read_tenants

GROUP = "waystation.doctor"
_DATABASE, _BROKER, _MANAGEMENT = "DATABASE_URL", "AMQP_URL", "BROKER_MANAGEMENT_URL"


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    parser = add_command(
        subjects,
        "doctor",
        Guide(
            text="look at everything that a service needs, and tell what to mend",
            more="Whether it is ready and its queue consumed; settings, key files, tenants and secrets, "
            "database, migrations, rights, broker, topology, permissions, clocks; of metadata-sync each "
            "tenant's Management API, scopes and limit too. All checks run side by side, each 15 seconds at "
            "most; nothing is changed, and nothing secret shown. Policies and bindings of the broker are "
            "looked at if BROKER_MANAGEMENT_URL names the management plugin and a user of it. What was not "
            "looked at is `skipped`, and says what it lacks.",
            reads=("every setting of the service", "BROKER_MANAGEMENT_URL"),
            examples=(
                "kubectl exec deploy/waystation-gateway -- waystation doctor",
                "waystation doctor --env gateway.env --env proofing.env --env metadata-sync.env",
                "waystation doctor --tenant acme --json",
            ),
            shape='{"ok": BOOLEAN, "findings": [{"service", "about", "status": "ok"|"skipped"|"warn"|'
            '"fail", "text", "fix"}, …]}',
            fails="a check failed; warnings and what was skipped leave it 0",
        ),
        run=_run,
    )
    add_environment_options(parser)
    parser.add_argument("--tenant", help="of the tenants this one alone")
    parser.add_argument("--quiet", action="store_true", help="only what is to be mended")


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    """Whose settings: those of this process, or files."""
    names = [queue_of(schema) for schema in schemas()]
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--service", choices=names, help="whose settings these are, where the role does not say"
    )
    whose.add_argument(
        "--env",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings of a service, lines NAME=VALUE, instead of this process's; more than once: several",
    )


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    found = read_environments(environ, options.env, service=options.service)
    findings = asyncio.run(_examine(found, options))
    is_ok = all(finding["status"] is not Status.FAIL for finding in findings)
    to_mend = [one for one in findings if one["status"] not in {Status.OK, Status.SKIPPED}]
    shown = to_mend if options.quiet else findings
    if options.json:
        say_json({"ok": is_ok, "findings": shown})
    else:
        _tell(shown, findings)
    return 0 if is_ok else FAILED


async def _examine(environments: list[Environment], options: argparse.Namespace) -> list[dict[str, Any]]:
    found = await asyncio.gather(*(_service(one, options.tenant) for one in environments))
    return [
        {
            "service": environment.service,
            "about": finding.about,
            "status": finding.status,
            "text": finding.text,
            "fix": finding.fix,
        }
        for environment, findings in zip(environments, found, strict=True)
        for finding in findings
    ]


async def _service(environment: Environment, tenant: str | None) -> list[Finding]:
    (entry,) = entry_points(group=GROUP, name=environment.schema)
    examination: Examination = entry.load()
    patient, findings = admit(environment, examination, tenant=tenant)
    checks: dict[str, Check] = {"readiness": partial(look_at_process, patient)}
    if patient.database_url:
        checks["database"] = partial(look_at_database, patient)
    else:
        findings.append(_cannot("database", _DATABASE))
    if patient.amqp_url:
        checks["broker"] = partial(look_at_broker, patient, examination.exchanges)
        bindings = {
            patient.service: examination.bindings,
            f"{patient.service}.dead": frozenset({(DEAD, patient.service)}),
        }
        checks["policies"] = partial(look_at_management, patient, bindings)
    else:
        findings.append(_cannot("broker", _BROKER))
    return [*findings, *await examine({**checks, **examination.checks(patient)})]


def _cannot(about: str, name: str) -> Finding:
    return skipped(about, f"there is no {name} that can be used", fix=f"Correct {name}.")


def admit(
    environment: Environment, examination: Examination, *, tenant: str | None = None
) -> tuple[Patient, list[Finding]]:
    """What can be known of a service from its settings, and what is wrong with them."""
    reader = SettingsReader(environment.variables)
    production = reader.environment() == PRODUCTION
    tenants_file = reader.path("TENANTS_FILE")
    outgoing = read_outgoing(reader, production=production)
    admin = read_admin_listen(reader)
    urls = {
        _DATABASE: reader.secret_url(_DATABASE, schemes=("postgresql", "postgres")),
        _BROKER: reader.secret_url(_BROKER, schemes=("amqp", "amqps")),
        _MANAGEMENT: reader.optional_secret_url(_MANAGEMENT, schemes=("http", "https")),
    }
    wrong = {mistake.partition(":")[0].removesuffix("_FILE") for mistake in reader.mistakes}
    urls = {name: "" if name in wrong else url for name, url in urls.items()}
    settings, mistakes = _settings(examination, environment.variables)
    # The service itself does not read this one.
    mistakes += tuple(one for one in reader.mistakes if one.startswith(_MANAGEMENT))
    reading = Reading(
        production=production,
        parts=examination.parts,
        can_mail=getattr(settings, "mail", True) is not None,
        can_call=getattr(settings, "password_call", True) is not None,
    )
    tenants, wrong_tenants = _tenants(tenants_file, reading)
    findings = [
        *_judge_settings([one for one in mistakes if one not in wrong_tenants], service=environment.service),
        *_judge_tenants(tenants, wrong_tenants),
    ]
    if tenants is not None and tenant is not None:
        chosen = tenants.get(tenant)
        tenants = Tenants({tenant: chosen} if chosen else {})
        if chosen is None:
            findings.append(
                fail("tenants", f"there is no tenant {printable(tenant)}", fix="Name one of the file.")
            )
    patient = Patient(
        schema=environment.schema,
        production=production,
        settings=settings,
        tenants=tenants,
        outgoing=outgoing,
        database_url=urls[_DATABASE],
        amqp_url=urls[_BROKER],
        management_url=urls[_MANAGEMENT],
        admin=None if "ADMIN_LISTEN" in wrong else admin,
        may_be_elsewhere=not environment.is_own,
    )
    return patient, findings


def _settings(
    examination: Examination, variables: Mapping[str, str]
) -> tuple[ServiceSettings | None, tuple[str, ...]]:
    try:
        return examination.read_settings(variables), ()
    except SettingsError as exc:
        return None, exc.mistakes


def _tenants(path: Path, reading: Reading) -> tuple[Tenants | None, tuple[str, ...]]:
    if not path.name or not path.exists():
        return None, ()
    try:
        return read_tenants(path, reading), ()
    except TenantsFileError as exc:
        return None, exc.mistakes


def _judge_settings(mistakes: list[str], *, service: str) -> list[Finding]:
    if not mistakes:
        return [ok("settings", "are complete, and key files good")]
    found = []
    for mistake in mistakes:
        name, _, problem = mistake.partition(": ")
        example = example_of(name, service=service)
        fix = f"Correct {name}; for example {example}" if example else f"Correct {name}."
        found.append(fail("settings", f"{name} {problem}", fix=fix))
    return found


def _judge_tenants(tenants: Tenants | None, mistakes: tuple[str, ...]) -> list[Finding]:
    if mistakes:
        fix = "Correct it there; `waystation tenants check` tells the same of a file."
        return [fail("tenants", mistake, fix=fix) for mistake in mistakes]
    if tenants is None:
        return [_cannot("tenants", "TENANTS_FILE")]
    return [ok("tenants", f"{len(tenants)} in the file, with secrets that can be read and are long enough")]


def _tell(shown: list[dict[str, Any]], findings: list[dict[str, Any]]) -> None:
    rows = [(one["status"].upper(), one["service"], one["about"], one["text"]) for one in shown]
    if rows:
        print_table(("status", "service", "about", "finding"), rows)
    fixes = [one for one in shown if one["fix"]]
    if fixes:
        say("")
    for one in fixes:
        say(f"{one['service']}, {one['about']}: {printable(one['fix'])}")
    counts = {status: sum(one["status"] is status for one in findings) for status in Status}
    is_whole = not counts[Status.SKIPPED]
    say("" if rows else "All is well." if is_whole else "What was looked at is well.")
    say(", ".join(f"{counts[status]} {status}" for status in Status))
