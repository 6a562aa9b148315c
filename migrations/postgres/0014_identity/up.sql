-- What signs tokens, sealed with a key made of the server's secret. The newest of the configured algorithm signs; one that was retired
-- checks what it has signed until that expires.
CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm  TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

-- Who an account is at an OpenID Connect provider.
CREATE TABLE user_identities (
    issuer     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    -- When the newest token was issued whose claims have set the role.
    claims_at  BIGINT NOT NULL,
    -- Tokens that the provider issued earlier count no more.
    valid_from BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_by_user ON user_identities (user_id);

-- Sign-ins that have begun here and go on at the provider: each is good once. The state is hashed.
CREATE TABLE oidc_sign_ins (
    state        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX oidc_sign_ins_by_end ON oidc_sign_ins (expires_at);
