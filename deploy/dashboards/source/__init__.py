"""Dashboards and alerts as code: `./dev dashboards` writes what Grafana, Prometheus and Loki read."""
