import pytest

from common.tenants import Tenants, load_tenants
from tests.common.tenants_on_disk import section, write_tenants


@pytest.fixture(scope="session")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """acme; globex with two hosts and a secret of its own; local, as on a developer's machine."""
    other = section("globex.eu.auth0.com", hosts=["globex.eu.auth0.com", "login.globex.example"])
    other["session_token"]["secret_files"] = ["secrets/session.globex"]
    local = section("127.0.0.1:5001")
    path = write_tenants(
        tmp_path_factory.mktemp("tenants"), {"acme": section(), "globex": other, "local": local}
    )
    return load_tenants(path, production=False)
