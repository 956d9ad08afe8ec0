"""Every event that proofing writes; docs/log-events.md is made from it."""

from common.log_catalogue import (
    ASSURANCE,
    OUTCOME,
    PROVIDER,
    REASON,
    REASONS,
    REV,
    VERIFICATION_ID,
    VERIFICATIONS,
)
from common.log_contract import About, Event
from common.log_events import COMMON_EVENTS
from common.messages import Outcome
from proofing.errors import Failure
from proofing.providers.base import Level, Reason

EVENTS = (
    *COMMON_EVENTS,
    Event(
        "verification.concluded",
        "info",
        (
            VERIFICATION_ID,
            PROVIDER,
            OUTCOME.among(Outcome),
            ASSURANCE.among(Level),
            REASONS.among(Reason, Failure),
        ),
        "A verification ended; `reasons` are codes, the gravest first.",
        do="Many in `review` or with `error`: `reasons` says whether it is the tenant's rules or profiles.",
        about=About.LOGIN,
    ),
    Event(
        "verification.unusable",
        "warning",
        (VERIFICATION_ID, REASON.among(Failure)),
        "A command that no provider can be asked about; its login is told `error`.",
        do="`sealed_input_unreadable`: give gateway and proofing the same seal key, here first.",
        about=About.LOGIN,
    ),
    Event(
        "verification.repeated",
        "info",
        (VERIFICATION_ID,),
        "A second delivery, or a second command about the same verification; nothing was changed.",
        about=About.LOGIN,
    ),
    Event(
        "verification.dropped",
        "info",
        (VERIFICATION_ID,),
        "It was asked for before its person was erased; nothing was kept.",
        about=About.LOGIN,
    ),
    Event(
        "user.forgotten",
        "info",
        (REV, VERIFICATIONS),
        "A person was erased: so many verifications, their evidence, and the key to it.",
        about=About.LOGIN,
    ),
    Event(
        "review.shown",
        "info",
        (VERIFICATION_ID,),
        "An operator looked at the evidence of a verification; who, is in `review_log`.",
        about=About.LOGIN,
    ),
    Event(
        "review.decided",
        "info",
        (VERIFICATION_ID, OUTCOME.among(Outcome.APPROVED, Outcome.DECLINED), REASON.maybe()),
        "A person settled a review; who, is in `review_log`.",
        about=About.LOGIN,
    ),
    Event(
        "evidence.does_not_open",
        "warning",
        (VERIFICATION_ID,),
        "What is kept of a verification does not open; a second pass asks for everything, retention waits.",
        do="Bring the missing file of `DATA_KEY_FILES` back, unless the person was erased.",
        about=About.TENANT,
    ),
)
