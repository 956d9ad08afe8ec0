"""What `GET /metrics` tells of this process beyond what every process tells."""

from prometheus_client import Counter, Histogram

_JOB_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

JOBS = Counter(
    "proofing_jobs",
    "Verifications that were concluded, by the provider and what it found.",
    ["tenant", "provider", "outcome"],
)
JOB_DURATION = Histogram(
    "proofing_job_duration_seconds",
    "From the command to the commit of its verdict, the provider included.",
    ["provider"],
    buckets=_JOB_SECONDS,
)
