-- Whether somebody has a second factor, where every request sees it.
ALTER TABLE users ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- One-time links to set a password: for who is invited, and for who has lost theirs. At most one for each account. The token is not here, only
-- its hash; while a mail waits the token is here sealed.
CREATE TABLE invitations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    hash       TEXT COLLATE "C" NOT NULL UNIQUE,
    mail       TEXT NOT NULL CHECK (mail IN ('off', 'waiting', 'sent', 'failed')),
    -- When it is tried next, how often it was tried, and why that failed.
    mail_due_at BIGINT,
    mail_tries  BIGINT NOT NULL DEFAULT 0,
    mail_error  TEXT,
    sealed      BYTEA,
    created_by TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invitations_by_creation ON invitations (created_at, id);
CREATE INDEX invitations_by_mail ON invitations (mail_due_at);

-- What an authenticator app and the server share, sealed. It counts once it is confirmed by a code.
CREATE TABLE second_factors (
    user_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed       BYTEA NOT NULL,
    confirmed_at BIGINT,
    -- The step of the last code that counted: no code counts twice.
    last_step    BIGINT NOT NULL,
    misses       BIGINT NOT NULL,
    missed_since BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);

-- Codes that get somebody in once without their app, as hashes. One that was used is gone.
CREATE TABLE recovery_codes (
    hash    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);
