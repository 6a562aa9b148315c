//! A corpus made larger by copies of its own: what readers read of a hundred thousand stories that the server wrote, again and again under
//! other ids, slugs and dates. A million stories take minutes like this, not half an hour, and live reads touch nothing else.

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

/// The columns of each table of the published copy that a copy of a copy changes, and what they become; all others stay as they are.
/// `{stories}` and `{milliseconds}` are how far away the copy is, `{id}` is its id, which says where a UUID has its version
/// which copy it is.
const TABLES: [(&str, &[(&str, &str)]); 6] = [
    (
        "published_articles",
        &[
            ("place", "place + {stories}"),
            ("article_id", "{id}"),
            ("slug", "'story-' || (place - 1 + {stories})"),
            ("title", "'Story ' || (place - 1 + {stories}) || ' of the day'"),
            ("year", "CAST(strftime('%Y', (published_at + {milliseconds}) / 1000, 'unixepoch') AS INTEGER)"),
            ("published_at", "published_at + {milliseconds}"),
            ("content_updated_at", "content_updated_at + {milliseconds}"),
            ("summary", "replace(summary, article_id, {id})"),
        ],
    ),
    ("published_contents", &[("place", "place + {stories}")]),
    ("published_slugs", &[("slug", "'story-' || (substr(slug, 7) + {stories})"), ("article_id", "{id}")]),
    ("published_article_authors", LINK),
    ("published_article_tags", LINK),
    ("published_article_pairs", PAIR),
];
const LINK: &[(&str, &str)] = &[
    ("place", "place + {stories}"),
    ("published_at", "published_at + {milliseconds}"),
    ("content_updated_at", "content_updated_at + {milliseconds}"),
    ("title", "'Story ' || (place - 1 + {stories}) || ' of the day'"),
    ("article_id", "{id}"),
];
const PAIR: &[(&str, &str)] = &[("place", "place + {stories}"), ("published_at", "published_at + {milliseconds}"), ("article_id", "{id}")];

/// Makes `times` of the `stories` that are there, a minute apart as these are.
pub fn multiply(conn: &mut SqliteConnection, stories: usize, times: usize) -> diesel::QueryResult<()> {
    // A corpus that is cut short is written anew, so that nothing here needs to be durable. The keys to the working tables are not kept:
    // those who read do not look there.
    conn.batch_execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -2000000")?;
    let of_triggers = |column: &str| format!("SELECT {column} FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'published_%'");
    let triggers = texts(conn, &of_triggers("sql"))?;
    for name in texts(conn, &of_triggers("name"))? {
        conn.batch_execute(&format!("DROP TRIGGER {name}"))?;
    }
    for (table, changed) in TABLES {
        let columns = texts(conn, &format!("SELECT name FROM pragma_table_info('{table}')"))?;
        for copy in 1..times {
            let values: Vec<&str> = columns.iter().map(|column| value(column, changed)).collect();
            let values =
                values.join(", ").replace("{id}", &format!("substr(article_id, 1, 14) || '{:02x}' || substr(article_id, 17)", 0x80 + copy));
            let values = values.replace("{stories}", &(copy * stories).to_string());
            let values = values.replace("{milliseconds}", &(copy * stories * 60_000).to_string());
            let among = if columns.iter().any(|column| column == "place") { format!("place <= {stories}") } else { within(stories) };
            conn.batch_execute(&format!("INSERT INTO {table} ({}) SELECT {values} FROM {table} WHERE {among}", columns.join(", ")))?;
        }
    }
    for table in ["authors", "tags"] {
        conn.batch_execute(&format!("UPDATE {table} SET live_count = live_count * {times}"))?;
    }
    for trigger in triggers {
        conn.batch_execute(&trigger)?;
    }
    conn.batch_execute("PRAGMA journal_mode = WAL")
}

/// What a column becomes.
fn value<'a>(column: &'a str, changed: &[(&'a str, &'a str)]) -> &'a str {
    changed.iter().find(|(name, _)| *name == column).map_or(column, |(_, value)| *value)
}

/// Of the slugs, those of the stories that the server wrote.
fn within(stories: usize) -> String {
    format!("CAST(substr(slug, 7) AS INTEGER) < {stories}")
}

fn texts(conn: &mut SqliteConnection, query: &str) -> diesel::QueryResult<Vec<String>> {
    use diesel::RunQueryDsl as _;
    #[derive(diesel::QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = text)]
        text: String,
    }
    let rows: Vec<Text> = diesel::sql_query(format!("SELECT * FROM (SELECT NULL AS text WHERE FALSE UNION ALL {query})")).load(conn)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}
