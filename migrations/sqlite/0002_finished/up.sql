-- The published copy in the shape in which it is read. A list is one walk over an index and the finished summaries beside it; a story is its
-- summary and one form of its body. `summary` and the forms of the body are JSON, finished when the story is published (see http/finished.rs);
-- `form` says by which version of that code, and what an older one has finished is finished anew after a migration.

-- How many live stories each author and each tag has; the triggers below keep the count.
ALTER TABLE authors ADD COLUMN live_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tags ADD COLUMN live_count INTEGER NOT NULL DEFAULT 0;

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
    -- A short number by which the parts of a copy find each other; a copy gets a new one each time it is published.
    place              INTEGER NOT NULL PRIMARY KEY,
    article_id         TEXT NOT NULL UNIQUE REFERENCES articles (id) ON DELETE CASCADE,
    slug               TEXT NOT NULL UNIQUE,
    version            INTEGER NOT NULL,
    title              TEXT NOT NULL,
    language           TEXT NOT NULL,
    -- Of `published_at`, in UTC.
    year               INTEGER NOT NULL,
    published_at       INTEGER NOT NULL,
    content_updated_at INTEGER NOT NULL,
    -- Ids in their order, a space between.
    author_ids         TEXT NOT NULL,
    tag_ids            TEXT NOT NULL,
    summary            TEXT NOT NULL,
    form               INTEGER NOT NULL
) STRICT;
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
    place              INTEGER NOT NULL PRIMARY KEY REFERENCES published_articles (place) ON DELETE CASCADE,
    html               TEXT NOT NULL,
    markdown           TEXT NOT NULL,
    text               TEXT NOT NULL,
    blocks             TEXT NOT NULL,
    document           TEXT NOT NULL,
    word_count         INTEGER NOT NULL,
    reading_minutes    INTEGER NOT NULL,
    first_published_at INTEGER NOT NULL
) STRICT;

