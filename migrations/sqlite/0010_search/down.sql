DROP TABLE published_formers;
DROP TABLE tag_words;
DROP TABLE author_words;
DROP TABLE published_words;
DROP TABLE article_terms;
DROP TABLE article_index;
DROP TABLE published_terms;
DROP TABLE published_index;
