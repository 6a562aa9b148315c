DROP TABLE oidc_sign_ins;
DROP TABLE user_identities;
DROP TABLE signing_keys;
