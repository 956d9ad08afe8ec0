-- The one place that SQL takes time from. Tests move it by the setting; production refuses a database that has it.
CREATE FUNCTION ws_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT clock_timestamp()
         + COALESCE(NULLIF(current_setting('waystation.clock_offset', true), '')::interval, interval '0')
$$;

-- A message that must be told, written in the transaction of the change it tells; deleted after the broker's confirm.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      text        NOT NULL,
    exchange      text        NOT NULL,
    routing_key   text        NOT NULL,
    body          bytea       NOT NULL,
    due_at        timestamptz NOT NULL DEFAULT ws_now(),
    expires_at    timestamptz,
    claimed_until timestamptz,
    attempts      integer     NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (due_at);

-- A message whose effect is committed; a second delivery finds its row and changes nothing.
CREATE TABLE inbox (
    event_id    text        PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT ws_now()
);
CREATE INDEX inbox_recorded_at ON inbox (recorded_at);

-- Failed handlings of one message; the broker's own count differs between its versions.
CREATE TABLE delivery_attempts (
    event_id   text        PRIMARY KEY,
    attempts   integer     NOT NULL,
    last_at    timestamptz NOT NULL DEFAULT ws_now()
);