CREATE TABLE published_slugs (
    slug       TEXT NOT NULL PRIMARY KEY,
    article_id TEXT NOT NULL REFERENCES published_articles (article_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX published_slugs_by_article ON published_slugs (article_id);

-- The links carry what lists are sorted by, so that the list of one author or tag is one walk, too.
CREATE TABLE published_article_authors (
    place              INTEGER NOT NULL REFERENCES published_articles (place) ON DELETE CASCADE,
    author_id          TEXT NOT NULL REFERENCES authors (id) ON DELETE RESTRICT,
    position           INTEGER NOT NULL,
    published_at       INTEGER NOT NULL,
    content_updated_at INTEGER NOT NULL,
    title              TEXT NOT NULL,
    article_id         TEXT NOT NULL,
    PRIMARY KEY (place, author_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX published_article_authors_by_publication ON published_article_authors (author_id, published_at, article_id, place);
CREATE INDEX published_article_authors_by_update ON published_article_authors (author_id, content_updated_at, article_id, place);
CREATE INDEX published_article_authors_by_title ON published_article_authors (author_id, title, article_id, place);

CREATE TABLE published_article_tags (
    place              INTEGER NOT NULL REFERENCES published_articles (place) ON DELETE CASCADE,
    tag_id             TEXT NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
    position           INTEGER NOT NULL,
    published_at       INTEGER NOT NULL,
    content_updated_at INTEGER NOT NULL,
    title              TEXT NOT NULL,
    article_id         TEXT NOT NULL,
    PRIMARY KEY (place, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX published_article_tags_by_publication ON published_article_tags (tag_id, published_at, article_id, place);
CREATE INDEX published_article_tags_by_update ON published_article_tags (tag_id, content_updated_at, article_id, place);
CREATE INDEX published_article_tags_by_title ON published_article_tags (tag_id, title, article_id, place);

-- What is by an author and under a tag, so that such a list is one walk, too, in the order of publication. Kept by the triggers below.
CREATE TABLE published_article_pairs (
    place        INTEGER NOT NULL REFERENCES published_articles (place) ON DELETE CASCADE,
    author_id    TEXT NOT NULL,
    tag_id       TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    article_id   TEXT NOT NULL,
    PRIMARY KEY (place, author_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX published_article_pairs_by_publication ON published_article_pairs (author_id, tag_id, published_at, article_id, place);

CREATE TRIGGER published_article_authors_come AFTER INSERT ON published_article_authors BEGIN
    UPDATE authors SET live_count = live_count + 1 WHERE id = NEW.author_id;
    INSERT INTO published_article_pairs
        SELECT NEW.place, NEW.author_id, tag_id, NEW.published_at, NEW.article_id FROM published_article_tags WHERE place = NEW.place;
END;
CREATE TRIGGER published_article_authors_go AFTER DELETE ON published_article_authors BEGIN
    UPDATE authors SET live_count = live_count - 1 WHERE id = OLD.author_id;
    DELETE FROM published_article_pairs WHERE place = OLD.place AND author_id = OLD.author_id;
END;
CREATE TRIGGER published_article_authors_change AFTER UPDATE OF author_id ON published_article_authors BEGIN
    UPDATE authors SET live_count = live_count - 1 WHERE id = OLD.author_id;
    UPDATE authors SET live_count = live_count + 1 WHERE id = NEW.author_id;
    UPDATE published_article_pairs SET author_id = NEW.author_id WHERE place = OLD.place AND author_id = OLD.author_id;
END;

CREATE TRIGGER published_article_tags_come AFTER INSERT ON published_article_tags BEGIN
    UPDATE tags SET live_count = live_count + 1 WHERE id = NEW.tag_id;
    INSERT INTO published_article_pairs
        SELECT NEW.place, author_id, NEW.tag_id, NEW.published_at, NEW.article_id FROM published_article_authors WHERE place = NEW.place;
END;
CREATE TRIGGER published_article_tags_go AFTER DELETE ON published_article_tags BEGIN
    UPDATE tags SET live_count = live_count - 1 WHERE id = OLD.tag_id;
    DELETE FROM published_article_pairs WHERE place = OLD.place AND tag_id = OLD.tag_id;
END;
CREATE TRIGGER published_article_tags_change AFTER UPDATE OF tag_id ON published_article_tags BEGIN
    UPDATE tags SET live_count = live_count - 1 WHERE id = OLD.tag_id;
    UPDATE tags SET live_count = live_count + 1 WHERE id = NEW.tag_id;
    UPDATE published_article_pairs SET tag_id = NEW.tag_id WHERE place = OLD.place AND tag_id = OLD.tag_id;
END;

INSERT INTO published_articles
        (article_id, slug, version, title, language, year, published_at, content_updated_at, author_ids, tag_ids, summary, form)
    SELECT article_id, slug, version, title, language, CAST(strftime('%Y', published_at / 1000, 'unixepoch') AS INTEGER), published_at, content_updated_at,
        coalesce((SELECT group_concat(author_id, ' ') FROM (SELECT author_id FROM old_authors link WHERE link.article_id = old_articles.article_id ORDER BY position)), ''),
        coalesce((SELECT group_concat(tag_id, ' ') FROM (SELECT tag_id FROM old_tags link WHERE link.article_id = old_articles.article_id ORDER BY position)), ''),
        '', 0
    FROM old_articles;
INSERT INTO published_contents
    SELECT story.place, json_quote(old.html), json_quote(old.markdown), json_quote(old.text), old.blocks, old.document, old.word_count, old.reading_minutes,
        old.first_published_at
    FROM old_articles old JOIN published_articles story ON story.article_id = old.article_id;
INSERT INTO published_slugs SELECT slug, article_id FROM old_slugs;
INSERT INTO published_article_authors
    SELECT story.place, link.author_id, link.position, story.published_at, story.content_updated_at, story.title, story.article_id
    FROM old_authors link JOIN published_articles story ON story.article_id = link.article_id;
INSERT INTO published_article_tags
    SELECT story.place, link.tag_id, link.position, story.published_at, story.content_updated_at, story.title, story.article_id
    FROM old_tags link JOIN published_articles story ON story.article_id = link.article_id;
DROP TABLE old_tags;
DROP TABLE old_authors;
DROP TABLE old_slugs;
DROP TABLE old_articles;
