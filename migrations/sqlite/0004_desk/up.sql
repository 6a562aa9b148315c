-- The desk: who last wrote, what was killed, what was corrected, what reviewers said, who is at it.

-- Who last changed the content of the working copy; `updated_by` moves with every step, too.
ALTER TABLE articles ADD COLUMN edited_by TEXT;
UPDATE articles SET edited_by = updated_by;
ALTER TABLE articles ADD COLUMN is_killed INTEGER NOT NULL DEFAULT 0 CHECK (is_killed IN (0, 1));

-- When anything of the live copy last changed, minor changes and corrections included: what `Last-Modified` tells.
ALTER TABLE published_articles ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
-- The corrections as they go out, finished JSON; what they are made of stands in `published_corrections`.
ALTER TABLE published_contents ADD COLUMN corrections TEXT NOT NULL DEFAULT '[]';

-- The notice that stands where a killed story was; `version` is the revision that was live, and that the story comes back with.
CREATE TABLE published_kills (
    article_id TEXT    NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    reason     TEXT    NOT NULL,
    killed_at  INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;

-- The authors and tags that a killed story comes back with.
CREATE TABLE published_kill_authors (
    article_id TEXT    NOT NULL REFERENCES published_kills (article_id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    author_id  TEXT    NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, author_id)
) STRICT;
CREATE INDEX published_kill_authors_by_author ON published_kill_authors (author_id, article_id);

CREATE TABLE published_kill_tags (
    article_id TEXT    NOT NULL REFERENCES published_kills (article_id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    tag_id     TEXT    NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, tag_id)
) STRICT;
CREATE INDEX published_kill_tags_by_tag ON published_kill_tags (tag_id, article_id);

-- Every slug under which the public knew a killed story.
CREATE TABLE published_kill_slugs (
    slug       TEXT NOT NULL PRIMARY KEY,
    article_id TEXT NOT NULL REFERENCES published_kills (article_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX published_kill_slugs_by_article ON published_kill_slugs (article_id);

-- Public the moment they are made; the story's own, not the live copy's, so that they outlast it.
CREATE TABLE published_corrections (
    id         TEXT    NOT NULL PRIMARY KEY,
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('correction', 'clarification', 'update')),
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (article_id, position)
) STRICT;

-- What the newsroom says about a story; `event` is the step that it came with, `version` the version that step made.
CREATE TABLE article_comments (
    id         TEXT    NOT NULL PRIMARY KEY,
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (article_id, position)
) STRICT;

-- Who says that they are at a story, until when. It binds nobody: `If-Match` decides about writes.
CREATE TABLE article_locks (
    article_id   TEXT    NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    locked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX article_locks_by_user ON article_locks (user_id);
