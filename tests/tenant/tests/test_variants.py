"""The same promises under every variant of the table of unverified choices."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tenant.settings import table
from tests.tenant.tests.support import REDIRECTING, answer_token, run_tenant
from tests.tenant.tests.variants import other_values, other_variants, other_variants_of_the_suite

_ROOT = Path(__file__).parents[3]
_HERE = Path(__file__).parent


@pytest.mark.parametrize(("name", "variant"), [*other_variants(), *other_values()])
async def test_whole_login(tmp_path: Path, name: str, variant: str | float) -> None:
    """A login with a redirect, handed back by POST with the state in query and body, ends well everywhere."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings={name: variant}) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state))
        claims = await tenant.id_claims(back)
    assert claims["https://example.org/answer"] == "fine"


def test_every_row_is_tested() -> None:
    """Each row of the table is set by name in a test of its own, with each of its variants."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in _HERE.glob("test_*.py"))
    missing = [row.name for row in table() if not re.search(rf'"{row.name}"|{row.name}=', tests)]
    unnamed = [
        f"{row.name}: {variant}" for row in table() for variant in row.variants if f'"{variant}"' not in tests
    ]
    assert (missing, unnamed) == ([], [])


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "variant"), other_variants_of_the_suite())
def test_everything(name: str, variant: str) -> None:
    """All tests of the emulator pass under every variant; those about a row choose it themselves."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/tenant/tests"]
    skipped = ["--deselect", "tests/tenant/tests/test_variants.py", "-k", "not chromium"]
    done = subprocess.run(
        [*command, *skipped],
        cwd=_ROOT,
        env={**os.environ, "TENANT_SETTINGS": f"{name}={variant}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
