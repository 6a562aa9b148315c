-- History in few bytes. `content` is what a write left: a story with its slug, authors and tags, as JSON.
-- `base` NULL: whole, zstd, or plain JSON as it was kept before this migration. `base` set: what changed since that revision, zstd with the base
-- as its dictionary, and empty where nothing did. `steps` bounds how many rows make one content. See store/history.rs.
ALTER TABLE revisions RENAME TO old_revisions;
CREATE TABLE revisions (
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    note       TEXT,
    -- What the public has seen is never pruned.
    published  INTEGER NOT NULL CHECK (published IN (0, 1)),
    created_by TEXT,
    created_at INTEGER NOT NULL,
    base       INTEGER,
    steps      INTEGER NOT NULL,
    content    BLOB    NOT NULL,
    PRIMARY KEY (article_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO revisions
    SELECT article_id, number, event, NULL, event = 'publish', created_by, created_at, NULL, 0, CAST(snapshot AS BLOB) FROM old_revisions;
DROP TABLE old_revisions;

CREATE INDEX articles_in_trash ON articles (deleted_at, id) WHERE deleted_at IS NOT NULL;
