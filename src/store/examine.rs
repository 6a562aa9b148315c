//! What must hold among the rows, beyond what the database itself sees to: each with the statement that finds where it does not.

use super::conn::Conn;
use super::error::Error;
use super::statement::{Statement, on_either};
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// How many of the rows that break a rule are shown.
const SHOWN: i64 = 5;

/// A rule about rows.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it is about: `slugs`, `live`, `counts`, `history`, `schedule`.
    pub about: &'static str,
    /// What a row that breaks it is like.
    pub breach: &'static str,
    /// What to do then.
    pub remedy: &'static str,
    /// Finds them, by a column `line`.
    words: &'static str,
}

const REPUBLISH: &str = "publish the story again; if it stays, restore a backup";
const RESTORE: &str = "restore a backup from before, or ask for help with the ids that are shown";

/// All of them, on both databases.
pub const RULES: &[Rule] = &[
    Rule {
        about: "slugs",
        breach: "a story bears a slug that is not its own",
        remedy: "give the story another slug",
        words: "SELECT a.id AS line FROM articles a LEFT JOIN article_slugs s ON s.slug = a.slug WHERE s.article_id IS NULL OR s.article_id <> a.id",
    },
    Rule {
        about: "slugs",
        breach: "an author bears a slug that is not their own",
        remedy: "give the author another slug",
        words: "SELECT a.id AS line FROM authors a LEFT JOIN author_slugs s ON s.slug = a.slug WHERE s.author_id IS NULL OR s.author_id <> a.id",
    },
    Rule {
        about: "slugs",
        breach: "a tag bears a slug that is not its own",
        remedy: "give the tag another slug",
        words: "SELECT t.id AS line FROM tags t LEFT JOIN tag_slugs s ON s.slug = t.slug WHERE s.tag_id IS NULL OR s.tag_id <> t.id",
    },
    Rule {
        about: "slugs",
        breach: "a live story cannot be found by its slug",
        remedy: REPUBLISH,
        words: "SELECT p.article_id AS line FROM published_articles p LEFT JOIN published_slugs s ON s.slug = p.slug \
                WHERE s.article_id IS NULL OR s.article_id <> p.article_id",
    },
    Rule {
        about: "live",
        breach: "a published story has no live copy",
        remedy: "unpublish the story and publish it again",
        words: "SELECT a.id AS line FROM articles a LEFT JOIN published_articles p ON p.article_id = a.id \
                WHERE a.status = 'published' AND NOT CAST(a.is_killed AS BOOLEAN) AND a.deleted_at IS NULL AND p.article_id IS NULL",
    },
    Rule {
        about: "live",
        breach: "a story is live that is not published",
        remedy: "publish the story and unpublish it again",
        words: "SELECT a.id AS line FROM articles a JOIN published_articles p ON p.article_id = a.id \
                WHERE a.status <> 'published' OR CAST(a.is_killed AS BOOLEAN) OR a.deleted_at IS NOT NULL",
    },
    Rule {
        about: "live",
        breach: "a live story has no text",
        remedy: REPUBLISH,
        words: "SELECT p.article_id AS line FROM published_articles p LEFT JOIN published_contents c ON c.place = p.place WHERE c.place IS NULL",
    },
    Rule {
        about: "live",
        breach: "a killed story has no notice",
        remedy: "unpublish the story",
        words: "SELECT a.id AS line FROM articles a LEFT JOIN published_kills k ON k.article_id = a.id WHERE CAST(a.is_killed AS BOOLEAN) AND k.article_id IS NULL",
    },
    Rule {
        about: "counts",
        breach: "the number of an author's live stories is wrong",
        remedy: "publish one of the author's stories without the author and again with; or export, and import into an empty database, which counts anew",
        words: "SELECT a.id AS line FROM authors a LEFT JOIN (SELECT author_id, count(*) AS live FROM published_article_authors GROUP BY author_id) l \
                ON l.author_id = a.id WHERE a.live_count <> coalesce(l.live, 0)",
    },
    Rule {
        about: "counts",
        breach: "the number of a tag's live stories is wrong",
        remedy: "export, and import into an empty database, which counts anew",
        words: "SELECT t.id AS line FROM tags t LEFT JOIN (SELECT tag_id, count(*) AS live FROM published_article_tags GROUP BY tag_id) l \
                ON l.tag_id = t.id WHERE t.live_count <> coalesce(l.live, 0)",
    },
    Rule {
        about: "counts",
        breach: "the lists of an author under a tag are not those of the links",
        remedy: "export, and import into an empty database, which makes them anew",
        words: "SELECT p.article_id AS line FROM published_articles p \
                JOIN published_article_authors a ON a.place = p.place JOIN published_article_tags t ON t.place = p.place \
                LEFT JOIN published_article_pairs l ON l.place = p.place AND l.author_id = a.author_id AND l.tag_id = t.tag_id WHERE l.place IS NULL",
    },
    Rule {
        about: "history",
        breach: "a story lacks the revision that it is at",
        remedy: "save the story: that makes one",
        words: "SELECT a.id AS line FROM articles a LEFT JOIN revisions r ON r.article_id = a.id AND r.number = a.version WHERE r.number IS NULL",
    },
    Rule {
        about: "history",
        breach: "a revision is told by one that is gone",
        remedy: RESTORE,
        words: "SELECT r.article_id AS line FROM revisions r LEFT JOIN revisions b ON b.article_id = r.article_id AND b.number = r.base \
                WHERE r.base IS NOT NULL AND b.number IS NULL",
    },
    Rule {
        about: "schedule",
        breach: "a story has a time to go out or down, and nothing waits for it",
        remedy: "schedule the story again, or POST to its unschedule",
        words: "SELECT a.id AS line FROM articles a WHERE (a.publish_at IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM schedules s WHERE s.article_id = a.id AND s.action = 'publish' AND s.done_at IS NULL)) \
                OR (a.unpublish_at IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM schedules s WHERE s.article_id = a.id AND s.action = 'unpublish' AND s.done_at IS NULL))",
    },
];

