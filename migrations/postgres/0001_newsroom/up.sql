-- The newsroom: people, authors, tags, the working copy of each story, and the published copy in tables of its own.
-- Text is ordered by bytes (COLLATE "C"), as SQLite orders it.
-- Ids are UUIDv7 text, times are integer milliseconds since 1970-01-01T00:00:00Z; both are made by the program.

CREATE TABLE users (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email         TEXT COLLATE "C" NOT NULL UNIQUE,
    name          TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL CHECK (role IN ('contributor', 'author', 'editor', 'admin')),
    disabled      BOOLEAN NOT NULL DEFAULT FALSE,
    token_version BIGINT  NOT NULL DEFAULT 1,
    version       BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    updated_by    TEXT COLLATE "C" 
);

-- Secrets live apart, in a table that no read route joins.
CREATE TABLE credentials (
    user_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT COLLATE "C" NOT NULL
);

CREATE TABLE authors (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug       TEXT COLLATE "C" NOT NULL UNIQUE,
    name       TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    bio_html   TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C",
    user_id    TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
    version    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    updated_by TEXT COLLATE "C" 
);
CREATE INDEX authors_by_name ON authors (name, id);
CREATE INDEX authors_by_creation ON authors (created_at, id);
CREATE INDEX authors_by_user ON authors (user_id);

-- Every slug an author holds or once held; the primary key keeps them apart.
CREATE TABLE author_slugs (
    slug      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    author_id TEXT COLLATE "C" NOT NULL REFERENCES authors (id) ON DELETE CASCADE
);
CREATE INDEX author_slugs_by_author ON author_slugs (author_id);

CREATE TABLE tags (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug        TEXT COLLATE "C" NOT NULL UNIQUE,
    name        TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" ,
    parent_id   TEXT COLLATE "C" REFERENCES tags (id) ON DELETE RESTRICT,
    visibility  TEXT COLLATE "C" NOT NULL CHECK (visibility IN ('public', 'internal')),
    version     BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    updated_by  TEXT COLLATE "C" 
);
CREATE INDEX tags_by_name ON tags (name, id);
CREATE INDEX tags_by_creation ON tags (created_at, id);
CREATE INDEX tags_by_parent ON tags (parent_id);

CREATE TABLE tag_slugs (
    slug   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tag_id TEXT COLLATE "C" NOT NULL REFERENCES tags (id) ON DELETE CASCADE
);
CREATE INDEX tag_slugs_by_tag ON tag_slugs (tag_id);

-- The working copy. `document` is what editors edit, as JSON; the columns after it are made from it when it is saved.
CREATE TABLE articles (
    id                      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug                    TEXT COLLATE "C" NOT NULL UNIQUE,
    status                  TEXT COLLATE "C" NOT NULL CHECK (status IN ('draft', 'in_review', 'scheduled', 'published', 'archived')),
    version                 BIGINT  NOT NULL,
    title                   TEXT COLLATE "C" NOT NULL,
    language                TEXT COLLATE "C" NOT NULL,
    document                TEXT COLLATE "C" NOT NULL,
    html                    TEXT COLLATE "C" NOT NULL,
    text                    TEXT COLLATE "C" NOT NULL,
    blocks                  TEXT COLLATE "C" NOT NULL,
    word_count              BIGINT  NOT NULL,
    reading_minutes         BIGINT  NOT NULL,
    has_unpublished_changes BOOLEAN NOT NULL,
    first_published_at      BIGINT ,
    published_at            BIGINT ,
    content_updated_at      BIGINT ,
    publish_at              BIGINT ,
    unpublish_at            BIGINT ,
    assignee_id             TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
    created_by              TEXT COLLATE "C" ,
    created_at              BIGINT  NOT NULL,
    updated_by              TEXT COLLATE "C" ,
    updated_at              BIGINT  NOT NULL,
    deleted_by              TEXT COLLATE "C" ,
    deleted_at              BIGINT 
);
CREATE INDEX articles_by_update ON articles (updated_at, id);
CREATE INDEX articles_by_creation ON articles (created_at, id);
CREATE INDEX articles_by_title ON articles (title, id);
CREATE INDEX articles_by_publication ON articles (coalesce(published_at, 0), id);
CREATE INDEX articles_by_status ON articles (status, updated_at, id);
CREATE INDEX articles_by_assignee ON articles (assignee_id, updated_at, id);

-- Every slug an article holds or once held. `was_live` marks those the public has seen, which keep answering with a redirect.
CREATE TABLE article_slugs (
    slug       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    was_live   BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX article_slugs_by_article ON article_slugs (article_id);

CREATE TABLE article_authors (
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   BIGINT  NOT NULL,
    author_id  TEXT COLLATE "C" NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, author_id)
);
CREATE INDEX article_authors_by_author ON article_authors (author_id, article_id);

CREATE TABLE article_tags (
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    position   BIGINT  NOT NULL,
    tag_id     TEXT COLLATE "C" NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, tag_id)
);
CREATE INDEX article_tags_by_tag ON article_tags (tag_id, article_id);

-- One row for every write to a story: `number` is the version that the write made.
CREATE TABLE revisions (
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    number     BIGINT  NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    snapshot   TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" ,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (article_id, number)
);

-- The published copy: all that the live view ever reads of a story. No column of it comes from a draft that was not published.
-- `document` leaves the body out, which stands in its four forms beside it: lists read the one without the other.
CREATE TABLE published_articles (
    article_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    slug               TEXT COLLATE "C" NOT NULL UNIQUE,
    version            BIGINT  NOT NULL,
    title              TEXT COLLATE "C" NOT NULL,
    language           TEXT COLLATE "C" NOT NULL,
    document           TEXT COLLATE "C" NOT NULL,
    html               TEXT COLLATE "C" NOT NULL,
    markdown           TEXT COLLATE "C" NOT NULL,
    text               TEXT COLLATE "C" NOT NULL,
    blocks             TEXT COLLATE "C" NOT NULL,
    word_count         BIGINT  NOT NULL,
    reading_minutes    BIGINT  NOT NULL,
    first_published_at BIGINT  NOT NULL,
    published_at       BIGINT  NOT NULL,
    content_updated_at BIGINT  NOT NULL
);
CREATE INDEX published_articles_by_publication ON published_articles (published_at, article_id);
CREATE INDEX published_articles_by_update ON published_articles (content_updated_at, article_id);
CREATE INDEX published_articles_by_title ON published_articles (title, article_id);
CREATE INDEX published_articles_by_language ON published_articles (language, published_at, article_id);

CREATE TABLE published_slugs (
    slug       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    article_id TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE
);
CREATE INDEX published_slugs_by_article ON published_slugs (article_id);

CREATE TABLE published_article_authors (
    article_id   TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    position     BIGINT  NOT NULL,
    author_id    TEXT COLLATE "C" NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    published_at BIGINT  NOT NULL,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, author_id)
);
CREATE INDEX published_article_authors_by_author ON published_article_authors (author_id, published_at, article_id);

CREATE TABLE published_article_tags (
    article_id   TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    position     BIGINT  NOT NULL,
    tag_id       TEXT COLLATE "C" NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    published_at BIGINT  NOT NULL,
    PRIMARY KEY (article_id, position),
    UNIQUE (article_id, tag_id)
);
CREATE INDEX published_article_tags_by_tag ON published_article_tags (tag_id, published_at, article_id);
