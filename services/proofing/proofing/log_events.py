"""Every event that proofing writes; README.md tells operators what to do about each."""

from common.log import Event
from common.log_events import COMMON_EVENTS

EVENTS = (
    *COMMON_EVENTS,
    Event(
        "verification.concluded",
        "info",
        ("verification_id", "provider", "outcome", "assurance", "reasons"),
        "A verification ended; `reasons` are codes, the gravest first.",
    ),
    Event(
        "verification.unusable",
        "warning",
        ("verification_id", "reason"),
        "A command that no provider can be asked about; its login is told `error`.",
    ),
    Event(
        "verification.repeated",
        "info",
        ("verification_id",),
        "A second delivery, or a second command about the same verification; nothing was changed.",
    ),
    Event(
        "verification.dropped",
        "info",
        ("verification_id",),
        "It was asked for before its person was erased; nothing was kept.",
    ),
    Event(
        "user.forgotten",
        "info",
        ("rev", "verifications"),
        "A person was erased: so many verifications, their evidence, and the key to it.",
    ),
    Event(
        "review.shown",
        "info",
        ("verification_id",),
        "An operator looked at the evidence of a verification; who, is in `review_log`.",
    ),
    Event(
        "review.decided",
        "info",
        ("verification_id", "outcome", "reason"),
        "A person settled a review; who, is in `review_log`.",
    ),
    Event(
        "evidence.does_not_open",
        "warning",
        ("verification_id",),
        "What a second pass refers to was erased, or a key file is missing; the person types everything.",
    ),
)
