-- The published copy in the shape in which it is read. A list is one walk over an index and the finished summaries beside it; a story is its
-- summary and one form of its body. `summary` and the forms of the body are JSON, finished when the story is published (see http/finished.rs);
-- `form` says by which version of that code, and what an older one has finished is finished anew after a migration.

-- How many live stories each author and each tag has; the triggers below keep the count.
ALTER TABLE authors ADD COLUMN live_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tags ADD COLUMN live_count BIGINT NOT NULL DEFAULT 0;

-- The working copy keeps what editors wrote; its body is rendered when somebody asks for it, and when it is published.
ALTER TABLE articles DROP COLUMN html;
ALTER TABLE articles DROP COLUMN text;
ALTER TABLE articles DROP COLUMN blocks;

CREATE TABLE old_articles AS SELECT * FROM published_articles;
CREATE TABLE old_slugs AS SELECT * FROM published_slugs;
CREATE TABLE old_authors AS SELECT * FROM published_article_authors;
CREATE TABLE old_tags AS SELECT * FROM published_article_tags;
CREATE INDEX old_authors_by_story ON old_authors (article_id);
CREATE INDEX old_tags_by_story ON old_tags (article_id);
DROP TABLE published_article_tags;
DROP TABLE published_article_authors;
DROP TABLE published_slugs;
DROP TABLE published_articles;

CREATE TABLE published_articles (
    article_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    slug               TEXT COLLATE "C" NOT NULL UNIQUE,
    version            BIGINT NOT NULL,
    title              TEXT COLLATE "C" NOT NULL,
    language           TEXT COLLATE "C" NOT NULL,
    -- Of `published_at`, in UTC.
    year               BIGINT NOT NULL,
    published_at       BIGINT NOT NULL,
    content_updated_at BIGINT NOT NULL,
    -- Ids in their order, a space between.
    author_ids         TEXT COLLATE "C" NOT NULL,
    tag_ids            TEXT COLLATE "C" NOT NULL,
    summary            TEXT COLLATE "C" NOT NULL,
    form               BIGINT NOT NULL
);
CREATE INDEX published_articles_by_publication ON published_articles (published_at, article_id);
CREATE INDEX published_articles_by_update ON published_articles (content_updated_at, article_id);
CREATE INDEX published_articles_by_title ON published_articles (title, article_id);
CREATE INDEX published_articles_by_language_and_publication ON published_articles (language, published_at, article_id);
CREATE INDEX published_articles_by_language_and_update ON published_articles (language, content_updated_at, article_id);
CREATE INDEX published_articles_by_language_and_title ON published_articles (language, title, article_id);
CREATE INDEX published_articles_by_year_and_publication ON published_articles (year, published_at, article_id);
CREATE INDEX published_articles_by_year_and_update ON published_articles (year, content_updated_at, article_id);
CREATE INDEX published_articles_by_year_and_title ON published_articles (year, title, article_id);
CREATE INDEX published_articles_by_form ON published_articles (form);

-- The body in its four forms, each a finished JSON value, then what the summary is made of: `document` is the content without its body.
CREATE TABLE published_contents (
    article_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES published_articles (article_id) ON DELETE CASCADE,
    html               TEXT COLLATE "C" NOT NULL,
    markdown           TEXT COLLATE "C" NOT NULL,
    text               TEXT COLLATE "C" NOT NULL,
    blocks             TEXT COLLATE "C" NOT NULL,
    document           TEXT COLLATE "C" NOT NULL,
    word_count         BIGINT NOT NULL,
    reading_minutes    BIGINT NOT NULL,
    first_published_at BIGINT NOT NULL
);

CREATE TABLE published_slugs (
    slug       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    article_id TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE
);
CREATE INDEX published_slugs_by_article ON published_slugs (article_id);

-- The links carry what lists are sorted by, so that the list of one author or tag is one walk, too.
CREATE TABLE published_article_authors (
    article_id         TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    author_id          TEXT COLLATE "C" NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    position           BIGINT NOT NULL,
    published_at       BIGINT NOT NULL,
    content_updated_at BIGINT NOT NULL,
    title              TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (article_id, author_id)
);
CREATE INDEX published_article_authors_by_publication ON published_article_authors (author_id, published_at, article_id);
CREATE INDEX published_article_authors_by_update ON published_article_authors (author_id, content_updated_at, article_id);
CREATE INDEX published_article_authors_by_title ON published_article_authors (author_id, title, article_id);

CREATE TABLE published_article_tags (
    article_id         TEXT COLLATE "C" NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE,
    tag_id             TEXT COLLATE "C" NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    position           BIGINT NOT NULL,
    published_at       BIGINT NOT NULL,
    content_updated_at BIGINT NOT NULL,
    title              TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (article_id, tag_id)
);
CREATE INDEX published_article_tags_by_publication ON published_article_tags (tag_id, published_at, article_id);
CREATE INDEX published_article_tags_by_update ON published_article_tags (tag_id, content_updated_at, article_id);
CREATE INDEX published_article_tags_by_title ON published_article_tags (tag_id, title, article_id);

CREATE FUNCTION count_published_article_authors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE authors SET live_count = live_count - 1 WHERE id = OLD.author_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE authors SET live_count = live_count + 1 WHERE id = NEW.author_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER published_article_authors_count AFTER INSERT OR DELETE OR UPDATE OF author_id ON published_article_authors
    FOR EACH ROW EXECUTE FUNCTION count_published_article_authors();

CREATE FUNCTION count_published_article_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE tags SET live_count = live_count - 1 WHERE id = OLD.tag_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE tags SET live_count = live_count + 1 WHERE id = NEW.tag_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER published_article_tags_count AFTER INSERT OR DELETE OR UPDATE OF tag_id ON published_article_tags
    FOR EACH ROW EXECUTE FUNCTION count_published_article_tags();

INSERT INTO published_articles
    SELECT article_id, slug, version, title, language, extract(year FROM to_timestamp(published_at / 1000.0) AT TIME ZONE 'UTC')::bigint, published_at, content_updated_at,
        coalesce((SELECT string_agg(author_id, ' ' ORDER BY position) FROM old_authors link WHERE link.article_id = old_articles.article_id), ''),
        coalesce((SELECT string_agg(tag_id, ' ' ORDER BY position) FROM old_tags link WHERE link.article_id = old_articles.article_id), ''),
        '', 0
    FROM old_articles;
INSERT INTO published_contents
    SELECT article_id, to_json(html)::text, to_json(markdown)::text, to_json(text)::text, blocks, document, word_count, reading_minutes, first_published_at
    FROM old_articles;
INSERT INTO published_slugs SELECT slug, article_id FROM old_slugs;
INSERT INTO published_article_authors
    SELECT link.article_id, link.author_id, link.position, story.published_at, story.content_updated_at, story.title
    FROM old_authors link JOIN published_articles story ON story.article_id = link.article_id;
INSERT INTO published_article_tags
    SELECT link.article_id, link.tag_id, link.position, story.published_at, story.content_updated_at, story.title
    FROM old_tags link JOIN published_articles story ON story.article_id = link.article_id;
DROP TABLE old_tags;
DROP TABLE old_authors;
DROP TABLE old_slugs;
DROP TABLE old_articles;
