"""Devices that wait for somebody to log in elsewhere, RFC 8628."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.tenant.clock import Clock
from tests.tenant.config import Client
from tests.tenant.errors import OAuthError
from tests.tenant.logins import Login
from tests.tenant.settings import Choices

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


def _new_user_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


@dataclass(kw_only=True)
class Device:
    """One request for a login; `login` is the one that came of it, `refusal` why none did."""

    client: Client
    params: dict[str, Any]
    expires_at: float
    code: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    user_code: str = field(default_factory=_new_user_code)
    polled_at: float | None = None
    claimed: bool = False
    login: Login | None = None
    refusal: tuple[str, str] | None = None


class Devices:
    """All devices that wait."""

    def __init__(self, *, clock: Clock, choices: Choices) -> None:
        self._clock = clock
        self._choices = choices
        self._devices: dict[str, Device] = {}

    def new(self, client: Client, params: dict[str, Any]) -> Device:
        """A device with its two codes."""
        expires_at = self._clock.now() + self._choices.device_code_lifetime
        device = Device(client=client, params=params, expires_at=expires_at)
        self._devices[device.code] = device
        return device

    def claim(self, user_code: str) -> Device | None:
        """The device whose code a person typed, in any case and with or without its dash; good once."""
        typed = user_code.replace("-", "").strip().upper()
        for device in self._devices.values():
            if device.user_code.replace("-", "") == typed and not device.claimed and not self._late(device):
                device.claimed = True
                return device
        return None

    def finish(self, code: str, login: Login) -> None:
        """Somebody has logged in for a device."""
        if code in self._devices:
            self._devices[code].login = login

    def refuse(self, code: str, error: str, description: str) -> None:
        """Nobody will log in for a device."""
        if code in self._devices:
            self._devices[code].refusal = (error, description)

    def _late(self, device: Device) -> bool:
        return self._clock.now() > device.expires_at

    def poll(self, code: str, *, client: Client) -> Login:
        """The login that a device may have tokens for, which it gets once.

        Raises:
            OAuthError: not yet, too often, too late, refused, or there is no such device.
        """
        device = self._devices.get(code)
        if device is None or device.client.client_id != client.client_id:
            raise OAuthError("invalid_grant", "Invalid or expired device code.")
        if self._late(device):
            raise OAuthError("expired_token", "The device code has expired.")
        self._check_pace(device)
        if device.refusal is not None:
            raise OAuthError(*device.refusal)
        if device.login is None:
            raise OAuthError("authorization_pending", "User has yet to authorize device code.")
        del self._devices[code]
        return device.login

    def _check_pace(self, device: Device) -> None:
        now, interval = self._clock.now(), self._choices.device_interval
        polled_at, device.polled_at = device.polled_at, now
        if polled_at is not None and now - polled_at < interval:
            faster = f"You are polling faster than the specified interval of {interval:g} seconds."
            raise OAuthError("slow_down", faster, status=429)
