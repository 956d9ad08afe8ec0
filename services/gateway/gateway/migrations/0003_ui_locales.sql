-- The languages that the application asked for, the most wanted first.
ALTER TABLE transactions ADD COLUMN ui_locales text[] NOT NULL DEFAULT '{}';
