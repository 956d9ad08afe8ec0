import base64
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.tenant.states import identifier

_ALGORITHM = "RS256"
_REMEMBERED = 1000  # machines show the same token with every call, and its signature costs more than the rest


@dataclass(frozen=True)
class SigningKey:
    """One RSA key with the id under which the JWKS lists it."""

    private: rsa.RSAPrivateKey
    kid: str = field(default_factory=identifier)

    @property
    def jwk(self) -> dict[str, str]:
        """The public half."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": _ALGORITHM,
            "kid": self.kid,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }


class Keys:
    """The key that signs and the next one, both published."""

    def __init__(self) -> None:
        self._current, self._next = _generate(), _generate()
        self._previous: SigningKey | None = None
        self._verified: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def rotate(self) -> None:
        """The next key signs from now on; the old one still verifies."""
        self._previous, self._current, self._next = self._current, self._next, _generate()
        self._verified.clear()

    def jwks(self) -> dict[str, Any]:
        """RFC 7517 key set: the key that signs, then the next."""
        return {"keys": [self._current.jwk, self._next.jwk]}

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact RS256 JWT."""
        return jwt.encode(
            claims, self._current.private, algorithm=_ALGORITHM, headers={"kid": self._current.kid}
        )

    def verify(self, token: str) -> dict[str, Any]:
        """Claims of a token that this tenant signed; time is the caller's to judge.

        Raises:
            jwt.InvalidTokenError: it did not, or somebody changed it.
        """
        claims = self._verified.get(token)
        if claims is None:
            claims = self._verified[token] = self._judge(token)
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return dict(claims)

    def _judge(self, token: str) -> dict[str, Any]:
        if not token.isascii():
            raise jwt.InvalidTokenError
        kid = jwt.get_unverified_header(token).get("kid")
        for key in (self._current, self._previous):
            if key is not None and key.kid == kid:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key.private.public_key(),
                    algorithms=[_ALGORITHM],
                    options={
                        "verify_aud": False,
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                    },
                )
                return claims
        raise jwt.InvalidTokenError


def _generate() -> SigningKey:
    return SigningKey(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
