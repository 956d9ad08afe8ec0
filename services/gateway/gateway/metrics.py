"""What `GET /metrics` tells of this process beyond what every process tells."""

from prometheus_client import Counter

LIMITED = Counter(
    "gateway_limited",
    "Requests and connections over a limit, by which: address, connections, user, tenant.",
    ["limit"],
)
DISPLACED = Counter(
    "gateway_displaced", "Open logins that gave way to newer ones, by whose were too many.", ["limit"]
)
