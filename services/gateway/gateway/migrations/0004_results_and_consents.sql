-- Passed steps that the same browser may take over in its next login.
CREATE TABLE step_results (
    tenant     text    NOT NULL,
    subject    text    NOT NULL,
    step       text    NOT NULL,
    device     bytea   NOT NULL,
    revision   integer NOT NULL,
    conclusion jsonb   NOT NULL,
    PRIMARY KEY (tenant, subject, step, device)
);

-- The login that answered for a step last: what is taken back later is taken back from that answer.
CREATE TABLE last_answers (
    tenant  text NOT NULL,
    subject text NOT NULL,
    step    text NOT NULL,
    jti     text NOT NULL,
    PRIMARY KEY (tenant, subject, step)
);

-- Texts of documents by their SHA-256: whatever somebody accepted can be shown again.
CREATE TABLE document_texts (
    tenant  text NOT NULL,
    digest  text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (tenant, digest)
);

-- One receipt per answer of a person; `receipt` is Kantara 1.1, `record` ISO/IEC TS 27560.
CREATE TABLE consent_receipts (
    tenant         text        NOT NULL,
    id             text        NOT NULL,
    number         bigint      GENERATED ALWAYS AS IDENTITY,
    subject        text        NOT NULL,
    transaction_id text        NOT NULL,
    given_at       timestamptz NOT NULL,
    receipt        jsonb       NOT NULL,
    record         jsonb       NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX consent_receipts_subject ON consent_receipts (tenant, subject, number);

-- What somebody said to a version of a document; rows are only ever added.
CREATE TABLE consents (
    tenant    text    NOT NULL,
    receipt   text    NOT NULL,
    document  text    NOT NULL,
    version   text    NOT NULL,
    language  text    NOT NULL,
    digest    text    NOT NULL,
    title     text    NOT NULL,
    mandatory boolean NOT NULL,
    action    text    NOT NULL,
    PRIMARY KEY (tenant, receipt, document),
    FOREIGN KEY (tenant, receipt) REFERENCES consent_receipts (tenant, id) ON DELETE CASCADE
);
