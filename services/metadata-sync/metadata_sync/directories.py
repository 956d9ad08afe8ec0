"""Passwords of people whose connection is a directory: Active Directory, or another LDAP server; by LDAPS.

Active Directory takes a modify of `unicodePwd` (MS-ADTS 3.1.1.3.1.5), the others the operation of RFC 3062.
The library's calls block, so that each change runs in a thread of its own pool; every wait in it is bounded.
"""

import asyncio
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

from ldap3 import MODIFY_REPLACE, NO_ATTRIBUTES, NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SUCCESS,
    RESULT_UNWILLING_TO_PERFORM,
)
from ldap3.utils.conv import escape_filter_chars

from common.tenant_connections import Directory
from metadata_sync.errors import PasswordUnavailableError

AT_ONCE = 8
CONNECT_SECONDS = 3
ANSWER_SECONDS = 5
# Whoever runs the directory has to do something first.
OPERATORS_RETRY_AFTER = 30

# LDAP_SERVER_POLICY_HINTS: a reset keeps to the history of passwords too, where the server knows the control.
_POLICY_HINTS = ("1.2.840.113556.1.4.2239", False, bytes.fromhex("3003020101"))

_REFUSALS = {
    RESULT_CONSTRAINT_VIOLATION: "password_refused",
    RESULT_UNWILLING_TO_PERFORM: "password_refused",
    RESULT_NO_SUCH_OBJECT: "user_not_found",
}


class Directories:
    """Changes passwords in the directories of all tenants."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="directory")

    async def change(self, directory: Directory, user_id: str, *, password: str) -> str | None:
        """Change it; None if it is changed, or the code for which the directory refuses it.

        Raises:
            PasswordUnavailableError: not now; with `no_answer` it may have been changed.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _change, directory, user_id, password)


def _change(directory: Directory, user_id: str, password: str) -> str | None:
    with _bound(directory) as connection:
        with _failing("directory_unreachable"):
            name = _find(connection, directory, user_id)
        if name is None:
            return "user_not_found"
        # From here on a broken connection tells nothing.
        with _failing("no_answer"):
            result = _set(connection, directory, name, password)
    if result != RESULT_SUCCESS and result not in _REFUSALS:
        raise PasswordUnavailableError("directory_refuses", retry_after=OPERATORS_RETRY_AFTER)
    return _REFUSALS.get(result)


@contextmanager
def _bound(directory: Directory) -> Iterator[Connection]:
    """A connection as whoever may change passwords."""
    server = Server(
        directory.url, get_info=NONE, tls=_VerifiedTls(directory), connect_timeout=CONNECT_SECONDS
    )
    connection = Connection(
        server,
        user=directory.bind_dn,
        password=directory.bind_password.reveal().decode(),
        auto_referrals=False,
        receive_timeout=ANSWER_SECONDS,
    )
    with _failing("directory_unreachable"):
        is_bound = connection.bind()
    try:
        if not is_bound:
            raise PasswordUnavailableError("directory_forbids", retry_after=OPERATORS_RETRY_AFTER)
        yield connection
    finally:
        with _failing("directory_unreachable", is_over=True):
            connection.unbind()


@contextmanager
def _failing(reason: str, *, is_over: bool = False) -> Iterator[None]:
    """What breaks in here is called so; with `is_over` it is of no interest any more."""
    try:
        yield
    except (LDAPException, OSError):
        if not is_over:
            # From none: the library's errors may repeat what was sent.
            raise PasswordUnavailableError(reason, retry_after=1) from None


class _VerifiedTls(Tls):
    """TLS as the standard library checks it: the chain, the dates and the host's name."""

    def __init__(self, directory: Directory) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cadata=directory.authorities)

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        connection.socket.settimeout(ANSWER_SECONDS)
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


def _find(connection: Connection, directory: Directory, user_id: str) -> str | None:
    """The person's distinguished name.

    Raises:
        PasswordUnavailableError: the directory does not let us look, or the filter finds several.
    """
    identifier = user_id.rpartition("|")[2]
    person_filter = _filled(directory.person_filter, identifier)
    if person_filter is None:
        return None
    connection.search(
        directory.base, person_filter, search_scope=SUBTREE, attributes=NO_ATTRIBUTES, size_limit=2
    )
    found = [entry["dn"] for entry in connection.response or () if entry["type"] == "searchResEntry"]
    if len(found) > 1:
        raise PasswordUnavailableError("directory_ambiguous", retry_after=OPERATORS_RETRY_AFTER)
    if connection.result["result"] not in {RESULT_SUCCESS, RESULT_NO_SUCH_OBJECT}:
        raise PasswordUnavailableError("directory_refuses", retry_after=OPERATORS_RETRY_AFTER)
    return found[0] if found else None


def _filled(person_filter: str, identifier: str) -> str | None:
    """The filter for one person (RFC 4515); None if it asks for a GUID and the identifier is none."""
    if "{id}" in person_filter:
        return person_filter.replace("{id}", escape_filter_chars(identifier))
    try:
        guid = UUID(identifier).bytes_le
    except ValueError:
        return None
    return person_filter.replace("{guid}", "".join(f"\\{byte:02x}" for byte in guid))


def _set(connection: Connection, directory: Directory, name: str, password: str) -> int:
    """The directory's result code."""
    if directory.kind == "ad":
        quoted = f'"{password}"'.encode("utf-16-le")
        changes = {"unicodePwd": [(MODIFY_REPLACE, [quoted])]}
        connection.modify(name, changes, controls=[_POLICY_HINTS])
    else:
        # As bytes it goes out as it was typed.
        connection.extend.standard.modify_password(user=name, new_password=password.encode())
    code: int = connection.result["result"]
    return code
