-- The authorization request that began the login, encrypted: it is made again after a change of the password.
ALTER TABLE transactions ADD COLUMN authorize bytea;

-- Until when a call that changes this login's password may be running.
ALTER TABLE transactions ADD COLUMN password_call_until timestamptz;
