-- The SHA-256 of the long-lived cookie of the browser that claimed the login.
ALTER TABLE transactions ADD COLUMN device bytea;
