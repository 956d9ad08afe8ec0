-- Who has how many open logins, counted every few seconds.
CREATE INDEX transactions_open ON transactions (tenant, subject, opened_at)
    WHERE status IN ('opened', 'working', 'waiting', 'ready');
