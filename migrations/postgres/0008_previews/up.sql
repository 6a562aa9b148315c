-- Who may see a story before the public does. The token itself is signed and not kept: what is stored here opens nothing.
CREATE TABLE preview_tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    -- The revision that it shows; without one it shows the working copy as it is when it is read.
    revision   BIGINT,
    created_by TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL
);
CREATE INDEX preview_tokens_by_article ON preview_tokens (article_id, created_at, id);
CREATE INDEX preview_tokens_by_user ON preview_tokens (created_by);
CREATE INDEX preview_tokens_by_end ON preview_tokens (expires_at);
