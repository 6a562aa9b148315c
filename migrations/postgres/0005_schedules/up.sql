-- What comes by itself. `version` is the revision that goes out, though somebody edits on; `done_at` says that it happened, `failure` why it did not.
CREATE TABLE schedules (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    action     TEXT COLLATE "C" NOT NULL CHECK (action IN ('publish', 'unpublish')),
    due_at     BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    failure    TEXT COLLATE "C",
    done_at    BIGINT,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX schedules_by_article ON schedules (article_id);
CREATE INDEX schedules_waiting ON schedules (due_at, id) WHERE done_at IS NULL;
CREATE INDEX schedules_to_show ON schedules (due_at, id) WHERE done_at IS NULL OR failure IS NOT NULL;

-- Not to be published before this moment.
ALTER TABLE articles ADD COLUMN embargo_until BIGINT;
