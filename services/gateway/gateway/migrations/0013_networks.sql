-- Where the login began, as far as an address tells: a digest under the key of its person (gateway/networks.py).
ALTER TABLE transactions ADD COLUMN network bytea;
