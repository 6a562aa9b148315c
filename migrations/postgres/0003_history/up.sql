-- History in few bytes. `content` is what a write left: a story with its slug, authors and tags, as JSON.
-- `base` NULL: whole, zstd, or plain JSON as it was kept before this migration. `base` set: what changed since that revision, zstd with the base
-- as its dictionary, and empty where nothing did. `steps` bounds how many rows make one content. See store/history.rs.
ALTER TABLE revisions
    ADD COLUMN note      TEXT COLLATE "C",
    -- What the public has seen is never pruned.
    ADD COLUMN published BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN base      BIGINT,
    ADD COLUMN steps     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN content   BYTEA;
UPDATE revisions SET published = (event = 'publish'), content = convert_to(snapshot, 'UTF8');
ALTER TABLE revisions
    ALTER COLUMN content SET NOT NULL,
    ALTER COLUMN content SET STORAGE EXTERNAL,
    ALTER COLUMN published DROP DEFAULT,
    ALTER COLUMN steps DROP DEFAULT,
    DROP COLUMN snapshot;

CREATE INDEX articles_in_trash ON articles (deleted_at, id) WHERE deleted_at IS NOT NULL;
