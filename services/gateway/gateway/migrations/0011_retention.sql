-- What is kept no longer is found by its age (gateway/retention.py).
CREATE INDEX transactions_opened_at ON transactions (tenant, opened_at);
CREATE INDEX transactions_personal ON transactions (tenant, deadline)
    WHERE state IS NOT NULL OR profile IS NOT NULL OR changes IS NOT NULL OR authorize IS NOT NULL;
ALTER TABLE step_results ADD COLUMN kept_at timestamptz NOT NULL DEFAULT ws_now();
CREATE INDEX step_results_kept_at ON step_results (tenant, kept_at);
ALTER TABLE last_answers ADD COLUMN noted_at timestamptz NOT NULL DEFAULT ws_now();
CREATE INDEX last_answers_noted_at ON last_answers (tenant, noted_at);
CREATE INDEX step_attempts_window_start ON step_attempts (tenant, window_start);
CREATE INDEX consent_receipts_given_at ON consent_receipts (tenant, given_at);
CREATE INDEX idproof_consents_given_at ON idproof_consents (tenant, given_at);
CREATE INDEX data_keys_created_at ON data_keys (tenant, created_at);
