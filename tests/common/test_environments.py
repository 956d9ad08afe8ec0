"""The settings of services as files."""

from pathlib import Path

import pytest

from common.environments import Environment, read_environments
from common.settings import SettingsError

URL = "postgresql://waystation_metadata_sync:x@db/waystation"


def test_lines_of_every_kind(tmp_path: Path) -> None:
    """As docker, systemd and the shell write them; whose they are the database's role says."""
    path = tmp_path / "one.env"
    path.write_text(
        f"# settings\n\nexport DATABASE_URL='{URL}'\nMAIL_FROM=Acme <no-reply@acme.example>\nSMTP_URL=\"smtps://a\"\n"
    )
    variables = {
        "DATABASE_URL": URL,
        "MAIL_FROM": "Acme <no-reply@acme.example>",
        "SMTP_URL": "smtps://a",
    }
    assert read_environments({}, [path]) == [
        Environment(schema="metadata_sync", variables=variables, is_own=False)
    ]
    assert read_environments({}, [path])[0].service == "metadata-sync"


def test_whose_they_are(tmp_path: Path) -> None:
    """Without a role of ours the file's name says it, or the option; else it is a mistake."""
    path = tmp_path / "proofing.env"
    path.write_text("LOG_LEVEL=info\n")
    assert read_environments({}, [path])[0].schema == "proofing"
    assert read_environments({}, [], service="gateway")[0].schema == "gateway"
    other = tmp_path / "other.env"
    other.write_text("nonsense\n")
    with pytest.raises(SettingsError) as caught:
        read_environments({}, [tmp_path / "none", other])
    assert [mistake.rpartition("/")[2] for mistake in caught.value.mistakes] == [
        "none: cannot be read",
        "other.env: has a line that is not NAME=VALUE",
    ]
    with pytest.raises(SettingsError, match="say --service"):
        read_environments({"DATABASE_URL": "postgresql://postgres@db/x"}, [])
