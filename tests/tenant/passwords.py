"""A new password, whoever sets it: judged by its connection, and what else ends a person's sessions."""

from typing import Any

from tests.tenant.connections import Connections, check_has_password, check_password
from tests.tenant.logins import Logins
from tests.tenant.sessions import Sessions
from tests.tenant.settings import Choices
from tests.tenant.users import Users


class Passwords:
    """What the Management API and the page of a ticket have in common."""

    def __init__(
        self,
        *,
        connections: Connections,
        users: Users,
        sessions: Sessions,
        logins: Logins,
        choices: Choices,
    ) -> None:
        self._connections = connections
        self._users = users
        self._sessions = sessions
        self._logins = logins
        self._choices = choices

    def check_possible(self, user: dict[str, Any]) -> None:
        """Whether the user has a password here.

        Raises:
            ApiError: 400, there is none to change.
        """
        check_has_password(self._connections.of(user))

    def check(self, user: dict[str, Any], password: str) -> None:
        """Judge a new password of an existing user.

        Raises:
            ApiError: 400, what is wrong with it, or that there is none to change.
        """
        connection = self._connections.of(user)
        check_has_password(connection)
        former = self._users.former_passwords(user["user_id"])
        check_password(password, connection=connection, user=user, former=former)

    def address_changed(self, before: dict[str, Any], changes: dict[str, Any]) -> None:
        """Another address, or one that is no longer verified, ends sessions of people of a database."""
        if self._connections.of(before).strategy != "auth0":
            return
        other = "email" in changes and changes["email"] != before.get("email")
        if other or changes.get("email_verified") is False:
            self._sessions.end_sessions_of(before["user_id"])

    def changed(self, user_id: str) -> None:
        """Sessions end; logins that wait at a redirect too, where the tenant is one that does that."""
        self._sessions.end_sessions_of(user_id)
        if self._choices.password_change_kills_logins == "on":
            self._logins.end_waiting_of(user_id)
