DROP INDEX preview_tokens_by_key;
ALTER TABLE preview_tokens DROP COLUMN api_key_id;
DROP TABLE api_keys;
