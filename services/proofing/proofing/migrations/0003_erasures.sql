-- The person's last rev when the verification was asked for: an erasure at a later one takes it away.
ALTER TABLE verifications ADD COLUMN rev bigint NOT NULL DEFAULT 0;
CREATE INDEX verifications_user ON verifications (tenant, user_id);

-- Somebody was erased at `rev`: what was asked for before that is not taken any more.
CREATE TABLE erasures (
    tenant    text        NOT NULL,
    user_id   text        NOT NULL,
    rev       bigint      NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, user_id)
);
