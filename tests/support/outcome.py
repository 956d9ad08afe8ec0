"""What a login left, read back from where it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.support.errors import JourneyError
from tests.support.stack import Stack
from tests.support.waiting import wait_until

CLAIMS = "https://waystation.dev/"
_WRITTEN_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Login:
    """One that has come to its end; `total_ms` from the first request to the application's page."""

    transaction_id: str
    total_ms: int
    app_metadata: dict[str, Any]
    id_token_claims: dict[str, Any]

    def require_passed(self, steps: Sequence[str]) -> None:
        """Each of these steps has passed, at the tenant and in the token.

        Raises:
            JourneyError: one has not.
        """
        for step in steps:
            self._require(self.app_metadata, f"waystation_{step}", place="app_metadata")
            # The login that changed a password began anew, without an answer that the Action could have seen.
            if step != "password":
                self._require(self.app_metadata, f"waystation_{step}_seen", place="app_metadata")
                self._require(self.id_token_claims, f"{CLAIMS}{step}", place="the ID token")

    def _require(self, results: dict[str, Any], key: str, *, place: str) -> None:
        if results.get(key, {}).get("status") != "passed":
            raise JourneyError(f"The login ended, but {place} has no passed {key}.")


async def read_login(
    stack: Stack,
    *,
    transaction_id: str,
    steps: Sequence[str],
    total_ms: int,
    claims: dict[str, Any] | None,
) -> Login:
    """With what the tenant then has in its directory; nobody waited for a password's record."""
    user = quote(stack.tenant.person.user_id, safe="")
    address = URL(f"{stack.origins.tenant}/__control/users/{user}", encoded=True)
    async with aiohttp.ClientSession() as session:

        async def written() -> dict[str, Any] | None:
            async with session.get(address) as answer:
                metadata: dict[str, Any] = (await answer.json()).get("app_metadata", {})
            return metadata if all(f"waystation_{step}" in metadata for step in steps) else None

        metadata = await wait_until(written, _WRITTEN_SECONDS, what="the results at the tenant", every=0.1)
    return Login(
        transaction_id=transaction_id,
        total_ms=total_ms,
        app_metadata=metadata or {},
        id_token_claims=claims or {},
    )
