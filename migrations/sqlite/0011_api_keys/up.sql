-- What programs come with instead of a session. The key itself is shown once and not kept: its hash (SHA-256 of 256 random bits) opens nothing.
CREATE TABLE api_keys (
    id                TEXT    NOT NULL PRIMARY KEY,
    -- Whose rights bound the key's, as they are today.
    user_id           TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label             TEXT    NOT NULL,
    hash              TEXT    NOT NULL UNIQUE,
    -- The first characters of the key, by which people know it again.
    prefix            TEXT    NOT NULL,
    -- Names with spaces between.
    scopes            TEXT    NOT NULL,
    -- The stories that it is for, as JSON; without it, all.
    limits            TEXT,
    -- The addresses and networks that it may come from, with spaces between; empty is anywhere.
    addresses         TEXT    NOT NULL,
    created_by        TEXT,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER,
    last_used_at      INTEGER,
    last_used_address TEXT
) STRICT;
CREATE INDEX api_keys_by_creation ON api_keys (created_at, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- A preview ends with the key that made it.
ALTER TABLE preview_tokens ADD COLUMN api_key_id TEXT REFERENCES api_keys (id) ON DELETE CASCADE;
CREATE INDEX preview_tokens_by_key ON preview_tokens (api_key_id);
