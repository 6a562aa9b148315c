-- Who did what to what, when, from where and by what means: a line for each thing that a write has done. Nothing refers to it and it refers
-- to nothing: it outlives the accounts and stories that it names.
CREATE TABLE audit_log (
    id         TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- The operation of the contract.
    operation  TEXT NOT NULL,
    outcome    TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    -- Why it was refused: the code of a problem.
    reason     TEXT,
    -- The account, and the address that it had then.
    user_id    TEXT COLLATE "C",
    email      TEXT,
    -- By what they act, and which one of its kind: the id of a session or of an API key, say.
    means      TEXT NOT NULL,
    means_id   TEXT COLLATE "C",
    address    TEXT,
    device     TEXT,
    kind       TEXT,
    target_id  TEXT COLLATE "C",
    -- The names of the members that were changed, with spaces between them.
    members    TEXT NOT NULL,
    PRIMARY KEY (created_at, id)
);
CREATE INDEX audit_log_by_user ON audit_log (user_id, created_at, id);
CREATE INDEX audit_log_by_target ON audit_log (target_id, created_at, id);
