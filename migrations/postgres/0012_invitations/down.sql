DROP TABLE recovery_codes;
DROP TABLE second_factors;
DROP TABLE invitations;
ALTER TABLE users DROP COLUMN second_factor;
