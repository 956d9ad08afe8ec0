"""The secrets that a tenants file names: what is wrong with one is told, what is in it is not."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.common.tenants_on_disk import mistakes, section, write_tenants


def _public_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, info).decode()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "session",
            "canary" * 5 + "x",
            "session_token.secret_files.0: the secret must have at least 32 bytes",
        ),
        ("session", "", "session_token.secret_files.0: the file must hold a secret of 1 to 4096 bytes"),
        ("session", " \n", "session_token.secret_files.0: the file must hold a secret of 1 to 4096 bytes"),
        (
            "session",
            "canary" * 900,
            "session_token.secret_files.0: the file must hold a secret of 1 to 4096 bytes",
        ),
        (
            "session",
            _public_key(),
            "session_token.secret_files.0: the file holds a key pair's key or a JWK, not a shared secret",
        ),
        (
            "answer",
            json.dumps({"kty": "oct", "k": "canary" * 9}),
            "answer_token.secret_files.0: the file holds a key pair's key or a JWK, not a shared secret",
        ),
        (
            "session",
            "canary" * 7,
            "session_token.secret_files.0: the secret repeats itself: make it of random bytes",
        ),
        (
            "answer",
            "x" * 64,
            "answer_token.secret_files.0: the secret repeats itself: make it of random bytes",
        ),
        (
            "profile.key",
            base64.urlsafe_b64encode(bytes(32)).decode(),
            "profile_key_files.0: the key repeats itself: make it of random bytes",
        ),
        ("profile.key", "canary", "profile_key_files.0: the file must hold base64url of exactly 32 bytes"),
        (
            "profile.key",
            "canary" * 9,
            "profile_key_files.0: the file must hold base64url of exactly 32 bytes",
        ),
        (
            "profile.key",
            "c\u00e4nary" * 7,
            "profile_key_files.0: the file must hold base64url of exactly 32 bytes",
        ),
        (
            "management",
            "",
            "management.client_secret_file: the file must hold a secret of 1 to 4096 bytes",
        ),
    ],
)
def test_secret_files(tmp_path: Path, name: str, content: str, expected: str) -> None:
    """A secret that is short or of another kind stops the service, and is not shown (attack case 24)."""
    path = write_tenants(tmp_path, {"acme": section()})
    (tmp_path / "secrets" / name).write_text(content)
    found = mistakes(path)
    assert [mistake.partition("tenants.acme.")[2] for mistake in found] == [expected]
    assert "canary" not in found[0]


def test_a_secret_in_the_place_of_its_file(tmp_path: Path) -> None:
    """Somebody who writes a secret where its file belongs does not find it in the log."""
    canary = "canary-7f3a9c-canary-7f3a9c-canary-7f3a9c"
    tenant = section(profile_key_files=[canary])
    tenant["session_token"]["secret_files"] = [canary]
    tenant["management"]["client_secret_file"] = canary
    tenant["management"]["client_secret"] = canary
    found = mistakes(write_tenants(tmp_path, {"acme": tenant}))
    assert len(found) == 4
    assert canary not in " ".join(found)


def test_one_secret_for_both_directions(tmp_path: Path) -> None:
    """Whoever verifies one kind of token must not be able to make the other (RFC 8725, 3.12)."""
    path = write_tenants(tmp_path, {"acme": section()})
    (tmp_path / "secrets" / "answer.before").write_bytes((tmp_path / "secrets" / "session").read_bytes())
    expected = "session_token and answer_token must not share a key (RFC 8725, 3.12)"
    assert mistakes(path) == (f"tenants.yaml:3: tenants.acme: {expected}",)
