-- That the person of a login agreed to the check: to our sentences, and to the tenant's wording behind its link.
CREATE TABLE idproof_consents (
    tenant         text        NOT NULL,
    transaction_id text        NOT NULL,
    text_revision  integer     NOT NULL,
    revision       integer     NOT NULL,
    given_at       timestamptz NOT NULL DEFAULT ws_now(),
    PRIMARY KEY (tenant, transaction_id)
);

-- Verifications that wait for a person; `jti` is the login that answered for them last, in that browser.
CREATE TABLE idproof_reviews (
    tenant          text        NOT NULL,
    verification_id text        NOT NULL,
    subject         text        NOT NULL,
    device          bytea       NOT NULL,
    revision        integer     NOT NULL,
    promised_until  timestamptz NOT NULL,
    jti             text        NOT NULL,
    PRIMARY KEY (tenant, verification_id)
);
CREATE INDEX idproof_reviews_subject ON idproof_reviews (tenant, subject, device);
