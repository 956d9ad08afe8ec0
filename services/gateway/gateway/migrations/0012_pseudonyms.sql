-- What the audit trail calls the login's person, by their data key (common/audit.py).
ALTER TABLE transactions ADD COLUMN pseudonym bytea;
