from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.secret_folder import SecretFolder


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    """Whoever asks first decides, and nobody reads half of it."""
    folder = SecretFolder(tmp_path / "secrets")
    with ThreadPoolExecutor(8) as askers:
        for number in range(50):
            told = set(askers.map(folder.password, [f"secret-{number}"] * 8))
            assert len(told) == 1
            assert len(told.pop()) == 43
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}
