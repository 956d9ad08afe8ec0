"""A tenants file with mistakes: all of them at once, with line and key, and never a secret in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.tenants import TenantsFileError, load_tenants
from tests.common.tenants_on_disk import at, mistakes, section, terms, write_secrets, write_tenants

_GOOD = """\
version: 1
tenants:
  acme:
    hosts: [acme.eu.auth0.com]
    management:
      domain: acme.eu.auth0.com
      client_id: m2m
      client_secret_file: secrets/management
      rate_profile: free
    session_token: {alg: HS256, secret_files: [secrets/session], audience: waystation}
    answer_token: {alg: HS256, secret_files: [secrets/answer], issuer: waystation, audience: acme}
    profile_key_files: [secrets/profile.key]
    steps:
      idproof: {revision: 1, valid_for: 365d}
"""
_HOST = (
    "must be a bare public host name in lower case such as acme.eu.auth0.com,"
    " without scheme, port, path or IP address (127.0.0.n:PORT or NAME.localhost:PORT only in development)"
)
_UNREADABLE = "the file that it names (relative to this file) cannot be read"


def mistakes_in(folder: Path, text: str, *, production: bool = True) -> tuple[str, ...]:
    write_secrets(folder)
    path = folder / "t.yaml"
    path.write_text(text)
    return mistakes(path, production=production)


def test_all_at_once(tmp_path: Path) -> None:
    """Every mistake of a file is listed in one go, in the order of its lines."""
    text = (
        _GOOD.replace("    steps:", "    metadata: {policy: later, deadline: 10}\n    steps:")
        .replace("client_id: m2m", "client: m2m")
        .replace("[acme.eu.auth0.com]", "[https://acme.eu.auth0.com]")
        .replace("365d}", "1y}\n      dance: {revision: 3}")
        .replace("secrets/session]", "secrets/nowhere]")
    )
    assert mistakes_in(tmp_path, text) == (
        f"t.yaml:4: tenants.acme.hosts.0: {_HOST}",
        "t.yaml:5: tenants.acme.management.client_id: is required",
        "t.yaml:7: tenants.acme.management.client: is not a known key",
        f"t.yaml:10: tenants.acme.session_token.secret_files.0: {_UNREADABLE}",
        "t.yaml:13: tenants.acme.metadata.deadline: must be a duration such as 10s, 45m, 1h or 365d",
        "t.yaml:13: tenants.acme.metadata.policy: must be wait, carry, fail or action",
        "t.yaml:15: tenants.acme.steps.idproof.valid_for: must be a duration such as 10s, 45m, 1h or 365d",
        "t.yaml:16: tenants.acme.steps.dance: is not a known key",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "t.yaml:1: is empty"),
        ("# nothing\n", "t.yaml:1: is empty"),
        ("version: 1\ntenants: {a\n", "t.yaml:3: is not well-formed YAML"),
        ("version: 1\n---\nversion: 1\n", "t.yaml:2: is not well-formed YAML"),
        ("version: 1\ntenants:\n\t acme: 1\n", "t.yaml:3: is not well-formed YAML"),
        ("[" * 3000, "t.yaml:1: is not well-formed YAML"),
        ("just text", "t.yaml:1: must be a mapping"),
        ("version: 2\ntenants: {acme: {}}", "t.yaml:1: version: must be 1"),
        ('version: "1"\ntenants: {acme: {}}', "t.yaml:1: version: must be 1"),
        ("tenants: {acme: {}}", "t.yaml:1: version: is required"),
        ("version: 1\n", "t.yaml:1: tenants: is required"),
        ("version: 1\ntenants: []\n", "t.yaml:2: tenants: must be a mapping"),
        ("version: 1\nsecrets: 1\ntenants: {acme: {}}", "t.yaml:2: secrets: is not a known key"),
        ("version: 1\ntenants: {acme: []}", "t.yaml:2: tenants.acme: must be a mapping"),
        (
            _GOOD.replace("acme:\n", "Acme:\n"),
            "t.yaml:3: tenants.Acme: a tenant's key must match [a-z0-9-]{1,40}",
        ),
        (_GOOD.replace("acme:\n", "7:\n"), "t.yaml:3: tenants.7: a key must be text: put it in quotes"),
        (_GOOD + "    key: acme\n", "t.yaml:15: tenants.acme.key: is not a known key"),
        (_GOOD + "    retaining: {days: 7}\n", "t.yaml:15: tenants.acme.retaining: is not a known key"),
        (
            _GOOD + "    hosts: [b.example.org]\n",
            "t.yaml:15: tenants.acme.hosts: is given twice, first on line 4",
        ),
        (
            _GOOD + "    branding: &x {name: A}\n    continue: *x\n",
            "t.yaml:16: tenants.acme.continue: an alias is not allowed here: write the value out",
        ),
        (
            _GOOD + "    branding: !!python/name:os.system\n",
            "t.yaml:15: tenants.acme.branding: is not plain YAML data",
        ),
        (
            _GOOD + "    branding: {name: 2024-99-99}\n",
            "t.yaml:15: tenants.acme.branding.name: is not plain YAML data",
        ),
    ],
)
def test_the_file(tmp_path: Path, text: str, expected: str) -> None:
    """What is no tenants file is said so with the line of it."""
    assert expected in mistakes_in(tmp_path, text)


def test_another_version_hides_nothing(tmp_path: Path) -> None:
    """A file of an unknown version is read to its end: what else is wrong with it is listed too."""
    text = _GOOD.replace("version: 1", "version: 2").replace("client_id: m2m", "client: m2m")
    assert mistakes_in(tmp_path, text) == (
        "t.yaml:1: version: must be 1",
        "t.yaml:5: tenants.acme.management.client_id: is required",
        "t.yaml:7: tenants.acme.management.client: is not a known key",
    )


def test_a_key_that_is_wrong_twice(tmp_path: Path) -> None:
    """A key that is given twice, and is wrong besides, is listed as both."""
    text = _GOOD + "    color: red\n    color: blue\n    transaction: {deadline: 1h, deadline: 45m}\n"
    assert mistakes_in(tmp_path, text) == (
        "t.yaml:15: tenants.acme.color: is not a known key",
        "t.yaml:16: tenants.acme.color: is given twice, first on line 15",
        "t.yaml:17: tenants.acme.transaction.deadline: is given twice, first on line 17",
        "t.yaml:17: tenants.acme.transaction.deadline: must be from 3m to 55m",
    )


@pytest.mark.parametrize(
    ("put", "value", "message"),
    [
        (at("session_token", "alg"), "ES256", "must be HS256, RS256 or a list of both"),
        (at("answer_token", "alg"), ["HS256"], "must be HS256 or RS256"),
        (at("session_token", "alg"), "RS256", "RS256 needs public_key_files or jwks_url"),
        (at("session_token", "secret_files"), [], "HS256 needs secret_files"),
        (at("answer_token", "alg"), "RS256", "RS256 needs key_files"),
        (at("answer_token", "secret_files"), [], "HS256 needs secret_files"),
        (at("continue", "method"), "put", "must be post or get"),
        (at("metadata", "namespace"), "Way", "must match [a-z][a-z0-9_]{0,39}"),
        (at("management", "reserve"), 1, "must be at most 0.9"),
        (at("management", "reserve"), "0.2", "must be a number"),
        (at("management", "client_id"), "a b", "must be 1 to 128 ASCII characters without blanks"),
        (at("management", "client_id"), 7, "must be text"),
        (at("steps", "idproof", "valid_for"), "0s", "must be from 1m to 36500d"),
        (at("steps", "idproof", "attempts"), 0, "must be at least 1"),
        (at("steps", "idproof", "attempts"), "5", "must be a whole number"),
        (at("steps", "idproof", "allow_document_validated"), "yes", "must be true or false"),
        (at("branding", "name"), "", "must be one line of 1 to 80 characters, none of them invisible"),
        (at("hosts"), "acme.eu.auth0.com", "must be a list"),
        (at("hosts"), [], "must not be empty"),
    ],
)
def test_words(tmp_path: Path, put: Callable[[dict[str, Any], Any], None], value: Any, message: str) -> None:
    """What is wrong is said in the words of whoever writes such a file."""
    tenant = section()
    put(tenant, value)
    (found,) = mistakes(write_tenants(tmp_path, {"acme": tenant}))
    assert found.endswith(f": {message}")


def test_no_tenants(tmp_path: Path) -> None:
    """A file without tenants is a mistake, said in our words."""
    assert mistakes_in(tmp_path, "version: 1\ntenants: {}\n") == ("t.yaml:2: tenants: must not be empty",)


def test_a_missing_file(tmp_path: Path) -> None:
    """A file or folder that is not there, or has no tenant in it, is a mistake like any other."""
    assert mistakes(tmp_path / "none.yaml") == ("none.yaml:1: cannot be read",)
    (tmp_path / "empty").mkdir()
    assert mistakes(tmp_path / "empty") == (f"{tmp_path}/empty:1: the folder has no .yaml file",)


@pytest.mark.parametrize(
    ("put", "values"),
    [
        (
            at("management", "base_url"),
            [
                "http://acme.eu.auth0.com",
                "https://acme.eu.auth0.com/",
                "https://127.0.0.1",
                "acme.eu.auth0.com",
            ],
        ),
        (
            at("management", "base_url"),
            ["https://a.example.org:8443", "https://a@b.example.org", "ftp://a.b.org"],
        ),
        (at("management", "reserve"), [1, -0.1, "0.2", True, 0.95]),
        (
            at("management", "rate_profile"),
            ["off", "gold", 5, {}, {"burst": 5}, {"burst": 0, "per_second": 1}],
        ),
        (
            at("management", "rate_profile"),
            [
                {"burst": 1, "per_second": 1, "per_minute": 1},
                {"burst": 1.5, "per_second": 1},
                {"per_second": 1},
            ],
        ),
        (at("management", "client_id"), ["", "a b", 7, "x" * 129]),
        (
            at("session_token", "alg"),
            ["none", "RS256", "HS512", ["HS256", "RS256"], [], ["HS256", "HS256"], [7], None],
        ),
        (at("answer_token", "alg"), ["RS256", ""]),
        (at("session_token", "secret_files"), [[], "secrets/session", [""], [7], ["a\0b"], ["secrets"]]),
        (at("profile_key_files"), [[], ["secrets/session"], ["secrets/none"], None]),
        (at("hosts"), [[], "acme.eu.auth0.com", None]),
        (at("metadata", "namespace"), ["", "Way", "1way", "a.b", "a$", "x" * 41]),
        (at("metadata", "policy"), ["", "Wait", None, True]),
        (at("metadata", "quiet"), ["31s", "-1s", "1.5s", "10", 10, "1w", "\u0661s", "9999999999s", None]),
        (at("metadata", "deadline"), ["0s", "6m"]),
        (at("transaction", "deadline"), ["179s", "56m", "1h"]),
        (at("continue", "method"), ["POST", "put"]),
        (at("continue", "state_in"), ["header", None]),
        (at("continue", "parameter"), ["", "a b", "1", "x" * 41, None]),
        (
            at("applications", "app1", "login_url"),
            ["http://bank.acme.example/", "/login", "javascript:alert(1)"],
        ),
        (
            at("applications", "app1", "login_url"),
            [
                "https://u:p@bank.acme.example/",
                "https://bank.acme.example/#x",
                "https://127.0.0.1/",
                "https://b/",
            ],
        ),
        (
            at("applications", "app1", "login_url"),
            ["https://bank.acme.example:0/", "https://b.example/a b", ""],
        ),
        (
            at("applications", "app1", "login_url"),
            ["https://b.example:99999/", "https://[::1", "https:\\\\b.example"],
        ),
        (at("applications", "app1", "name"), ["", "a\nb", "x" * 81, "a\u202eb"]),
        (at("applications"), [{"": {"name": "A", "login_url": "https://a.example/"}}, []]),
        (at("steps"), [{}, {"idproof": None}, {"stepup": {}}, [], {"idprof": {}}]),
        (at("steps", "idproof", "revision"), [0, -1, 1.5, "1", True, None]),
        (at("steps", "idproof", "valid_for"), ["0s", "36501d"]),
        (at("steps", "idproof", "attempts"), [0, 21]),
        (at("steps", "idproof", "provider"), ["onfido"]),
        (at("steps", "idproof", "allow_document_validated"), ["true", 1, None]),
        (at("steps", "idproof", "minimum_age"), [0, 121, "18"]),
        (at("branding", "name"), ["", 5]),
        (at("branding", "logo"), ["x"]),
    ],
)
def test_values(tmp_path: Path, put: Callable[[dict[str, Any], Any], None], values: list[Any]) -> None:
    """Each wrong value is exactly one mistake."""
    for value in values:
        tenant = section()
        put(tenant, value)
        found = mistakes(write_tenants(tmp_path, {"acme": tenant}))
        assert len(found) == 1, (value, found)


def test_one_tenant_in_two_files(tmp_path: Path) -> None:
    """A tenant is described in one place."""
    folder = tmp_path / "tenants"
    folder.mkdir()
    write_tenants(folder, {"acme": section()}, name="a.yaml")
    write_tenants(folder, {"acme": section("b.example.org")}, name="b.yaml")
    assert mistakes(folder) == (
        f"b.yaml:3: tenants.acme: is also in {folder}/a.yaml".replace(f"{folder}/", ""),
    )


def test_two_budgets_of_one_domain(tmp_path: Path) -> None:
    """The budget belongs to the Management domain: two tenants on it cannot disagree about its size."""
    second = section("b.example.org")
    second["management"] |= {"domain": "acme.eu.auth0.com", "rate_profile": "free"}
    found = mistakes(write_tenants(tmp_path, {"acme": section(), "beta": second}))
    assert [mistake.partition(" ")[2] for mistake in found] == [
        "tenants.beta.management.rate_profile: differs from another tenant's of the same domain"
    ]


@pytest.mark.parametrize(
    ("retention", "found"),
    [
        ({"evidence": "60d"}, "verified_claims: must not be shorter than evidence"),
        ({"evidence": "91d", "verified_claims": "91d"}, "evidence: must not be longer than"),
        ({"verified_claims": "91d"}, "verified_claims: must not be longer than"),
        ({"verifications": "89d"}, "verifications: must not be shorter than verified_claims"),
        ({"consents": "729d"}, "consents: must not be shorter than steps.terms.valid_for"),
        ({"erasures": "30d"}, "erasures: must be from 31d to 36500d"),
        ({"mails": "1d"}, "mails: is not a known key"),
    ],
)
def test_retention(tmp_path: Path, retention: dict[str, str], found: str) -> None:
    """What stays no longer than people are told, and as long as it is in force, is checked with its line."""
    idproof = section()["steps"]["idproof"] | {
        "consent": {"revision": 1, "policy_url": "https://acme.example/privacy", "kept_for": "90d"}
    }
    changed = section(retention=retention, steps={"idproof": idproof, "terms": terms()})
    if retention == {"evidence": "60d"}:
        changed["retention"]["verified_claims"] = "59d"
    (mistake, *_) = mistakes(write_tenants(tmp_path, {"acme": changed}))
    assert f"tenants.acme.retention.{found}" in mistake


_YAML = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.sampled_from(sorted(section())), value=_YAML)
def test_any_value_anywhere(tmp_path: Path, place: str, value: object) -> None:
    """Whatever stands in a place, it is either right or a list of mistakes that name it."""
    changes: dict[str, Any] = {place: value}
    path = write_tenants(tmp_path, {"acme": section(**changes)})
    try:
        load_tenants(path, production=True)
    except TenantsFileError as exc:
        found = exc.mistakes
    else:
        found = ()
    assert all(f"tenants.acme.{place}" in mistake for mistake in found)
