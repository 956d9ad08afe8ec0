"""The step's section of the tenants file, and what the gateway needs for it."""

from pathlib import Path
from typing import Any

import pytest

from common.tenant_secrets import Reading
from common.tenants import TenantsFileError, load_tenants, read_tenants
from tests.common.tenants_on_disk import section, write_tenants

WRONG = [
    ({"mode": "page"}, "steps.password.mode"),
    ({"attempts": 0}, "steps.password.attempts"),
    ({"retry_after": "9m"}, "steps.password.retry_after: must be from 10m"),
    ({"revision": 0}, "steps.password.revision"),
    ({"notice": "no"}, "steps.password.notice"),
    ({"valid_for": "1d"}, "steps.password.valid_for"),
]


@pytest.mark.parametrize(("changes", "mistake"), WRONG)
def test_mistakes_in_the_tenants_file(tmp_path: Path, changes: dict[str, Any], mistake: str) -> None:
    """A tenants file that makes no sense is refused, with the place."""
    steps = {"password": {"revision": 1} | changes}
    with pytest.raises(TenantsFileError) as wrong:
        load_tenants(write_tenants(tmp_path, {"acme": section(steps=steps)}), production=True)
    assert mistake in "\n".join(wrong.value.mistakes)


@pytest.mark.parametrize(
    ("changes", "can", "mistake"),
    [
        ({}, {"can_call": False}, "the gateway has no PASSWORD_CALL_URL"),
        ({}, {"can_mail": False}, "the gateway has no SMTP_URL"),
        ({"notice": False}, {"can_mail": False}, None),
    ],
)
def test_what_the_gateway_needs_for_it(
    tmp_path: Path, changes: dict[str, Any], can: dict[str, Any], mistake: str | None
) -> None:
    """A step that the gateway could not do is refused at load; without a notice it sends no mail."""
    steps = {"password": {"revision": 1} | changes}
    path = write_tenants(tmp_path, {"acme": section(steps=steps)})
    reading = Reading(production=True, **can)
    if mistake is None:
        assert len(read_tenants(path, reading)) == 1
        return
    with pytest.raises(TenantsFileError) as wrong:
        read_tenants(path, reading)
    assert mistake in "\n".join(wrong.value.mistakes)
