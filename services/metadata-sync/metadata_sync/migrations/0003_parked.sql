-- For operators who list what is parked: few rows of many.
CREATE INDEX users_parked ON users (tenant, user_id) WHERE state ? 'parked';
