-- The newsroom: people, authors, tags, the working copy of each story, and the published copy in tables of its own.
-- Ids are UUIDv7 text, times are integer milliseconds since 1970-01-01T00:00:00Z; both are made by the program.

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('contributor', 'author', 'editor', 'admin')),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    token_version INTEGER NOT NULL DEFAULT 1,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    updated_by    TEXT
) STRICT;

-- Secrets live apart, in a table that no read route joins.
CREATE TABLE credentials (
    user_id       TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL
) STRICT;

CREATE TABLE authors (
    id         TEXT    NOT NULL PRIMARY KEY,
    slug       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    bio_html   TEXT    NOT NULL,
    email      TEXT,
    user_id    TEXT REFERENCES users (id) ON DELETE SET NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT
) STRICT;
CREATE INDEX authors_by_name ON authors (name, id);
CREATE INDEX authors_by_creation ON authors (created_at, id);
CREATE INDEX authors_by_user ON authors (user_id);

-- Every slug an author holds or once held; the primary key keeps them apart.
CREATE TABLE author_slugs (
    slug      TEXT NOT NULL PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX author_slugs_by_author ON author_slugs (author_id);

CREATE TABLE tags (
    id          TEXT    NOT NULL PRIMARY KEY,
    slug        TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    description TEXT,
    parent_id   TEXT REFERENCES tags (id) ON DELETE RESTRICT,
    visibility  TEXT    NOT NULL CHECK (visibility IN ('public', 'internal')),
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    updated_by  TEXT
) STRICT;
CREATE INDEX tags_by_name ON tags (name, id);
CREATE INDEX tags_by_creation ON tags (created_at, id);
CREATE INDEX tags_by_parent ON tags (parent_id);

CREATE TABLE tag_slugs (
    slug   TEXT NOT NULL PRIMARY KEY,
    tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tag_slugs_by_tag ON tag_slugs (tag_id);

-- The working copy. `document` is what editors edit, as JSON; the columns after it are made from it when it is saved.
CREATE TABLE articles (
    id                      TEXT    NOT NULL PRIMARY KEY,
    slug                    TEXT    NOT NULL UNIQUE,
    status                  TEXT    NOT NULL CHECK (status IN ('draft', 'in_review', 'scheduled', 'published', 'archived')),
    version                 INTEGER NOT NULL,
    title                   TEXT    NOT NULL,
    language                TEXT    NOT NULL,
    document                TEXT    NOT NULL,
    html                    TEXT    NOT NULL,
    text                    TEXT    NOT NULL,
    blocks                  TEXT    NOT NULL,
    word_count              INTEGER NOT NULL,
    reading_minutes         INTEGER NOT NULL,
    has_unpublished_changes INTEGER NOT NULL CHECK (has_unpublished_changes IN (0, 1)),
    first_published_at      INTEGER,
    published_at            INTEGER,
    content_updated_at      INTEGER,
    publish_at              INTEGER,
    unpublish_at            INTEGER,
    assignee_id             TEXT REFERENCES users (id) ON DELETE SET NULL,
    created_by              TEXT,
    created_at              INTEGER NOT NULL,
    updated_by              TEXT,
    updated_at              INTEGER NOT NULL,
    deleted_by              TEXT,
    deleted_at              INTEGER
) STRICT;
CREATE INDEX articles_by_update ON articles (updated_at, id);
CREATE INDEX articles_by_creation ON articles (created_at, id);
CREATE INDEX articles_by_title ON articles (title, id);
CREATE INDEX articles_by_publication ON articles (coalesce(published_at, 0), id);
CREATE INDEX articles_by_status ON articles (status, updated_at, id);
CREATE INDEX articles_by_assignee ON articles (assignee_id, updated_at, id);

-- Every slug an article holds or once held. `was_live` marks those the public has seen, which keep answering with a redirect.
CREATE TABLE article_slugs (
    slug       TEXT    NOT NULL PRIMARY KEY,
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    was_live   INTEGER NOT NULL DEFAULT 0 CHECK (was_live IN (0, 1))
) STRICT;
CREATE INDEX article_slugs_by_article ON article_slugs (article_id);

CREATE TABLE article_authors (
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    author_id  TEXT    NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, author_id)
) STRICT;
CREATE INDEX article_authors_by_author ON article_authors (author_id, article_id);

CREATE TABLE article_tags (
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    tag_id     TEXT    NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, tag_id)
) STRICT;
CREATE INDEX article_tags_by_tag ON article_tags (tag_id, article_id);

-- One row for every write to a story: `number` is the version that the write made.
CREATE TABLE revisions (
    article_id TEXT    NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    snapshot   TEXT    NOT NULL,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (article_id, number)
) STRICT;

-- The published copy: all that the live view ever reads of a story. No column of it comes from a draft that was not published.
-- `document` leaves the body out, which stands in its four forms beside it: lists read the one without the other.
CREATE TABLE published_articles (
    article_id         TEXT    NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    slug               TEXT    NOT NULL UNIQUE,
    version            INTEGER NOT NULL,
    title              TEXT    NOT NULL,
    language           TEXT    NOT NULL,
    document           TEXT    NOT NULL,
    html               TEXT    NOT NULL,
    markdown           TEXT    NOT NULL,
    text               TEXT    NOT NULL,
    blocks             TEXT    NOT NULL,
    word_count         INTEGER NOT NULL,
    reading_minutes    INTEGER NOT NULL,
    first_published_at INTEGER NOT NULL,
    published_at       INTEGER NOT NULL,
    content_updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX published_articles_by_publication ON published_articles (published_at, article_id);
CREATE INDEX published_articles_by_update ON published_articles (content_updated_at, article_id);
CREATE INDEX published_articles_by_title ON published_articles (title, article_id);
CREATE INDEX published_articles_by_language ON published_articles (language, published_at, article_id);

CREATE TABLE published_slugs (
    slug       TEXT NOT NULL PRIMARY KEY,
    article_id TEXT NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX published_slugs_by_article ON published_slugs (article_id);

CREATE TABLE published_article_authors (
    article_id   TEXT    NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    position     INTEGER NOT NULL,
    author_id    TEXT    NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, author_id)
) STRICT;
CREATE INDEX published_article_authors_by_author ON published_article_authors (author_id, published_at, article_id);

CREATE TABLE published_article_tags (
    article_id   TEXT    NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    position     INTEGER NOT NULL,
    tag_id       TEXT    NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, tag_id)
) STRICT;
CREATE INDEX published_article_tags_by_tag ON published_article_tags (tag_id, published_at, article_id);
