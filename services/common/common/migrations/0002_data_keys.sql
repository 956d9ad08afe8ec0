-- One data key per person, wrapped by a key-encryption key that lives in a file: without its row, what it
-- encrypted is gone (common/vault.py).
CREATE TABLE data_keys (
    tenant     text        NOT NULL,
    subject    text        NOT NULL,
    dek_id     bytea       NOT NULL,
    kek_id     bytea       NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, subject)
);
