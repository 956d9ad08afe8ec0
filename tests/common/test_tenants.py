"""What a tenants file may say, what becomes of it, and what a transaction keeps."""

from datetime import timedelta
from pathlib import Path

import pytest

from common.rate_profiles import RateProfile
from common.tenant_idproof import IdproofStep
from common.tenant_secrets import SecretNotLoadedError
from common.tenants import Tenant, TenantSnapshot, load_tenants
from tests.common.tenants_on_disk import (
    ANSWER_SECRET,
    ANSWER_SECRET_BEFORE,
    CLIENT_SECRET,
    PROFILE_KEY,
    PROFILE_KEY_BEFORE,
    SESSION_SECRET,
    SESSION_SECRET_BEFORE,
    section,
    write_secrets,
    write_tenants,
)

_SECRETS = (SESSION_SECRET, SESSION_SECRET_BEFORE, ANSWER_SECRET, ANSWER_SECRET_BEFORE, CLIENT_SECRET)


def acme_of(path: Path, *, production: bool = True) -> Tenant:
    tenant = load_tenants(path, production=production).get("acme")
    assert tenant
    return tenant


def test_a_whole_tenant(tmp_path: Path) -> None:
    """Everything that a file says about a tenant is there, typed, with its secrets read and trimmed."""
    acme = acme_of(write_tenants(tmp_path, {"acme": section()}))
    assert (acme.key, acme.name, acme.hosts) == ("acme", "Acme", ("acme.eu.auth0.com",))
    assert acme.management.origin == "https://acme.eu.auth0.com"
    assert acme.management.client_secret.reveal() == CLIENT_SECRET.encode()
    assert acme.management.rate_profile == RateProfile(burst=50, per_second=16)
    assert [s.reveal().decode() for s in acme.session_token.secrets] == [
        SESSION_SECRET,
        SESSION_SECRET_BEFORE,
    ]
    assert [s.reveal().decode() for s in acme.answer_token.secrets] == [ANSWER_SECRET, ANSWER_SECRET_BEFORE]
    assert [key.reveal() for key in acme.profile_keys] == [PROFILE_KEY, PROFILE_KEY_BEFORE]
    assert acme.metadata.max_wait == timedelta(seconds=30)
    assert acme.transaction.deadline == timedelta(minutes=45)
    assert acme.applications["app1"].login_url == "https://bank.acme.example/login"
    assert acme.steps.get("terms") is None
    assert acme.steps.idproof == IdproofStep(
        revision=1,
        valid_for=timedelta(days=365),
        retry_after=timedelta(hours=1),
        attempts=5,
        provider="document",
        allow_document_validated=True,
        minimum_age=18,
    )


def test_the_shortest_tenant(tmp_path: Path) -> None:
    """What has an obvious answer need not be said; what a tenant's owner must decide has no default."""
    short = section(steps={"idproof": {"revision": 1, "valid_for": "1d"}})
    for name in ("metadata", "transaction", "continue", "applications", "branding"):
        del short[name]
    acme = acme_of(write_tenants(tmp_path, {"acme": short}))
    assert (acme.name, acme.metadata.policy, acme.hand_back.method, acme.hand_back.state_in) == (
        "acme",
        "wait",
        "post",
        "both",
    )
    step = acme.steps.idproof
    assert step
    assert (step.allow_document_validated, step.minimum_age, step.attempts) == (False, None, 5)


def test_the_file_of_a_local_stack(tmp_path: Path) -> None:
    """Outside production a tenant may live on a loopback address, and is then spoken to by plain http."""
    local = section(
        "127.0.0.1:5001", applications={"a": {"name": "A", "login_url": "http://127.0.0.4:1/login"}}
    )
    local["management"]["base_url"] = "http://127.0.0.1:5001"
    assert acme_of(write_tenants(tmp_path, {"acme": local}), production=False).management.origin == (
        "http://127.0.0.1:5001"
    )


def test_a_management_address_of_its_own(tmp_path: Path) -> None:
    """`base_url` is where requests go, `domain` what the budget belongs to."""
    tenant = section()
    tenant["management"]["base_url"] = "https://proxy.acme.example"
    management = acme_of(write_tenants(tmp_path, {"acme": tenant})).management
    assert (management.domain, management.origin) == ("acme.eu.auth0.com", "https://proxy.acme.example")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("90s", 90), ("1m", 60), ("2h", 7_200), ("365d", 31_536_000), ("007m", 420)],
)
def test_durations(tmp_path: Path, text: str, seconds: int) -> None:
    """A duration is a whole number with its unit."""
    tenant = section(steps={"idproof": {"revision": 1, "valid_for": text}})
    step = acme_of(write_tenants(tmp_path, {"acme": tenant})).steps.idproof
    assert step
    assert step.valid_for == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("written", "burst", "sustained", "seconds"),
    [
        ("free", 2, 2, 1),
        ("essentials", 20, 200, 60),
        ("enterprise", 50, 16, 1),
        ("enterprise-nonprod", 10, 2, 1),
        ("private-cloud-dev", 20, 20, 1),
        ("private-cloud-100", 50, 50, 1),
        ({"burst": 7, "per_second": 3}, 7, 3, 1),
        ({"burst": 20, "per_minute": 90}, 20, 90, 60),
    ],
)
def test_rate_profiles(tmp_path: Path, written: object, burst: int, sustained: int, seconds: int) -> None:
    """A rate profile is one that Auth0 publishes, by name, or a tenant's own numbers."""
    tenant = section()
    tenant["management"]["rate_profile"] = written
    profile = acme_of(write_tenants(tmp_path, {"acme": tenant})).management.rate_profile
    assert (profile.burst, profile.sustained, profile.period) == (
        burst,
        sustained,
        timedelta(seconds=seconds),
    )


