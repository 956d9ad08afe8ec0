"""Every alert: what it watches, when it fires, and the runbook that says what to do."""

from deploy.dashboards.source.alerts_on_logs import ON_LOGS
from deploy.dashboards.source.alerts_on_metrics import ON_METRICS

ALERTS = ON_METRICS + ON_LOGS
