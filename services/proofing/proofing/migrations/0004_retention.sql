-- Until when a document stays, and until when what was concluded from it, as people were told when it was typed.
-- Reduced, a row has the second alone. What is kept no longer is found by its age (proofing/retention.py).
ALTER TABLE evidence ADD COLUMN document_until timestamptz;
ALTER TABLE evidence ADD COLUMN claims_until timestamptz;
ALTER TABLE evidence ADD COLUMN is_reduced boolean NOT NULL DEFAULT false;
CREATE INDEX evidence_stored_at ON evidence (tenant, stored_at);
CREATE INDEX evidence_document_until ON evidence (tenant, document_until) WHERE NOT is_reduced;
CREATE INDEX evidence_claims_until ON evidence (tenant, claims_until);
CREATE INDEX verifications_requested_at ON verifications (tenant, requested_at);
CREATE INDEX data_keys_created_at ON data_keys (tenant, created_at);
