"""What installs the Action: made from its source, never stale, and the same thing in every form."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

from deploy.auth0.package import HERE, SOURCE, make, read_settings, stale

CODE = SOURCE.read_text(encoding="utf-8")


def test_nothing_is_stale() -> None:
    """What is in the tree is what the source makes; `./dev package` writes it anew."""
    assert stale(make(CODE)) == []


def test_a_changed_source_makes_every_copy_stale() -> None:
    """A change of the Action is noticed in all three forms."""
    assert stale(make(CODE + "// changed\n")) == [
        Path("deploy-cli/actions/waystation/code.js"),
        Path("terraform/code.js"),
        Path("integration/integration.action.js"),
    ]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (("@setting DEBUG (off, on) Debug log:", "@setting DEBUG Debug log:"), "not of the form"),
        (("@setting NAMESPACE ", "@setting NAMESPACES "), "'NAMESPACE', 'NAMESPACES'"),
        (('read("STEPS"', 'read("STEP"'), "'STEP', 'STEPS'"),
    ],
)
def test_documented_settings_are_those_that_are_read(damage: tuple[str, str], complaint: str) -> None:
    """A setting that is read but not documented, or the other way round, makes no package."""
    with pytest.raises(ValueError, match=complaint):
        read_settings(CODE.replace(*damage))


def terraform(file: str) -> dict[str, Any]:
    """The module's file as hcl2 reads it, without the quotes that it keeps round labels and texts."""
    parsed = hcl2.loads((HERE / "terraform" / file).read_text(encoding="utf-8"))
    plain: dict[str, Any] = json.loads(re.sub(r'\\"', "", json.dumps(parsed)))
    return plain


def resource(kind: str) -> dict[str, Any]:
    (found,) = [block[kind] for block in terraform("main.tf")["resource"] if kind in block]
    (body,) = found.values()
    return dict(body)


def test_terraform_makes_the_action_that_the_deploy_cli_makes() -> None:
    """Name, runtime, trigger and code are the same in both; both deploy it."""
    folder = HERE / "deploy-cli"
    described = json.loads((folder / "actions" / "waystation.json").read_text(encoding="utf-8"))
    action = resource("auth0_action")
    (trigger,) = action["supported_triggers"]
    assert (action["name"], action["runtime"], action["deploy"]) == (
        described["name"],
        described["runtime"],
        described["deployed"],
    )
    assert [{"id": trigger["id"], "version": trigger["version"]}] == described["supported_triggers"]
    assert action["code"] == "${file(${path.module}/code.js)}"
    code = (folder / described["code"]).read_text(encoding="utf-8")
    assert code == (HERE / "terraform" / "code.js").read_text(encoding="utf-8") == CODE
    assert resource("auth0_trigger_action")["trigger"] == "post-login"


def test_terraform_passes_every_setting_on() -> None:
    """Each setting has a variable: those without a default must be given, and secrets are sensitive."""
    variables = {
        name: body for block in terraform("variables.tf")["variable"] for name, body in block.items()
    }
    (locals_,) = terraform("main.tf")["locals"]
    settings = {name: value for name, value in locals_["settings"].items() if not name.startswith("__")}
    described = json.loads((HERE / "deploy-cli/actions/waystation.json").read_text(encoding="utf-8"))
    must = {secret["name"] for secret in described["secrets"]}
    assert settings == {setting.name: f"${{var.{setting.name.lower()}}}" for setting in read_settings(CODE)}
    assert {name for name in settings if "default" not in variables[name.lower()]} == must - {
        # A private key and public keys may stand for them.
        "SESSION_TOKEN_SECRET",
        "ANSWER_TOKEN_SECRET",
    }
    assert {name for name in variables if variables[name].get("sensitive")} == {
        "session_token_secret",
        "session_token_private_key",
        "answer_token_secret",
        "answer_token_secret_previous",
        "profile_key",
    }


def test_terraforms_client_may_do_what_metadata_sync_does_and_no_more() -> None:
    """The grant is on the Management API of the canonical domain, with three scopes."""
    grant = resource("auth0_client_grant")
    assert grant["audience"] == "https://${var.auth0_domain}/api/v2/"
    assert grant["scopes"] == [
        "update:users",
        "update:users_app_metadata",
        "create:user_tickets",
    ]


def test_the_marketplace_form_asks_for_every_setting_once() -> None:
    """Secrets and plain values are apart and labelled; choices have options; nothing needs a package."""
    form = json.loads((HERE / "integration" / "configuration.json").read_text(encoding="utf-8"))
    fields = form["secrets"] + form["configuration"]
    assert form["dependencies"] == []
    assert {field["name"] for field in form["secrets"]} == {
        "SESSION_TOKEN_SECRET",
        "SESSION_TOKEN_PRIVATE_KEY",
        "ANSWER_TOKEN_SECRET",
        "ANSWER_TOKEN_SECRET_PREVIOUS",
        "PROFILE_KEY",
    }
    assert sorted(field["name"] for field in fields) == sorted(one.name for one in read_settings(CODE))
    assert all(field["label"] and field["description"].endswith(".") for field in fields)
    options = {
        field["name"]: [one["value"] for one in field["options"]] for field in fields if "options" in field
    }
    assert options == {
        "ON_PENDING": ["deny", "allow"],
        "BROWSER_CHECK": ["browser", "network", "off"],
        "DEBUG": ["off", "on"],
    }


def test_the_marketplace_spec_passes() -> None:
    """The one file of tests that reviewers get needs nothing but the Action beside it."""
    node = shutil.which("node")
    assert node is not None
    spec = HERE / "integration" / "integration.action.spec.js"
    run = subprocess.run(
        [node, "--test", "--test-reporter=dot", str(spec)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("name", "size"),
    [("256x256-logo", (256, 256)), *((f"460x260-column-{number}", (460, 260)) for number in (1, 2, 3))],
)
def test_the_marketplace_pictures_have_their_sizes(name: str, size: tuple[int, int]) -> None:
    """Each picture is a PNG of the size in its name."""
    picture = (HERE / "integration" / "media" / f"{name}.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24]) == size
