"""What an application holds between requests: authorization codes and refresh tokens."""

import secrets
from dataclasses import dataclass

from tests.tenant.clock import Clock
from tests.tenant.logins import Login
from tests.tenant.settings import Choices
from tests.tenant.states import identifier


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One person's consent to one application, as the login left it."""

    login: Login
    issued_at: float


@dataclass(kw_only=True)
class RefreshToken:
    """One token; all that came of one login are a `family`."""

    login: Login
    family: str
    replaced: bool = False


class Grants:
    """All codes and refresh tokens."""

    def __init__(self, *, clock: Clock, choices: Choices) -> None:
        self._clock = clock
        self._choices = choices
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, RefreshToken] = {}

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
        """The first refresh token of a login."""
        return self._issue(login, family=identifier())

    def _issue(self, login: Login, *, family: str) -> str:
        token = f"v1.{secrets.token_urlsafe(48)}"
        self._refresh[token] = RefreshToken(login=login, family=family)
        return token

    def refresh(self, token: str) -> Login | None:
        """The login that a refresh token came from.

        A token that has been replaced ends its whole family: one of two holders is a thief.
        """
        found = self._refresh.get(token)
        if found is None:
            return None
        if found.replaced:
            self.revoke(token)
            return None
        return found.login

    def rotate(self, token: str) -> str:
        """The token that takes the place of this one."""
        found = self._refresh[token]
        found.replaced = True
        return self._issue(found.login, family=found.family)

    def revoke(self, token: str) -> None:
        """Forget a refresh token with its family; an unknown one is no mistake."""
        found = self._refresh.get(token)
        if found is not None:
            kept = {text: one for text, one in self._refresh.items() if one.family != found.family}
            self._refresh = kept
