//! The tables as Diesel sees them: made from the migrations, the same for both databases.

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        role -> Text,
        disabled -> Bool,
        token_version -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        updated_by -> Nullable<Text>,
        second_factor -> Bool,
    }
}

diesel::table! {
    credentials (user_id) {
        user_id -> Text,
        password_hash -> Text,
    }
}

diesel::table! {
    authors (id) {
        id -> Text,
        slug -> Text,
        name -> Text,
        document -> Text,
        bio_html -> Text,
        email -> Nullable<Text>,
        user_id -> Nullable<Text>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        updated_by -> Nullable<Text>,
        live_count -> BigInt,
    }
}

diesel::table! {
    author_slugs (slug) {
        slug -> Text,
        author_id -> Text,
    }
}

diesel::table! {
    tags (id) {
        id -> Text,
        slug -> Text,
        name -> Text,
        description -> Nullable<Text>,
        parent_id -> Nullable<Text>,
        visibility -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        updated_by -> Nullable<Text>,
        live_count -> BigInt,
    }
}

diesel::table! {
    tag_slugs (slug) {
        slug -> Text,
        tag_id -> Text,
    }
}

diesel::table! {
    articles (id) {
        id -> Text,
        slug -> Text,
        status -> Text,
        version -> BigInt,
        title -> Text,
        language -> Text,
        document -> Text,
        word_count -> BigInt,
        reading_minutes -> BigInt,
        has_unpublished_changes -> Bool,
        first_published_at -> Nullable<BigInt>,
        published_at -> Nullable<BigInt>,
        content_updated_at -> Nullable<BigInt>,
        publish_at -> Nullable<BigInt>,
        unpublish_at -> Nullable<BigInt>,
        embargo_until -> Nullable<BigInt>,
        assignee_id -> Nullable<Text>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        updated_by -> Nullable<Text>,
        updated_at -> BigInt,
        deleted_by -> Nullable<Text>,
        deleted_at -> Nullable<BigInt>,
        edited_by -> Nullable<Text>,
        is_killed -> Bool,
    }
}

diesel::table! {
    article_slugs (slug) {
        slug -> Text,
        article_id -> Text,
        was_live -> Bool,
    }
}

diesel::table! {
    article_authors (article_id, position) {
        article_id -> Text,
        position -> BigInt,
        author_id -> Text,
    }
}

diesel::table! {
    article_tags (article_id, position) {
        article_id -> Text,
        position -> BigInt,
        tag_id -> Text,
    }
}

diesel::table! {
    revisions (article_id, number) {
        article_id -> Text,
        number -> BigInt,
        event -> Text,
        note -> Nullable<Text>,
        published -> Bool,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        base -> Nullable<BigInt>,
        steps -> BigInt,
        content -> Binary,
    }
}

