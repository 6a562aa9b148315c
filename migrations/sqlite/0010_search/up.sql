-- Search. Which words a story has, folded by the program (domain/words.rs), stands in an index of the database's own: here FTS5 without content
-- and positions. What stories are ranked by stands beside it in `terms` (domain/search/facts.rs). `form` says by which version of that code;
-- what an older one has indexed is indexed anew after a migration, and what is there now has been indexed by none. The public's index and the
-- newsroom's are two.
CREATE TABLE published_terms (
    place INTEGER NOT NULL PRIMARY KEY REFERENCES published_articles (place) ON DELETE CASCADE,
    form  INTEGER NOT NULL,
    terms BLOB    NOT NULL
) STRICT;
CREATE INDEX published_terms_by_form ON published_terms (form);
INSERT INTO published_terms SELECT place, 0, x'' FROM published_articles;
CREATE VIRTUAL TABLE published_index USING fts5(words, content = '', contentless_delete = 1, detail = 'none', prefix = '1 2 3', tokenize = 'ascii');
CREATE TRIGGER published_terms_go AFTER DELETE ON published_terms BEGIN
    DELETE FROM published_index WHERE rowid = OLD.place;
END;
CREATE TABLE article_terms (
    -- A new one each time the working copy is saved, so that the last saved has the largest.
    place      INTEGER NOT NULL PRIMARY KEY,
    article_id TEXT    NOT NULL UNIQUE REFERENCES articles (id) ON DELETE CASCADE,
    form       INTEGER NOT NULL,
    terms      BLOB    NOT NULL
) STRICT;
CREATE INDEX article_terms_by_form ON article_terms (form);
INSERT INTO article_terms (article_id, form, terms) SELECT id, 0, x'' FROM articles;
CREATE VIRTUAL TABLE article_index USING fts5(words, content = '', contentless_delete = 1, detail = 'none', prefix = '1 2 3', tokenize = 'ascii');
CREATE TRIGGER article_terms_go AFTER DELETE ON article_terms BEGIN
    DELETE FROM article_index WHERE rowid = OLD.place;
END;
-- Words that live stories have or had, for suggestions; whether one is there still, the index says. `backwards` finds words by their end.
CREATE TABLE published_words (
    word      TEXT NOT NULL PRIMARY KEY,
    backwards TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX published_words_backwards ON published_words (backwards);
-- The words of names, so that stories are found by them: authors and tags are few, and renaming one rewrites no story.
CREATE TABLE author_words (
    word      TEXT NOT NULL,
    author_id TEXT NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    PRIMARY KEY (word, author_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX author_words_by_author ON author_words (author_id);
CREATE TABLE tag_words (
    word   TEXT NOT NULL,
    tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (word, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_words_by_tag ON tag_words (tag_id);
-- Whom stories were indexed under before another took their place: an author's or a tag's id, and the one of today.
CREATE TABLE published_formers (
    former TEXT NOT NULL PRIMARY KEY,
    id     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX published_formers_by_id ON published_formers (id);
