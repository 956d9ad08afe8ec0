-- One user of one tenant: desired state and what is known of its way there (state.py), never a list of commands.
-- `lease` rises with every attempt: a worker whose number is not here any more may not record anything.
-- `wake_at` is when somebody must look: the due time, or the end of the lease while an attempt is under way.
CREATE TABLE users (
    tenant  text    NOT NULL,
    user_id text    NOT NULL,
    state   jsonb   NOT NULL,
    lease   bigint  NOT NULL DEFAULT 0,
    waiting boolean NOT NULL DEFAULT false,
    wake_at timestamptz,
    PRIMARY KEY (tenant, user_id)
);
CREATE INDEX users_wake_at ON users (tenant, waiting DESC, wake_at) WHERE wake_at IS NOT NULL;

-- What may be sent to one canonical Management domain (limiter.py), shared by all tenants and replicas.
CREATE TABLE budgets (
    domain text  PRIMARY KEY,
    budget jsonb NOT NULL
);
