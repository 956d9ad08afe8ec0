"""What production refuses although it would work: what everybody knows, can read, or can reach."""

import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

MIN_PASSWORD_CHARACTERS = 16
WANTED_MODE = "0400, or 0440 for its group"

_OTHERS_MAY_READ_OR_WRITE = 0o006
_SERVERS_OWN = frozenset({"admin", "administrator", "guest", "postgres", "rabbitmq", "root"})
_KNOWN_USERS = _SERVERS_OWN | {"test", "user", "waystation"}
# What images, examples and people in a hurry set: their users' names, and words for a password.
_KNOWN_PASSWORDS = _KNOWN_USERS | {
    "changeme",
    "change-me",
    "default",
    "example",
    "pass",
    "password",
    "secret",
}


def weak_login(url: str, *, for_administration: bool = False) -> list[str]:
    """What is wrong with user and password of a server's address; administration may use the server's own."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    problems = []
    if not user:
        problems.append("must name a user, or a default one logs in")
    elif user.casefold() in _KNOWN_USERS and not for_administration:
        problems.append("must not log in as a default or administrative user")
    if password:
        problems += _weak_password(password, user=user)
    elif "sslcert" not in parse_qs(parts.query):
        problems.append("must have a password")
    return problems


def _weak_password(password: str, *, user: str) -> list[str]:
    word = password.casefold().strip("0123456789!")
    if word in _KNOWN_PASSWORDS or password.casefold() == user.casefold():
        return ["must not have a default password"]
    if len(password) < MIN_PASSWORD_CHARACTERS:
        return [f"must have a password of {MIN_PASSWORD_CHARACTERS} characters or more"]
    return []


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on the machine may read or change the file.

    Not what is mounted read-only: an orchestrator has put it into this container, with a mode of its own.
    """
    try:
        mode = path.stat().st_mode
        is_mounted = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False  # whoever reads it says what is wrong
    return bool(mode & _OTHERS_MAY_READ_OR_WRITE) and not is_mounted


def is_public(host: str) -> bool:
    """Whether a listener there can be reached from anywhere: it is one for all addresses or a public one."""
    if host == "localhost":
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return True  # a name may be anything, and something else tomorrow
    return address.is_unspecified or address.is_global
