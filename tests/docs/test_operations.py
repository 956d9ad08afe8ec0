import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from common.audit import Audited
from common.tenant_tokens import AnswerTokenRules, SessionTokenRules
from common.tenants import Tenant, load_tenants
from tests.docs.markdown import Page, code_blocks
from tests.support.broker_definitions import SERVICES, VHOST, broker_definitions
from tests.support.log_contract import all_events
from tests.support.run_folder import ROOT
from tests.support.secret_folder import write_private

PAGE = Page(ROOT / "docs" / "operations.md")


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """The page's tenants file, with secrets and pictures where it looks for them."""
    (text,) = code_blocks(PAGE.text, "yaml")
    (tmp_path / "secrets").mkdir()
    for number, name in enumerate(re.findall(r"\bsecrets/([\w.-]+)", text)):
        content = base64.urlsafe_b64encode(bytes(range(number, number + 32)))
        write_private(tmp_path / "secrets" / name, content.decode())
    (tmp_path / "pictures").mkdir()
    for name in re.findall(r"\bpictures/([\w.-]+)", text):
        (tmp_path / "pictures" / name).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    path = tmp_path / "tenants.yaml"
    path.write_text(text)
    return path


def test_example_of_a_tenants_file(tenants_file: Path) -> None:
    """The page's tenants file is one that production takes."""
    (tenant,) = load_tenants(tenants_file, production=True)
    assert tenant.key == "acme"


def test_example_shows_every_key(tenants_file: Path) -> None:
    """The page's tenants file has every key that there is."""
    shown = yaml.safe_load(tenants_file.read_text())["tenants"]["acme"]
    missing = [key for key in keys_of(Tenant) if key != "key" and not has(shown, key)]
    assert missing == []


def test_example_names_every_key_of_tokens(tenants_file: Path) -> None:
    """What the example does not use of the keys of tokens stands there as a comment."""
    text = tenants_file.read_text()
    for rules in (SessionTokenRules, AnswerTokenRules):
        names = [field.alias or name for name, field in rules.model_fields.items()]
        assert [name for name in names if f" {name}: " not in text] == []


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Dotted keys of a section and of the sections in it."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield key
        for section in sections_in(field.annotation):
            yield from (f"{key}.{inner}" for inner in keys_of(section))


def sections_in(annotation: object) -> list[type[BaseModel]]:
    choices = [annotation, *getattr(annotation, "__args__", ())]
    return [
        choice
        for choice in choices
        if isinstance(choice, type)
        and issubclass(choice, BaseModel)
        and choice.__module__.endswith("tenant_models")
    ]


def has(shown: object, key: str) -> bool:
    first, _, rest = key.partition(".")
    if not isinstance(shown, dict):
        return False
    if first not in shown:
        # The keys of a mapping are the tenant's own: any entry will do.
        return any(isinstance(value, dict) and first in value for value in shown.values())
    return not rest or has(shown[first], rest)


def test_log_events() -> None:
    """Every event that the page tells operators to watch is one that a service writes."""
    written = {event.name for _, event in all_events()}
    rows = [line for line in PAGE.section("Logs").splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+\.\w+)`", row.split(" | ")[0])}
    assert named
    assert named - written == set()


def test_broker_permissions() -> None:
    """The users of the page are those that local stacks run with."""
    definitions = broker_definitions(dict.fromkeys(SERVICES, "password"), vhosts=[VHOST])
    rows = [
        "| `{user}` | `{configure}` | `{write}` | `{read}` |".format(**permission)
        for permission in definitions["permissions"]
    ]
    section = PAGE.section("RabbitMQ").replace(r"\|", "|")
    assert [row for row in rows if row not in section] == []


def test_roles() -> None:
    """The page's roles are those that the migrations make."""
    rows = re.findall(r"^\| `(waystation_\w+)` \|", PAGE.section("Database"), re.MULTILINE)
    schemas = ("gateway", "proofing", "metadata_sync")
    of_services = [f"waystation_{schema}{end}" for schema in schemas for end in ("", "_all_tenants")]
    assert rows == ["waystation_owner", *of_services]


def test_audited_events() -> None:
    """The page has each event of the audit trail, in order, and no other."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", PAGE.section("Audit trail"), re.MULTILINE)
    assert rows == [event.value for event in Audited]
