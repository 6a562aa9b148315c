-- What signs tokens, sealed with a key made of the server's secret. The newest of the configured algorithm signs; one that was retired
-- checks what it has signed until that expires.
CREATE TABLE signing_keys (
    kid        TEXT    NOT NULL PRIMARY KEY,
    algorithm  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

-- Who an account is at an OpenID Connect provider.
CREATE TABLE user_identities (
    issuer     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    -- When the newest token was issued whose claims have set the role.
    claims_at  INTEGER NOT NULL,
    -- Tokens that the provider issued earlier count no more.
    valid_from INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;
CREATE INDEX user_identities_by_user ON user_identities (user_id);

-- Sign-ins that have begun here and go on at the provider: each is good once. The state is hashed.
CREATE TABLE oidc_sign_ins (
    state        TEXT    NOT NULL PRIMARY KEY,
    redirect_uri TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX oidc_sign_ins_by_end ON oidc_sign_ins (expires_at);