def test_a_rate_profile_with_a_bucket_for_writes_of_users(tmp_path: Path) -> None:
    """Where writes of users have a bucket besides the global one, both are named."""
    tenant = section()
    tenant["management"]["rate_profile"] = {
        "burst": 50,
        "per_second": 16,
        "write_users": {"burst": 20, "per_minute": 200},
    }
    profile = acme_of(write_tenants(tmp_path, {"acme": tenant})).management.rate_profile
    assert [(bucket.burst, bucket.sustained) for bucket in profile.buckets] == [(50, 16), (20, 200)]


def test_a_folder(tmp_path: Path) -> None:
    """A folder's .yaml files count together; what is hidden or named otherwise does not."""
    folder = tmp_path / "tenants"
    folder.mkdir()
    write_tenants(folder, {"acme": section()}, name="acme.yaml")
    globex = section("globex.eu.auth0.com")
    write_tenants(folder, {"globex": globex}, name="globex.yaml")
    write_tenants(folder, {"hidden": section("hidden.eu.auth0.com")}, name=".hidden.yaml")
    (folder / "README.md").write_text("not a tenant")
    tenants = load_tenants(folder, production=True)
    assert sorted(tenant.key for tenant in tenants) == ["acme", "globex"]
    assert len(tenants) == 2
    assert tenants.get("hidden") is None


def test_only_the_management_part(tmp_path: Path) -> None:
    """metadata-sync runs where no token secret is."""
    path = write_tenants(tmp_path, {"acme": section()})
    for name in ("session", "session.before", "answer", "answer.before", "profile.key", "profile.before.key"):
        (tmp_path / "secrets" / name).unlink()
    acme = load_tenants(path, production=True, parts={"management"}).get("acme")
    assert acme
    assert acme.management.client_secret.reveal() == CLIENT_SECRET.encode()
    with pytest.raises(SecretNotLoadedError):
        acme.session_token.secrets[0].reveal()
    with pytest.raises(SecretNotLoadedError):
        acme.profile_keys[0].reveal()


def test_only_the_token_part(tmp_path: Path) -> None:
    """The gateway runs where the Management secret is not."""
    path = write_tenants(tmp_path, {"acme": section()})
    (tmp_path / "secrets" / "management").unlink()
    acme = load_tenants(path, production=True, parts={"tokens"}).get("acme")
    assert acme
    assert acme.session_token.secrets[0].reveal() == SESSION_SECRET.encode()
    with pytest.raises(SecretNotLoadedError):
        acme.management.client_secret.reveal()


def test_no_part(tmp_path: Path) -> None:
    """Proofing runs where no secret is at all."""
    path = write_tenants(tmp_path, {"acme": section()})
    for file in (tmp_path / "secrets").iterdir():
        file.unlink()
    assert load_tenants(path, production=True, parts=set()).get("acme")


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    """No repr, text or dump of a tenant has a secret in it."""
    acme = acme_of(write_tenants(tmp_path, {"acme": section()}))
    shown = f"{acme!r} {acme} {acme.model_dump()} {acme.to_json()} {acme.snapshot()!r}"
    for secret in _SECRETS:
        assert secret not in shown
    assert str(PROFILE_KEY)[2:-1] not in shown


def test_a_snapshot_there_and_back(tmp_path: Path) -> None:
    """What a transaction keeps of its tenant comes back from JSON as it was."""
    snapshot = acme_of(write_tenants(tmp_path, {"acme": section()})).snapshot()
    assert TenantSnapshot.from_json(snapshot.to_json()) == snapshot
    assert snapshot.to_json() == (
        '{"key":"acme","metadata":{"namespace":"waystation","policy":"wait","deadline":"10s","quiet":"2s",'
        '"max_wait":"30s"},"transaction":{"deadline":"2700s"},"continue":{"method":"post","state_in":"both",'
        '"parameter":"session_token"},'
        '"applications":{"app1":{"name":"Acme Bank","login_url":"https://bank.acme.example/login"}},'
        '"steps":{"idproof":{"revision":1,"valid_for":"31536000s","retry_after":"3600s","attempts":5,'
        '"provider":"document","allow_document_validated":true,"compare_with":"account","minimum_age":18,'
        '"retry_declined":false,"review_wait":"0s"}},'
        '"branding":{"name":"Acme","texts":{},"links":[]}}'
    )


def test_a_snapshot_of_a_local_stack(tmp_path: Path) -> None:
    """A snapshot with loopback addresses comes back as well: it was checked when the file was read."""
    local = section(
        "127.0.0.1:5001", applications={"a": {"name": "A", "login_url": "http://127.0.0.4:1/login"}}
    )
    acme = acme_of(write_tenants(tmp_path, {"acme": local}), production=False)
    assert TenantSnapshot.from_json(acme.to_json()).applications["a"].login_url == "http://127.0.0.4:1/login"


def test_a_snapshot_of_another_release(tmp_path: Path) -> None:
    """A snapshot that a newer release stored is read without what only that one knows."""
    snapshot = acme_of(write_tenants(tmp_path, {"acme": section()})).snapshot()
    newer = snapshot.to_json().replace('"key":"acme"', '"key":"acme","retention":{"days":7}')
    newer = newer.replace('"attempts":5', '"attempts":5,"mood":"fine"')
    assert TenantSnapshot.from_json(newer) == snapshot


def test_secrets_are_relative_to_their_file(tmp_path: Path) -> None:
    """Each file of a folder names its secrets from where it stands, wherever the service was started."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write_secrets(folder)
    write_tenants(folder, {"acme": section()})
    assert acme_of(folder).session_token.secrets[0].reveal() == SESSION_SECRET.encode()
