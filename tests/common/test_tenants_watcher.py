import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from common.tenants import TenantsFileError
from common.tenants_watcher import TenantsWatcher
from tests.common.tenants_on_disk import section, write_tenants
from tests.support.secret_folder import write_private
from tests.support.waiting import wait_until


def keys(watcher: TenantsWatcher) -> list[str]:
    return sorted(tenant.key for tenant in watcher.current)


def test_a_change(tmp_path: Path) -> None:
    """A changed file is read again; an unchanged one is not."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    first = watcher.current
    watcher.refresh()
    assert watcher.current is first
    write_tenants(tmp_path, {"acme": section(), "beta": section("beta.eu.auth0.com")})
    with capture_logs() as logs:
        watcher.refresh()
    assert keys(watcher) == ["acme", "beta"]
    assert logs == [{"event": "tenants.reloaded", "log_level": "info", "tenants": 2}]


def test_a_bad_change(tmp_path: Path) -> None:
    """A bad file changes nothing and is reported once, until something changes again."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    first = watcher.current
    path = write_tenants(tmp_path, {"acme": section(branding={"name": 5})})
    with capture_logs() as logs:
        watcher.refresh()
        watcher.refresh()
    assert watcher.current is first
    assert [entry["event"] for entry in logs] == ["tenants.reload_refused"]
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["mistakes"][0].startswith(f"{path}:")
    write_tenants(tmp_path, {"beta": section()})
    watcher.refresh()
    assert keys(watcher) == ["beta"]


def test_a_bad_start(tmp_path: Path) -> None:
    """A service does not start with a bad file."""
    with pytest.raises(TenantsFileError):
        TenantsWatcher(tmp_path / "none.yaml", production=True)


def test_a_changed_secret(tmp_path: Path) -> None:
    """A replaced secret file counts as a change."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    replacement = tmp_path / "new"
    write_private(replacement, "the-new-session-secret-of-acme-is-long-too")
    replacement.rename(tmp_path / "secrets" / "session")
    watcher.refresh()
    acme = watcher.current.get("acme")
    assert acme
    assert acme.session_token.secrets[0].reveal() == b"the-new-session-secret-of-acme-is-long-too"


def test_a_secret_that_comes_late(tmp_path: Path) -> None:
    """A reload that failed for want of a secret file succeeds as soon as the file is there."""
    path = write_tenants(tmp_path, {"acme": section()})
    watcher = TenantsWatcher(path, production=True)
    beta = section("beta.eu.auth0.com")
    beta["session_token"]["secret_files"] = ["secrets/late"]
    write_tenants(tmp_path, {"acme": section(), "beta": beta})
    watcher.refresh()
    assert keys(watcher) == ["acme"]
    write_private(tmp_path / "secrets" / "late", "the-late-session-secret-of-beta-is-long-too")
    watcher.refresh()
    assert keys(watcher) == ["acme", "beta"]


def test_a_folder(tmp_path: Path) -> None:
    """A file that is added to the folder, or taken away, counts as a change."""
    write_tenants(tmp_path, {"acme": section()}, name="a.yaml")
    watcher = TenantsWatcher(tmp_path, production=True)
    write_tenants(tmp_path, {"beta": section("beta.eu.auth0.com")}, name="b.yaml")
    watcher.refresh()
    assert keys(watcher) == ["acme", "beta"]
    (tmp_path / "a.yaml").unlink()
    watcher.refresh()
    assert keys(watcher) == ["beta"]


def test_a_mounted_volume(tmp_path: Path) -> None:
    """Kubernetes changes a mounted file by turning a symbolic link to another folder."""
    for version, key in (("v1", "acme"), ("v2", "beta")):
        (tmp_path / version).mkdir()
        write_tenants(tmp_path / version, {key: section()})
    (tmp_path / "data").symlink_to("v1")
    watcher = TenantsWatcher(tmp_path / "data" / "tenants.yaml", production=True)
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").replace(tmp_path / "data")
    watcher.refresh()
    assert keys(watcher) == ["beta"]


def test_a_file_written_back_in_time(tmp_path: Path) -> None:
    """A file with an older date than before, as after a roll-back, counts as a change."""
    path = write_tenants(tmp_path, {"acme": section()})
    watcher = TenantsWatcher(path, production=True)
    first = watcher.current
    os.utime(path, (0, 0))
    watcher.refresh()
    assert watcher.current is not first


def test_a_file_of_the_same_date_and_length(tmp_path: Path) -> None:
    """A file that was copied over the former one, with its date, counts as a change."""
    path = write_tenants(tmp_path, {"acme": section()})
    os.utime(path, (0, 0))
    watcher = TenantsWatcher(path, production=True)
    path.write_text(path.read_text().replace("acme:", "ecma:", 1))
    os.utime(path, (0, 0))
    watcher.refresh()
    assert keys(watcher) == ["ecma"]


async def test_watching(tmp_path: Path) -> None:
    """A running service sees a change without a restart, and stops watching when it is told to stop."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    stop = asyncio.Event()
    watching = asyncio.create_task(watcher.watch(stop, interval=timedelta(milliseconds=5)))
    write_tenants(tmp_path, {"beta": section()})
    await wait_until(lambda: keys(watcher) == ["beta"], what="the change to be seen")
    stop.set()
    async with asyncio.timeout(10):
        await watching


async def test_what_changed_before(tmp_path: Path) -> None:
    """What changed while the service still waited for its servers is seen as soon as it watches."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    write_tenants(tmp_path, {"beta": section()})
    stop = asyncio.Event()
    watching = asyncio.create_task(watcher.watch(stop, interval=timedelta(hours=1)))
    await wait_until(lambda: keys(watcher) == ["beta"], what="the change to be seen")
    stop.set()
    async with asyncio.timeout(10):
        await watching


async def test_told_to_look(tmp_path: Path) -> None:
    """SIGHUP has a running service look at once, and ends nothing."""
    watcher = TenantsWatcher(write_tenants(tmp_path, {"acme": section()}), production=True)
    stop = asyncio.Event()
    watching = asyncio.create_task(watcher.watch(stop, interval=timedelta(hours=1)))
    await asyncio.sleep(0)
    write_tenants(tmp_path, {"beta": section()})
    os.kill(os.getpid(), signal.SIGHUP)
    await wait_until(lambda: keys(watcher) == ["beta"], what="the change to be seen")
    stop.set()
    async with asyncio.timeout(10):
        await watching
