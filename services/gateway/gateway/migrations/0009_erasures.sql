-- That somebody was erased: what came before `rev` is gone here, and what of it the other services have reported.
-- Of the person this is all that is left here, until it is deleted as well.
CREATE TABLE erasures (
    tenant           text        NOT NULL,
    id               text        NOT NULL,
    subject          text        NOT NULL,
    rev              bigint      NOT NULL,
    keys             text[]      NOT NULL,
    erased_at        timestamptz NOT NULL DEFAULT ws_now(),
    settle_at        timestamptz,
    proofing_at      timestamptz,
    metadata_sync_at timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX erasures_subject ON erasures (tenant, subject, rev);

-- The highest rev of those who were erased: whoever comes back begins above it.
CREATE TABLE rev_floors (
    tenant text   PRIMARY KEY,
    rev    bigint NOT NULL
);

-- Until when the last answer token of this login is good.
ALTER TABLE transactions ADD COLUMN answered_until timestamptz;
CREATE INDEX transactions_subject ON transactions (tenant, subject);
