//! The tables of search that the typed DSL speaks of; the indexes themselves differ between the databases, and are named by `index.rs`, `live.rs`
//! and `working.rs` alone.

diesel::table! {
    published_terms (place) {
        place -> BigInt,
        form -> BigInt,
        terms -> Binary,
    }
}

diesel::table! {
    article_terms (place) {
        place -> BigInt,
        article_id -> Text,
        form -> BigInt,
        terms -> Binary,
    }
}

// Of a connection of SQLite that writes, and of it alone: what waits for the end of its transaction.
diesel::table! {
    published_entries (place) {
        place -> BigInt,
        words -> Text,
    }
}

diesel::table! {
    article_entries (place) {
        place -> BigInt,
        words -> Text,
    }
}

diesel::table! {
    author_words (word, author_id) {
        word -> Text,
        author_id -> Text,
    }
}

diesel::table! {
    tag_words (word, tag_id) {
        word -> Text,
        tag_id -> Text,
    }
}

diesel::table! {
    published_formers (former) {
        former -> Text,
        id -> Text,
    }
}