diesel::table! {
    published_articles (place) {
        place -> BigInt,
        article_id -> Text,
        slug -> Text,
        version -> BigInt,
        title -> Text,
        language -> Text,
        year -> BigInt,
        published_at -> BigInt,
        content_updated_at -> BigInt,
        author_ids -> Text,
        tag_ids -> Text,
        summary -> Text,
        form -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    published_contents (place) {
        place -> BigInt,
        html -> Text,
        markdown -> Text,
        text -> Text,
        blocks -> Text,
        document -> Text,
        word_count -> BigInt,
        reading_minutes -> BigInt,
        first_published_at -> BigInt,
        corrections -> Text,
    }
}

diesel::table! {
    published_slugs (slug) {
        slug -> Text,
        article_id -> Text,
    }
}

diesel::table! {
    published_article_authors (place, author_id) {
        place -> BigInt,
        author_id -> Text,
        position -> BigInt,
        published_at -> BigInt,
        content_updated_at -> BigInt,
        title -> Text,
        article_id -> Text,
    }
}

diesel::table! {
    published_article_tags (place, tag_id) {
        place -> BigInt,
        tag_id -> Text,
        position -> BigInt,
        published_at -> BigInt,
        content_updated_at -> BigInt,
        title -> Text,
        article_id -> Text,
    }
}

diesel::table! {
    published_kills (article_id) {
        article_id -> Text,
        reason -> Text,
        killed_at -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    published_kill_authors (article_id, position) {
        article_id -> Text,
        position -> BigInt,
        author_id -> Text,
    }
}

diesel::table! {
    published_kill_tags (article_id, position) {
        article_id -> Text,
        position -> BigInt,
        tag_id -> Text,
    }
}

diesel::table! {
    published_kill_slugs (slug) {
        slug -> Text,
        article_id -> Text,
    }
}

diesel::table! {
    published_corrections (id) {
        id -> Text,
        article_id -> Text,
        position -> BigInt,
        kind -> Text,
        note -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    article_comments (id) {
        id -> Text,
        article_id -> Text,
        position -> BigInt,
        version -> BigInt,
        event -> Text,
        text -> Text,
        created_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    article_locks (article_id) {
        article_id -> Text,
        user_id -> Text,
        locked_until -> BigInt,
    }
}

diesel::table! {
    schedules (id) {
        id -> Text,
        article_id -> Text,
        action -> Text,
        due_at -> BigInt,
        version -> BigInt,
        failure -> Nullable<Text>,
        done_at -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    preview_tokens (id) {
        id -> Text,
        article_id -> Text,
        revision -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        api_key_id -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        device -> Nullable<Text>,
        address -> Nullable<Text>,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Text,
        session_id -> Text,
        spent_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text, user_id -> Text, label -> Text,
        hash -> Text, prefix -> Text,
        scopes -> Text, limits -> Nullable<Text>, addresses -> Text,
        created_by -> Nullable<Text>, created_at -> BigInt, expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>, last_used_address -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (name) {
        name -> Text,
        fingerprint -> Text,
        answer -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        user_id -> Text,
        purpose -> Text,
        hash -> Text,
        mail -> Text,
        mail_due_at -> Nullable<BigInt>,
        mail_tries -> BigInt,
        mail_error -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Text,
        sealed -> Binary,
        confirmed_at -> Nullable<BigInt>,
        last_step -> BigInt,
        misses -> BigInt,
        missed_since -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    recovery_codes (hash) {
        hash -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    audit_log (created_at, id) {
        id -> Text,
        created_at -> BigInt,
        operation -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        user_id -> Nullable<Text>,
        email -> Nullable<Text>,
        means -> Text,
        means_id -> Nullable<Text>,
        address -> Nullable<Text>,
        device -> Nullable<Text>,
        kind -> Nullable<Text>,
        target_id -> Nullable<Text>,
        members -> Text,
    }
}

diesel::table! {
    signing_keys (kid) { kid -> Text, algorithm -> Text, sealed -> Binary, created_at -> BigInt, retired_at -> Nullable<BigInt> }
}

diesel::table! {
    user_identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Text,
        created_at -> BigInt,
        claims_at -> BigInt,
        valid_from -> BigInt,
    }
}

diesel::table! {
    oidc_sign_ins (state) { state -> Text, redirect_uri -> Text, expires_at -> BigInt }
}

diesel::joinable!(schedules -> articles (article_id));
diesel::joinable!(credentials -> users (user_id));
diesel::joinable!(author_slugs -> authors (author_id));
diesel::joinable!(tag_slugs -> tags (tag_id));
diesel::joinable!(article_slugs -> articles (article_id));
diesel::joinable!(article_authors -> authors (author_id));
diesel::joinable!(article_tags -> tags (tag_id));
diesel::joinable!(published_contents -> published_articles (place));
diesel::joinable!(published_article_authors -> authors (author_id));
diesel::joinable!(published_article_tags -> tags (tag_id));
diesel::joinable!(article_locks -> users (user_id));
diesel::joinable!(preview_tokens -> users (created_by));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(user_identities -> users (user_id));
diesel::joinable!(invitations -> users (user_id));

diesel::allow_tables_to_appear_in_same_query! {
    users, credentials, authors, author_slugs, tags, tag_slugs, articles, article_slugs, article_authors,
    article_tags, revisions, schedules, published_articles, published_contents, published_slugs,
    published_article_authors, published_article_tags, published_kills, published_kill_authors,
    published_kill_tags, published_kill_slugs, published_corrections, article_comments, article_locks,
    preview_tokens, sessions, refresh_tokens, api_keys, idempotency_keys, audit_log, signing_keys, user_identities,
    oidc_sign_ins, invitations, second_factors, recovery_codes,
}
