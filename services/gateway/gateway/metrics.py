"""What `GET /metrics` tells of this process beyond what every process tells."""

from prometheus_client import Counter, Gauge, Histogram

_LOGIN_SECONDS = (1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 2700)

LOGINS_OPENED = Counter("gateway_logins_opened", "Logins that a tenant sent here.", ["tenant"])
LOGINS_ENDED = Counter(
    "gateway_logins_ended",
    "Logins that came to an end: `handed_back`, `restarted`, `expired`, `displaced` or `cancelled`; "
    "`metadata` says what the answer said of our write, or `none`.",
    ["tenant", "status", "metadata"],
)
STEPS_CONCLUDED = Counter(
    "gateway_steps_concluded",
    "Steps that have ended: `passed`, `failed`, `declined`, `pending` or `abandoned`.",
    ["tenant", "step", "outcome"],
)
LOGIN_DURATION = Histogram(
    "gateway_login_duration_seconds",
    "From a login's arrival to its end, people's time included.",
    ["status"],
    buckets=_LOGIN_SECONDS,
)
REQUEST_DURATION = Histogram(
    "gateway_http_request_duration_seconds",
    "Requests of browsers by the route's template; those to `/t/{id}/events` last until something happens.",
    ["method", "route", "status"],
)
WAITING_BROWSERS = Gauge("gateway_waiting_browsers", "Browsers that hold a stream of events open.")
LIMITED = Counter(
    "gateway_limited",
    "Requests and connections over a limit, by which: `address`, `connections`, `user`, `tenant`.",
    ["limit"],
)
DISPLACED = Counter(
    "gateway_displaced", "Open logins that gave way to newer ones of their `user` or `tenant`.", ["limit"]
)
