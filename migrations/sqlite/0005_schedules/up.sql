-- What comes by itself. `version` is the revision that goes out, though somebody edits on; `done_at` says that it happened, `failure` why it did not.
CREATE TABLE schedules (
    id         TEXT NOT NULL PRIMARY KEY,
    article_id TEXT NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    action     TEXT NOT NULL CHECK (action IN ('publish', 'unpublish')),
    due_at     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    failure    TEXT,
    done_at    INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_by_article ON schedules (article_id);
CREATE INDEX schedules_waiting ON schedules (due_at, id) WHERE done_at IS NULL;
CREATE INDEX schedules_to_show ON schedules (due_at, id) WHERE done_at IS NULL OR failure IS NOT NULL;

-- Not to be published before this moment.
ALTER TABLE articles ADD COLUMN embargo_until INTEGER;
