-- What was live is a draft again after this: the old shape of the published copy cannot be made of the new one.
DROP TABLE published_article_tags;
DROP TABLE published_article_authors;
DROP TABLE published_article_pairs;
DROP TABLE published_slugs;
DROP TABLE published_contents;
DROP TABLE published_articles;
DROP FUNCTION count_published_article_tags();
DROP FUNCTION count_published_article_authors();
ALTER TABLE tags DROP COLUMN live_count;
ALTER TABLE authors DROP COLUMN live_count;
ALTER TABLE articles ADD COLUMN html TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE articles ADD COLUMN text TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE articles ADD COLUMN blocks TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE articles SET status = 'draft' WHERE status = 'published';
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
