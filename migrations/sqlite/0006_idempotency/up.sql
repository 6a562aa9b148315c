-- The answers of writes that carried an Idempotency-Key, for a day. `name` is a hash of who and which key, `fingerprint` one of what was asked;
-- `answer` is sealed with what the key itself and the signing secret make, because some answers carry tokens.
CREATE TABLE idempotency_keys (
    name        TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    answer      BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
