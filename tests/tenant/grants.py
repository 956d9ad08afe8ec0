"""What an application holds between requests: authorization codes and refresh tokens."""

import secrets
from dataclasses import dataclass

from tests.tenant.clock import Clock
from tests.tenant.logins import Login
from tests.tenant.settings import Choices


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One person's consent to one application, as the login left it."""

    login: Login
    issued_at: float


class Grants:
    """All codes and refresh tokens."""

    def __init__(self, *, clock: Clock, choices: Choices) -> None:
        self._clock = clock
        self._choices = choices
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def new_code(self, login: Login) -> str:
        """A code for one use."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(login=login, issued_at=self._clock.now())
        return code

    def redeem(self, code: str) -> Login | None:
        """The login of a code that is neither used nor too old; it is used now."""
        grant = self._codes.pop(code, None)
        if grant is None or self._clock.now() - grant.issued_at > self._choices.code_lifetime:
            return None
        return grant.login

    def new_refresh_token(self, login: Login) -> str:
        """A refresh token that does not rotate."""
        token = f"v1.{secrets.token_urlsafe(48)}"
        self._refresh[token] = Grant(login=login, issued_at=self._clock.now())
        return token

    def refresh(self, token: str) -> Login | None:
        """The login that a refresh token came from."""
        grant = self._refresh.get(token)
        return grant.login if grant else None

    def revoke(self, token: str) -> None:
        """Forget a refresh token; an unknown one is no mistake."""
        self._refresh.pop(token, None)
