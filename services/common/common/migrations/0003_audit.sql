-- What happened to whom, for whoever has to show it (common/audit.py). Services may add rows and nothing else;
-- `subject` is a pseudonym, and without `tenant` a row concerns all of them. Sealing gives `number` and `digest`.
CREATE TABLE audit_events (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT ws_now(),
    tenant         text,
    event          text        NOT NULL,
    transaction_id text,
    subject        bytea,
    about          text,
    outcome        text,
    reasons        text[]      NOT NULL DEFAULT '{}',
    number         bigint,
    digest         bytea
);
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE number IS NULL;
CREATE UNIQUE INDEX audit_events_number ON audit_events (number) WHERE number IS NOT NULL;
CREATE INDEX audit_events_tenant ON audit_events (tenant, id);
CREATE INDEX audit_events_transaction ON audit_events (transaction_id);

-- Batches of the chain: `digest` covers the batch and, by `previous`, everything before it.
CREATE TABLE audit_seals (
    seal      bigint      PRIMARY KEY,
    first     bigint      NOT NULL,
    last      bigint      NOT NULL,
    sealed_at timestamptz NOT NULL,
    previous  bytea       NOT NULL,
    digest    bytea       NOT NULL
);

-- Canonical bytes: a value with its length before it, so that no two rows have the same.
CREATE FUNCTION audit_bytes(value text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN int4send(-1)
        ELSE int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') END
$$;

CREATE FUNCTION audit_digest(event audit_events, number bigint) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(
        int8send(number) || int8send(event.id) || int8send((extract(epoch FROM event.at) * 1000000)::bigint)
        || audit_bytes(event.tenant) || audit_bytes(event.event) || audit_bytes(event.transaction_id)
        || audit_bytes(encode(event.subject, 'hex')) || audit_bytes(event.about) || audit_bytes(event.outcome)
        || int4send(cardinality(event.reasons))
        || coalesce((SELECT string_agg(audit_bytes(reason), '' ORDER BY place)
            FROM unnest(event.reasons) WITH ORDINALITY AS given (reason, place)), '')
    )
$$;

-- Seals what no batch has yet, `at_most` rows; nothing while somebody else does. It runs as the owner, since the
-- services themselves may change no row.
CREATE FUNCTION seal_audit_events(at_most integer) RETURNS SETOF audit_seals
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before audit_seals;
    made   audit_seals;
    joined bytea;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('waystation audit ' || current_schema(), 0)) THEN
        RETURN;
    END IF;
    SELECT * INTO before FROM audit_seals ORDER BY seal DESC LIMIT 1;
    WITH picked AS (
        SELECT id, coalesce(before.last, 0) + row_number() OVER (ORDER BY id) AS place
        FROM (SELECT id FROM audit_events WHERE number IS NULL ORDER BY id LIMIT at_most) AS waiting
    ), sealed AS (
        UPDATE audit_events SET number = place, digest = audit_digest(audit_events, place)
        FROM picked WHERE audit_events.id = picked.id
        RETURNING audit_events.number, audit_events.digest
    )
    SELECT min(number), max(number), string_agg(digest, '' ORDER BY number)
    INTO made.first, made.last, joined FROM sealed;
    IF made.last IS NULL THEN
        RETURN;
    END IF;
    made.seal := coalesce(before.seal, 0) + 1;
    made.sealed_at := ws_now();
    made.previous := coalesce(before.digest, sha256(convert_to('waystation audit ' || current_schema(), 'UTF8')));
    made.digest := sha256(
        made.previous || int8send(made.seal) || int8send(made.first) || int8send(made.last)
        || int8send((extract(epoch FROM made.sealed_at) * 1000000)::bigint) || joined
    );
    INSERT INTO audit_seals SELECT made.*;
    RETURN NEXT made;
END $$;
