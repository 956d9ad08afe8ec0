"""A private slapd, by LDAPS, with a password policy and the attributes that Active Directory has."""

import base64
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ldap3 import NONE, Connection, Server, Tls

from tests.support.errors import MissingToolError
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.tenant.tls import server_context

HOST = "127.0.0.1"
BASE = "dc=acme,dc=example"
CHANGER, CHANGER_PASSWORD = f"cn=waystation,{BASE}", "changes-passwords-7"
ANNA = f"uid=anna,{BASE}"
GUID = UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
_READY_SECONDS = 15.0

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.90 NAME 'unicodePwd' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.1 NAME 'domainUser' SUP top AUXILIARY MAY ( objectGUID $ unicodePwd ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCertificateFile {folder}/tls/server.pem
TLSCertificateKeyFile {folder}/tls/server.pem
pidfile {folder}/slapd.pid
database mdb
suffix "{base}"
directory {folder}/data
rootdn "cn=root,{base}"
overlay ppolicy
ppolicy_default "cn=policy,{base}"
access to attrs=userPassword,unicodePwd
  by dn.exact="{changer}" write
  by anonymous auth
  by * none
access to * by dn.exact="{changer}" read by * none
"""

_ENTRIES = """
dn: {base}
objectClass: domain
dc: acme

dn: cn=policy,{base}
objectClass: device
objectClass: pwdPolicy
pwdAttribute: userPassword
pwdCheckQuality: 2
pwdMinLength: 8

dn: {changer}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {password}

dn: {anna}
objectClass: inetOrgPerson
objectClass: domainUser
cn: Anna
sn: Eriksson
userPassword: over-the-bridge-7
objectGUID:: {guid}

dn: uid=twin,{base}
objectClass: inetOrgPerson
cn: Twin
sn: One
mail: twin@acme.example

dn: uid=other,{base}
objectClass: inetOrgPerson
cn: Twin
sn: Two
mail: twin@acme.example
"""


@dataclass(frozen=True, kw_only=True)
class Slapd:
    """A running server; `ca_file` is the authority that its certificate is from."""

    url: str
    ca_file: Path
    process: Process

    @contextmanager
    def away(self) -> Iterator[None]:
        """It answers nobody meanwhile."""
        self.process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send(signal.SIGCONT)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def connection(self, user: str, password: str) -> Connection:
        """One as that user, not bound yet."""
        tls = Tls(validate=ssl.CERT_NONE)  # what services are compared with, not what is tested
        return Connection(Server(self.url, get_info=NONE, tls=tls), user=user, password=password)

    def lets_in(self, password: str) -> bool:
        """Whether that is Anna's password."""
        connection = self.connection(ANNA, password)
        is_bound: bool = connection.bind()
        connection.unbind()
        return is_bound

    def has_unicode_pwd(self, password: str) -> bool:
        """Whether Anna's `unicodePwd` is what Active Directory takes for that password."""
        connection = self.connection(CHANGER, CHANGER_PASSWORD)
        connection.bind()
        try:
            same: bool = connection.compare(ANNA, "unicodePwd", f'"{password}"'.encode("utf-16-le"))
        finally:
            connection.unbind()
        return same


@contextmanager
def running_slapd(folder: RunFolder) -> Iterator[Slapd]:
    """A server with an empty history, while the block runs.

    Raises:
        MissingToolError: there is no slapd.
    """
    program = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise MissingToolError("slapd is not installed (Debian: apt-get install slapd).")
    data = folder.path / "slapd"
    (data / "data").mkdir(parents=True)
    server_context(data / "tls", hosts=(HOST,))
    config, url = data / "slapd.conf", f"ldaps://{HOST}:{free_port()}"
    config.write_text(_CONFIG.format(folder=data, base=BASE, changer=CHANGER))
    guid = base64.b64encode(GUID.bytes_le).decode()
    entries = _ENTRIES.format(base=BASE, anna=ANNA, changer=CHANGER, password=CHANGER_PASSWORD, guid=guid)
    subprocess.run(
        [program, "-Ta", "-f", str(config)], input=entries.strip().encode(), check=True, capture_output=True
    )
    process = folder.start("slapd", [program, "-f", str(config), "-h", url, "-d", "0"], env={})
    slapd = Slapd(url=url, ca_file=data / "tls" / "ca.pem", process=process)
    try:
        process.block_until_ready(lambda: _answers(slapd), _READY_SECONDS)
        yield slapd
    finally:
        folder.stop_one(process)


def _answers(slapd: Slapd) -> bool:
    context = ssl.create_default_context(cafile=slapd.ca_file)
    try:
        with (
            socket.create_connection((HOST, slapd.port), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname=HOST),
        ):
            return True
    except OSError:
        return False
