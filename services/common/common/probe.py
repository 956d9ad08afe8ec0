"""`python -m common.probe`: whether the service of this container is ready, as an exit status.

For what can run a command and not ask over HTTP, such as a container's health check. Reads ENVIRONMENT and
ADMIN_LISTEN, as the service does; an address that stands for all is asked on loopback.
"""

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

from common.service_settings import read_admin_listen
from common.setting_examples import with_example
from common.settings import SettingsError, SettingsReader

READY, NOT_READY, MISCONFIGURED = 0, 1, 2

_SECONDS = 2.0


def main(environ: Mapping[str, str]) -> int:
    """0 if /readyz answers 200, 1 if it answers anything else or nothing, 2 if ADMIN_LISTEN is no address."""
    reader = SettingsReader(environ)
    reader.environment()
    address = read_admin_listen(reader)
    try:
        reader.finish()
    except SettingsError as exc:
        sys.stderr.write("".join(f"{with_example(mistake)}\n" for mistake in exc.mistakes))
        return MISCONFIGURED
    connection = HTTPConnection(address.nearby.host, address.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return READY if connection.getresponse().status == 200 else NOT_READY  # noqa: PLR2004 - OK
    except (OSError, HTTPException):
        return NOT_READY
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(os.environ))
