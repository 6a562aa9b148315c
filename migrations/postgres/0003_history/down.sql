-- Revisions kept since this migration are lost: SQL cannot read them.
DROP INDEX articles_in_trash;
DELETE FROM revisions WHERE base IS NOT NULL OR substring(content FROM 1 FOR 1) <> '\x7B';
ALTER TABLE revisions ADD COLUMN snapshot TEXT COLLATE "C";
UPDATE revisions SET snapshot = convert_from(content, 'UTF8');
ALTER TABLE revisions
    ALTER COLUMN snapshot SET NOT NULL,
    DROP COLUMN note,
    DROP COLUMN published,
    DROP COLUMN base,
    DROP COLUMN steps,
    DROP COLUMN content;
