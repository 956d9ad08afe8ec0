from pathlib import Path

import pytest

from tests.tenant.config import GRANTS, PROFILES, load_config
from tests.tenant.errors import ConfigError

_GOOD = """\
tenant: {id: acme}
clients:
  - {client_id: app, client_secret: null, callbacks: ["http://127.0.0.4:9/cb"]}
users:
  - {user_id: auth0|1, email: a@example.org, user_metadata: {birthdate: 1980-01-02}}
settings: {continue_state_source: body, transaction_lifetime: 60}
"""


def _mistakes(folder: Path, text: str) -> list[str]:
    path = folder / "tenant.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return list(caught.value.mistakes)


def test_good_file(tmp_path: Path) -> None:
    """A file is read with its defaults, and a date in metadata stays text."""
    path = tmp_path / "tenant.yaml"
    path.write_text(_GOOD, encoding="utf-8")
    config = load_config(path)
    assert config.clients["app"].grants == ("authorization_code", "refresh_token")
    assert config.users[0]["user_metadata"] == {"birthdate": "1980-01-02"}
    assert (config.choices.continue_state_source, config.choices.transaction_lifetime) == ("body", 60)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Every mistake is listed, each with its line."""
    text = """\
tenant: {id: acme, issuer: "https://acme.auth0.com", colour: red}
clients:
  - client_id: app
    callbacks: http://127.0.0.4:9/cb
    grant_types: [magic]
  - client_id: app
users:
  - {email: 7}
actions:
  - {name: way, code: nowhere.js}
rate_limit: {profile: fast}
settings:
  continue_cookie: perhaps
  action_timeout: soon
  speed: 3
"""
    assert _mistakes(tmp_path, text) == [
        'tenant.yaml: line 1: tenant: issuer must be an http(s) origin that ends in "/"',
        "tenant.yaml: line 4: clients[0]: callbacks must be a list of texts",
        f"tenant.yaml: line 5: clients[0]: grant_types: magic is not one of {', '.join(GRANTS)}",
        "tenant.yaml: line 6: clients[1]: client_id app is given twice",
        "tenant.yaml: line 8: users[0]: user_id is missing",
        "tenant.yaml: line 8: users[0]: email must be text",
        f"tenant.yaml: line 10: actions[0]: code: cannot read {tmp_path / 'nowhere.js'}",
        f"tenant.yaml: line 11: rate_limit: profile must be one of {', '.join(PROFILES)}",
        "tenant.yaml: line 13: settings: continue_cookie must be one of required, off",
        "tenant.yaml: line 14: settings: action_timeout must be a number",
        "tenant.yaml: line 15: settings: unknown key speed",
        "tenant.yaml: line 1: tenant: unknown key colour",
    ]


def test_odd_values(tmp_path: Path) -> None:
    """What YAML can say and a tenant cannot mean is a mistake with its line, never a traceback."""
    text = """\
tenant: {id: acme, default_directory: perhaps}
users:
  - {user_id: auth0|1, email: a@example.org, app_metadata: {a: !!binary aGk=}}
  - {user_id: auth0|2, email: a@example.org, user_metadata: {a: .nan}}
  - {user_id: auth0|3, email: !!int x}
  - {user_id: auth0|4, email: a@example.org, app_metadata: !!python/name:os.system x}
apis:
  - {identifier: 7, token_lifetime: -1, clients: [a], permissions: 1}
settings:
  continue_error_status: 99
  unknown_client_status: 400.5
  code_lifetime: .inf
  logout_text: 7
"""
    assert _mistakes(tmp_path, text) == [
        "tenant.yaml: line 1: tenant: default_directory must be true or false",
        "tenant.yaml: line 8: apis[0]: identifier must be text",
        "tenant.yaml: line 8: apis[0]: token_lifetime must be a number that is not negative",
        "tenant.yaml: line 8: apis[0]: clients must be a mapping",
        "tenant.yaml: line 8: apis[0]: permissions must be true or false",
        "tenant.yaml: line 3: users[0]: app_metadata must hold what JSON can hold",
        "tenant.yaml: line 4: users[1]: user_metadata must hold what JSON can hold",
        "tenant.yaml: line 5: users[2]: email cannot be read",
        "tenant.yaml: line 6: users[3]: app_metadata cannot be read",
        "tenant.yaml: line 10: settings: continue_error_status must be a status from 200 to 599",
        "tenant.yaml: line 11: settings: unknown_client_status must be a status from 200 to 599",
        "tenant.yaml: line 12: settings: code_lifetime must be a number that is not negative",
        "tenant.yaml: line 13: settings: logout_text must be text",
    ]


def test_doubled_key(tmp_path: Path) -> None:
    """A key that is given twice is a mistake, not the last one's victory."""
    assert _mistakes(tmp_path, "tenant:\n  id: a\n  id: b\n") == [
        "tenant.yaml: line 3: tenant: id is given twice"
    ]


def test_missing_tenant(tmp_path: Path) -> None:
    """The one section that must be there is named."""
    assert _mistakes(tmp_path, "users: []\n") == ["tenant.yaml: line 1: file: tenant is missing"]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("", "tenant.yaml is empty"),
        ("a: [", "tenant.yaml is not YAML:"),
        ("- a", "tenant.yaml: line 1: file: must be"),
    ],
)
def test_not_a_tenant_file(tmp_path: Path, text: str, begins: str) -> None:
    """What is no mapping at all is said in one sentence."""
    assert _mistakes(tmp_path, text)[0].startswith(begins)


def test_unreadable(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(ConfigError, match=r"cannot read absent\.yaml: No such file or directory"):
        load_config(tmp_path / "absent.yaml")
