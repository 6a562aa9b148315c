-- Revisions kept since this migration are lost: SQL cannot read them.
DROP INDEX articles_in_trash;
ALTER TABLE revisions RENAME TO new_revisions;
CREATE TABLE revisions (
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    snapshot   TEXT    NOT NULL,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (article_id, number)
) STRICT;
INSERT INTO revisions
    SELECT article_id, number, event, CAST(content AS TEXT), created_by, created_at FROM new_revisions
    WHERE base IS NULL AND substr(content, 1, 1) = X'7B';
DROP TABLE new_revisions;
