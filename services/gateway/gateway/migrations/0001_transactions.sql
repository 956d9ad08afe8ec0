CREATE TABLE transactions (
    id            text        PRIMARY KEY,
    tenant        text        NOT NULL,
    jti           text        NOT NULL,
    subject       text        NOT NULL,
    status        text        NOT NULL,
    waiting_for   text,
    waiting_until timestamptz,
    version       integer     NOT NULL,
    steps         jsonb       NOT NULL,
    metadata      text,
    claimed_by    bytea,
    issuer        text        NOT NULL,
    client_id     text        NOT NULL,
    continue_uri  text        NOT NULL,
    settings      jsonb       NOT NULL,
    state_digest  bytea       NOT NULL,
    state         bytea,
    profile       bytea,
    traceparent   text        NOT NULL,
    opened_at     timestamptz NOT NULL,
    deadline      timestamptz NOT NULL,
    wake_at       timestamptz,
    UNIQUE (tenant, jti),
    UNIQUE (tenant, state_digest)
);
CREATE INDEX transactions_wake_at ON transactions (wake_at) WHERE wake_at IS NOT NULL;

-- The only source of `rev`: no timestamp orders what is written to a user's metadata.
CREATE TABLE user_revisions (
    tenant  text   NOT NULL,
    subject text   NOT NULL,
    rev     bigint NOT NULL,
    PRIMARY KEY (tenant, subject)
);

-- Attempts are a person's, not a transaction's: fifty parallel logins share them.
CREATE TABLE step_attempts (
    tenant       text        NOT NULL,
    subject      text        NOT NULL,
    step         text        NOT NULL,
    window_start timestamptz NOT NULL,
    attempts     integer     NOT NULL,
    last_slip    bytea, -- a keyed digest: the same slip again is no other attempt
    PRIMARY KEY (tenant, subject, step, window_start)
);
