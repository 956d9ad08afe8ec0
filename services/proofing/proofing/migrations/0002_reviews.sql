CREATE INDEX verifications_review ON verifications (tenant, concluded_at) WHERE status = 'review';

-- Who looked at a review and who decided it; rows are only ever added.
CREATE TABLE review_log (
    tenant          text        NOT NULL,
    number          bigint      GENERATED ALWAYS AS IDENTITY,
    verification_id text        NOT NULL,
    act             text        NOT NULL,
    reviewer        text        NOT NULL,
    reason          text,
    at              timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, number),
    FOREIGN KEY (tenant, verification_id) REFERENCES verifications ON DELETE CASCADE
);
