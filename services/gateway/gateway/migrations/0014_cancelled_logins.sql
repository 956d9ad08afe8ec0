-- Logins that a command has ended. It has no log that anybody keeps, and no metrics: a gateway takes the row and tells.
CREATE TABLE cancelled_logins (
    tenant         text NOT NULL,
    transaction_id text NOT NULL REFERENCES transactions (id) ON DELETE CASCADE,
    was            text NOT NULL,
    cancelled_at   timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, transaction_id)
);
