"""Every event that the gateway writes; README.md tells operators what to do about each."""

from common.log import Event
from common.log_events import COMMON_EVENTS

EVENTS = (
    *COMMON_EVENTS,
    Event(
        "request.served",
        "info",
        ("http_request_method", "http_route", "http_response_status_code", "duration_ms"),
        "One request of a browser.",
    ),
    Event(
        "request.refused",
        "warning",
        ("code", "http_response_status_code"),
        "A request was answered with an error page; `code` says why.",
    ),
    Event(
        "request.unreadable",
        "warning",
        ("http_response_status_code",),
        "What arrived was not HTTP as it should be; nothing of it is kept.",
    ),
    Event(
        "limit.reached",
        "warning",
        ("limit", "refused"),
        "An `address` has too many requests or `connections`; `refused` counts since the last such line.",
    ),
    Event(
        "request.not_possible_now",
        "warning",
        ("error_type",),
        "The person was asked to try again in some seconds.",
    ),
    Event("request.failed", "error", (), "A request met an error that nobody foresaw."),
    Event("vault.does_not_open", "error", (), "Stored data does not open: a key file is missing or wrong."),
    Event(
        "jwks.fetched", "info", ("keys",), "A tenant's key set was read anew: so many keys to choose from."
    ),
    Event(
        "jwks.unavailable",
        "warning",
        ("error_type",),
        "A tenant's key set cannot be had; the last good one counts for a day in all.",
    ),
    Event("profile.refused", "warning", ("reason",), "The profile in a session token does not open."),
    Event("login.opened", "info", ("steps",), "A browser arrived with a good session token."),
    Event("login.claimed", "info", (), "A person said that this is their login; it is this browser's now."),
    Event(
        "login.stopped", "info", (), "The person stopped; the tenant gets what there is, with that reason."
    ),
    Event("login.restarted", "info", ("step",), "A new login at the tenant has to follow."),
    Event(
        "login.went_on_without",
        "warning",
        ("waiting_for",),
        "A verdict or a confirmation was late; the login goes on as pending or carried.",
    ),
    Event(
        "login.handed_back",
        "info",
        ("metadata", "outcomes"),
        "The signed answer was served; whether the tenant took it, we never learn.",
    ),
    Event(
        "login.not_moved",
        "error",
        (),
        "Time has come for a login, and it met an error that nobody foresaw; tried again every second.",
    ),
    Event(
        "login.displaced",
        "warning",
        ("limit",),
        "More logins of a `user` or a `tenant` were open than may be, and this was the oldest.",
    ),
    Event("login.expired", "info", ("status",), "The deadline passed; `status` is how far the login was."),
    Event("step.mistyped", "info", ("step", "attempts_left", "problems"), "A slip of the keyboard."),
    Event(
        "step.refused",
        "info",
        ("step", "reason", "attempts_left"),
        "A verdict that may be about a slip of the keyboard; the person may try again.",
    ),
    Event("idproof.consented", "info", (), "The person agrees to the check of their identity."),
    Event("step.submitted", "info", ("step",), "The person gave what the step needs."),
    Event("step.taken_over", "info", ("step",), "The same browser has passed the step in an earlier login."),
    Event(
        "step.concluded",
        "info",
        ("step", "outcome", "reason"),
        "A step has ended: passed, failed, declined, pending or abandoned.",
    ),
    Event("profile.answered", "info", ("asked", "changed"), "A profile is complete; how many fields."),
    Event("stepup.code_posted", "info", (), "A code is on its way to the person's mail address."),
    Event("mail.sent", "info", ("attempt",), "The SMTP server has taken a mail."),
    Event("mail.not_sent", "warning", ("attempt", "error_type"), "Not now: the mail is tried again."),
    Event("mail.refused", "warning", ("error_type",), "The mail will never be taken, and was dropped."),
    Event("mail.expired", "warning", (), "A mail was of no use any more before a server took it."),
    Event("password.not_known", "warning", (), "The answer was lost: the new password may be in use."),
    Event("password.not_now", "warning", ("retry_after",), "metadata-sync cannot change a password now."),
    Event("password.call_refused", "error", (), "metadata-sync does not accept the password call."),
    Event("password.notice_not_sent", "warning", (), "The person's address is none that mail can go to."),
    Event(
        "user.erased",
        "info",
        ("rev", "logins", "cancelled", "was_known"),
        "An operator had a person erased: how many logins there were, and how many of them open.",
    ),
    Event("user.forgotten", "info", ("service", "rev"), "A service has nothing left of an erased person."),
    Event("verification.noted", "info", ("step", "outcome", "reason"), "Proofing's verdict arrived."),
    Event("metadata.applied", "info", (), "The tenant holds the results of this login."),
    Event("metadata.rejected", "warning", ("reason",), "The tenant will never take the results."),
)
