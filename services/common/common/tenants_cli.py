"""`waystation tenants check|diff`: a tenants file before a service meets it.

`check` reads what the services would read, with the secrets and pictures that it names, and lists every
mistake. `diff` tells what a new file changes. Neither needs a server.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.cli import MISUSED, Subjects, add_command, add_subject, complain, print_table, say, say_json
from common.cli_guide import Guide
from common.settings import PRODUCTION, SettingsError, SettingsReader
from common.tenant_secrets import ALL_PARTS
from common.tenant_yaml import parse_yaml
from common.tenants import TenantsFileError, files_of, load_tenants

_NOTHING = "-"
_WIDEST = 60
_COLUMNS = ("change", "tenant", "setting", "old", "new")


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    tenants = add_subject(subjects, "tenants", "a tenants file, before a service meets it")
    checking = add_command(
        tenants,
        "check",
        Guide(
            text="list every mistake of a tenants file, with its line",
            more="It reads what the services would read, with the secrets and pictures that the file names.",
            reads=("ENVIRONMENT", "TENANTS_FILE"),
            of="a service",
            examples=(
                "waystation tenants check",
                "waystation tenants check new/tenants.yaml --without-secrets",
            ),
            shape='{"ok": true, "tenants": [KEY, …]}, or {"ok": false, "mistakes": [TEXT, …]} with status 2',
            fails="never",
        ),
        run=_check,
    )
    checking.add_argument("path", type=Path, nargs="?", help="file or folder; default TENANTS_FILE")
    checking.add_argument(
        "--without-secrets", action="store_true", help="where the files that it names are not at hand"
    )
    comparing = add_command(
        tenants,
        "diff",
        Guide(
            text="tell what a new file changes, setting by setting",
            examples=("waystation tenants diff /etc/waystation/tenants.yaml new/tenants.yaml",),
            shape='[{"change": "added"|"removed"|"changed", "tenant", "setting", "old", "new"}, …]',
            fails="nothing changes",
        ),
        run=_diff,
    )
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)


def _check(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    path = options.path or reader.path("TENANTS_FILE")
    reader.finish()
    parts = frozenset[Any]() if options.without_secrets else ALL_PARTS
    try:
        found = load_tenants(path, production=environment == PRODUCTION, parts=parts)
    except TenantsFileError as exc:
        if options.json:
            say_json({"ok": False, "mistakes": exc.mistakes})
            return MISUSED
        raise SettingsError(exc.mistakes) from exc
    keys = sorted(tenant.key for tenant in found)
    if options.json:
        say_json({"ok": True, "tenants": keys})
    else:
        say(f"Good: {', '.join(keys)}.")
    return 0


def _diff(options: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """0 where anything changes, 1 where nothing does, 2 where a file is none."""
    changes = list(_changes(_settings(options.old), _settings(options.new)))
    if options.json:
        say_json([dict(zip(_COLUMNS, change, strict=True)) for change in changes])
    elif changes:
        print_table(_COLUMNS, [tuple(map(_short, change)) for change in changes])
    else:
        complain("Nothing changes.")
    return 0 if changes else 1


def _settings(path: Path) -> dict[tuple[str, str], str]:
    """Every setting of every tenant, by tenant and dotted name, as JSON."""
    found: dict[tuple[str, str], str] = {}
    for file in files_of(path):
        for tenant, settings in _tenants_in(file).items():
            found |= {(str(tenant), name): value for name, value in _flat(settings)}
    return found


def _tenants_in(path: Path) -> dict[str, object]:
    try:
        file = parse_yaml(path, path.read_bytes())
    except OSError:
        raise SettingsError((f"{path}: cannot be read",)) from None
    if file.mistakes:
        raise SettingsError(tuple(str(mistake) for mistake in file.mistakes))
    tenants = file.data.get("tenants") if isinstance(file.data, dict) else None
    if not isinstance(tenants, dict):
        raise SettingsError((str(file.mistake((), "has no tenants")),))
    return tenants


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _changes(
    old: Mapping[tuple[str, str], str], new: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str, str, str, str]]:
    for tenant, name in sorted(old.keys() | new.keys()):
        before, after = (settings.get((tenant, name), _NOTHING) for settings in (old, new))
        if before != after:
            change = "added" if before == _NOTHING else "removed" if after == _NOTHING else "changed"
            yield change, tenant, name, before, after
