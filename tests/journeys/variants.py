"""Promises that hold under some of the tenant's unverified choices: `TENANT_SETTINGS` may choose others."""

import os

import pytest

from tests.tenant.settings import Choices, settings_of_environment


def where(**rows: str) -> pytest.MarkDecorator:
    """Leave a test out unless the tenant of this run makes these choices."""
    chosen = Choices(**settings_of_environment(os.environ))
    others = [name for name, variant in rows.items() if getattr(chosen, name) != variant]
    return pytest.mark.skipif(bool(others), reason=f"holds under another {', '.join(others)}")
