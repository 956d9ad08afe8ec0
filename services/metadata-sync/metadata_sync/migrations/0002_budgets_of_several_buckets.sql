-- A budget holds all buckets of a plan now. What the old form knew is worth one careful request: start anew.
DELETE FROM budgets;

-- Which server process remembers: after a failover the budget may be older than what was sent.
ALTER TABLE budgets ADD COLUMN server_started_at timestamptz NOT NULL DEFAULT pg_postmaster_start_time();
