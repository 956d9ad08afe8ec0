"""Who is refused and why: forged and used links, other browsers, floods, secrets that do not fit."""

from deploy.dashboards.source.model import Board, Look, Panel, Section
from deploy.dashboards.source.queries import RATE, SHOWN, count, lines, log, metric, total

_REFUSED = lines("request.refused", service="gateway")
# A link that was used or left lying, a login that is another browser's, a token with another login's state.
REPLAYS = "session_token_expired|state_does_not_fit|other_browser|no_cookie"
_REPLAYED = lines("request.refused", service="gateway", where=f'code=~"{REPLAYS}"')
_FORGED = lines(
    "request.refused",
    service="gateway",
    where='code=~"session_token_.*|profile" | code!="session_token_expired"',
)

_REFUSALS = Section(
    title="Refusals",
    panels=(
        Panel(
            title="Refused requests by reason",
            tells="The code of each error page. A few are people's; many of one code are not.",
            look=Look.GRAPH,
            queries=(log(count(_REFUSED, by="code"), "{{code}}"),),
        ),
        Panel(
            title="Replays and other browsers",
            tells="Links that were used or too old, logins that belong to another browser or state.",
            look=Look.BARS,
            queries=(log(count(_REPLAYED, by="code"), "{{code}}"),),
        ),
        Panel(
            title="Session tokens that do not verify",
            tells="By tenant: its Action and its entry do not agree, or somebody tries.",
            look=Look.GRAPH,
            queries=(log(count(_FORGED, by="tenant, code"), "{{tenant}} {{code}}"),),
        ),
        Panel(
            title="Refusals by reason and tenant",
            tells="Of all the time that is shown.",
            look=Look.TABLE,
            queries=(log(count(_REFUSED, by="tenant, code, http_response_status_code", per=SHOWN)),),
        ),
        Panel(
            title="Answers by status",
            tells="A 500 is a mistake of ours, a 503 a database that is away.",
            look=Look.GRAPH,
            queries=(
                log(
                    count(
                        lines("request.served", service="gateway", of_tenant=False),
                        by="http_response_status_code",
                    ),
                    "{{http_response_status_code}}",
                ),
            ),
        ),
        Panel(
            title="What was not HTTP",
            tells="Scanners, or a proxy that speaks something else.",
            look=Look.BARS,
            queries=(
                log(count(lines("request.unreadable", service="gateway", of_tenant=False)), "unreadable"),
            ),
        ),
    ),
)

_LIMITS = Section(
    title="Limits",
    panels=(
        Panel(
            title="Over a limit",
            tells="Requests and connections by whose limit it was: address, connections, user, tenant.",
            look=Look.GRAPH,
            queries=(
                metric(f"sum by (limit) (increase(gateway_limited_total[{RATE}]))", "{{limit}}"),
                metric(f"sum by (limit) (increase(gateway_displaced_total[{RATE}]))", "displaced, {{limit}}"),
            ),
        ),
        Panel(
            title="Refused by the limits of an address",
            tells="As the log tells them, which adds up what it has not told one by one.",
            look=Look.GRAPH,
            queries=(
                log(
                    total(
                        lines("limit.reached", service="gateway", of_tenant=False),
                        field="refused",
                        by="limit",
                    ),
                    "{{limit}}",
                ),
            ),
        ),
        Panel(
            title="Attempts that failed",
            tells="Steps that ended failed, by reason: guessed codes and passwords are among them.",
            look=Look.BARS,
            queries=(
                log(
                    count(
                        lines("step.concluded", service="gateway", where='outcome="failed"'),
                        by="step, reason",
                    ),
                    "{{step}} {{reason}}",
                ),
            ),
        ),
        Panel(
            title="What operators did to people's data",
            tells="Erasures, reviews that were looked at and decided. The audit trail knows more.",
            look=Look.BARS,
            queries=(
                log(
                    count(
                        lines("user.erased", "user.forgotten", "review.shown", "review.decided"), by="event"
                    ),
                    "{{event}}",
                ),
            ),
        ),
    ),
)

_SECRETS = Section(
    title="Keys, files and trail",
    panels=(
        Panel(
            title="Keys and files that do not fit",
            tells="Data that does not open, key sets that cannot be had, tenants files that are refused.",
            look=Look.LINES,
            queries=(
                log(
                    lines(
                        "vault.does_not_open",
                        "evidence.does_not_open",
                        "jwks.unavailable",
                        "profile.refused",
                        "password.call_refused",
                        "tenants.reload_refused",
                        of_tenant=False,
                    )
                ),
            ),
        ),
        Panel(
            title="Seals of the audit trail",
            tells="Keep them elsewhere: a trail that was rewritten does not hold them.",
            look=Look.LINES,
            queries=(log(lines("audit.sealed", of_tenant=False)),),
        ),
    ),
)

BOARD = Board(
    name="security",
    title="Waystation: security",
    tells="Refusals by reason, replays, limits, failed attempts, keys that do not fit.",
    sections=(_REFUSALS, _LIMITS, _SECRETS),
)
