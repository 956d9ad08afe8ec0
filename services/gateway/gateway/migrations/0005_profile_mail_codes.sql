-- What the person changed about themselves in this login, encrypted, until it is on its way to the tenant.
ALTER TABLE transactions ADD COLUMN changes bytea;

-- The language of the browser that claimed the login: what is written to the person is written in it.
ALTER TABLE transactions ADD COLUMN language text;

-- A mail until a server has taken it; address and words are encrypted for the person.
CREATE TABLE mails (
    id             text        PRIMARY KEY,
    tenant         text        NOT NULL,
    subject        text        NOT NULL,
    transaction_id text        NOT NULL,
    content        bytea       NOT NULL,
    expires_at     timestamptz NOT NULL,
    due_at         timestamptz NOT NULL DEFAULT ws_now(),
    claimed_until  timestamptz,
    attempts       integer     NOT NULL DEFAULT 0
);
CREATE INDEX mails_due_at ON mails (due_at);
CREATE INDEX mails_subject ON mails (tenant, subject);

-- The code that a login waits for, as a keyed digest.
CREATE TABLE stepup_codes (
    tenant         text        NOT NULL,
    transaction_id text        NOT NULL REFERENCES transactions (id) ON DELETE CASCADE,
    digest         bytea       NOT NULL,
    sent_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, transaction_id)
);
