ALTER TABLE articles DROP COLUMN embargo_until;
DROP TABLE schedules;
UPDATE articles SET publish_at = NULL, unpublish_at = NULL;
UPDATE articles SET status = 'draft' WHERE status = 'scheduled';