/// How many rows break a rule, and some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaches {
    pub count: i64,
    pub some: Vec<String>,
}

/// Looks for what breaks a rule.
pub fn breaches(conn: &mut Conn, rule: Rule) -> Result<Breaches, Error> {
    let mut counted = Statement::default();
    counted.words("SELECT count(*) FROM (").words(rule.words).words(") broken").rare();
    let counted = counted.rows::<BigInt>();
    let count: i64 = on_either!(conn, inner => counted.get_result(inner))?;
    let some = if count == 0 {
        Vec::new()
    } else {
        let mut shown = Statement::default();
        shown.words("SELECT line FROM (").words(rule.words).words(") broken ORDER BY line LIMIT ").number(SHOWN).rare();
        let shown = shown.rows::<Text>();
        on_either!(conn, inner => shown.load(inner))?
    };
    Ok(Breaches { count, some })
}

/// How many schedules are long due and have neither happened nor failed.
pub fn overdue(conn: &mut Conn, since: Moment) -> Result<i64, Error> {
    number(conn, "SELECT count(*) FROM schedules WHERE done_at IS NULL AND due_at < ", since.milliseconds())
}

/// How many schedules could not be carried out.
pub fn failed(conn: &mut Conn) -> Result<i64, Error> {
    number(conn, "SELECT count(*) FROM schedules WHERE failure IS NOT NULL AND due_at > ", 0)
}

/// How many stories were changed later than that: a clock stood wrong, or stands wrong now.
pub fn changed_after(conn: &mut Conn, moment: Moment) -> Result<i64, Error> {
    number(conn, "SELECT count(*) FROM articles WHERE updated_at > ", moment.milliseconds())
}

/// How many live copies older code has finished.
pub fn finished_by_other_code(conn: &mut Conn, form: i64) -> Result<i64, Error> {
    number(conn, "SELECT count(*) FROM published_articles WHERE form <> ", form)
}

/// How many administrators can sign in.
pub fn administrators(conn: &mut Conn) -> Result<i64, Error> {
    let words =
        "SELECT count(*) FROM users JOIN credentials ON user_id = id WHERE role = 'admin' AND NOT CAST(disabled AS BOOLEAN) AND version > ";
    number(conn, words, 0)
}

fn number(conn: &mut Conn, words: &'static str, value: i64) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.words(words).number(value).rare();
    let statement = statement.rows::<BigInt>();
    Ok(on_either!(conn, inner => statement.get_result(inner))?)
}
