"""An Action that tells what it saw, and how to read it."""

from typing import Any

from tests.tenant.tests.support import Answer, Tenant

SHOWING = """
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://example.org/seen', {
    hostname: event.request.hostname, domain: event.custom_domain?.domain ?? null,
    prompt: event.transaction.prompt, session: event.session.id,
    methods: event.authentication.methods.map((method) => method.name),
  });
};
"""


async def seen(tenant: Tenant, back: Answer) -> dict[str, Any]:
    """What the Action `SHOWING` saw in the login that a callback ended."""
    claim: dict[str, Any] = (await tenant.id_claims(back))["https://example.org/seen"]
    return claim
