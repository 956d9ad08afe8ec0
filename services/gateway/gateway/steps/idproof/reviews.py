"""Reviews that are promised: whoever waits for one is not asked again in the same browser.

Each login that answers `pending` for a review leaves its own `jti` with the tenant, which counts a
late result only under that. So the decision goes out under the `jti` of the login that answered last.
"""

from datetime import datetime

from common.db import Connection
from common.messages import Outcome, VerificationChanged
from gateway.login import Login
from gateway.results import iso
from gateway.steps.idproof import store
from gateway.steps.idproof.rules import DECISION_BY, NAME, decision_by
from gateway.transaction_step import Conclusion, StepStatus


async def note(connection: Connection, login: Login, event: VerificationChanged) -> str | None:
    """Keep a review that begins; of one that is over, the jti under which another login waits for it."""
    if event.outcome is not Outcome.REVIEW:
        jti = await store.delete_review(connection, login, verification_id=event.verification_id)
        return jti if jti != login.transaction.jti else None
    promised = decision_by(event, login.settings)
    if promised is not None and login.transaction.device is not None:
        await store.insert_review(
            connection, login, verification_id=event.verification_id, promised_until=promised
        )
    return None


async def waiting(connection: Connection, login: Login, *, now: datetime) -> Conclusion | None:
    """How the step ends in a login of who waits for a review in this browser, unless they ask to be asked."""
    if login.transaction.device is None or login.transaction.step(NAME).requested:
        return None
    review = await store.find_review(connection, login, now=now)
    if review is None:
        return None
    await store.hand_on_review(connection, login, verification_id=review.verification_id)
    return Conclusion(
        status=StepStatus.PENDING,
        at=now,
        level="self_asserted",
        reason="review",
        reference=review.verification_id,
        details={DECISION_BY: iso(review.promised_until)},
    )
