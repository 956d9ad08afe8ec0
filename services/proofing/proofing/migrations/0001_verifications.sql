CREATE TABLE verifications (
    tenant          text        NOT NULL,
    verification_id text        NOT NULL,
    transaction_id  text        NOT NULL,
    user_id         text        NOT NULL,
    step            text        NOT NULL,
    provider        text        NOT NULL,
    status          text        NOT NULL,
    revision        integer     NOT NULL,
    level           text        NOT NULL,
    reasons         text[]      NOT NULL,
    requested_at    timestamptz NOT NULL,
    deadline        timestamptz NOT NULL,
    concluded_at    timestamptz,
    PRIMARY KEY (tenant, verification_id)
);
CREATE INDEX verifications_transaction ON verifications (tenant, transaction_id);

-- What was looked at and how it went; the values that were looked at are in `evidence`.
CREATE TABLE checks (
    tenant          text     NOT NULL,
    verification_id text     NOT NULL,
    name            text     NOT NULL,
    result          text     NOT NULL,
    reason          text,
    score           smallint,
    PRIMARY KEY (tenant, verification_id, name),
    FOREIGN KEY (tenant, verification_id) REFERENCES verifications ON DELETE CASCADE
);

-- Ciphertext of common/vault.py, by the data key of the person: document, profile as compared, claims.
CREATE TABLE evidence (
    tenant          text        NOT NULL,
    verification_id text        NOT NULL,
    content         bytea       NOT NULL,
    stored_at       timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, verification_id),
    FOREIGN KEY (tenant, verification_id) REFERENCES verifications ON DELETE CASCADE
);
