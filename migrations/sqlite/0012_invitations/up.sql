-- Whether somebody has a second factor, where every request sees it.
ALTER TABLE users ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));

-- One-time links to set a password: for who is invited, and for who has lost theirs. At most one for each account. The token is not here, only
-- its hash; while a mail waits the token is here sealed.
CREATE TABLE invitations (
    id         TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    hash       TEXT NOT NULL UNIQUE,
    mail       TEXT NOT NULL CHECK (mail IN ('off', 'waiting', 'sent', 'failed')),
    -- When it is tried next, how often it was tried, and why that failed.
    mail_due_at INTEGER,
    mail_tries  INTEGER NOT NULL DEFAULT 0,
    mail_error  TEXT,
    sealed      BLOB,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_by_creation ON invitations (created_at, id);
CREATE INDEX invitations_by_mail ON invitations (mail_due_at);

-- What an authenticator app and the server share, sealed. It counts once it is confirmed by a code.
CREATE TABLE second_factors (
    user_id      TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed       BLOB NOT NULL,
    confirmed_at INTEGER,
    -- The step of the last code that counted: no code counts twice.
    last_step    INTEGER NOT NULL,
    misses       INTEGER NOT NULL,
    missed_since INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

-- Codes that get somebody in once without their app, as hashes. One that was used is gone.
CREATE TABLE recovery_codes (
    hash    TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);
