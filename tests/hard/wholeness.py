"""Half-written stories, if there were any: each rule with the statement that finds what breaks it, the same on both databases."""

import sqlite3

RULES = {
    "a story without the revision of its version":
        "SELECT id FROM articles a WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.article_id = a.id AND r.number = a.version)",
    "a history with a gap":
        "SELECT article_id FROM revisions GROUP BY article_id HAVING count(*) <> max(number) OR min(number) <> 1",
    "a history that is ahead of its story":
        "SELECT a.id FROM articles a WHERE a.version <> (SELECT max(number) FROM revisions r WHERE r.article_id = a.id)",
    "a story whose slug nobody holds":
        "SELECT id FROM articles a WHERE NOT EXISTS (SELECT 1 FROM article_slugs s WHERE s.slug = a.slug AND s.article_id = a.id)",
    "a story without its two authors":
        "SELECT id FROM articles a WHERE (SELECT count(*) FROM article_authors l WHERE l.article_id = a.id) <> 2",
    "a story without its two tags":
        "SELECT id FROM articles a WHERE (SELECT count(*) FROM article_tags l WHERE l.article_id = a.id) <> 2",
    "a live copy without its content":
        "SELECT article_id FROM published_articles p WHERE NOT EXISTS (SELECT 1 FROM published_contents c WHERE c.place = p.place)",
    "a content without its live copy":
        "SELECT place FROM published_contents c WHERE NOT EXISTS (SELECT 1 FROM published_articles p WHERE p.place = c.place)",
    "a live copy whose slug leads nowhere":
        "SELECT article_id FROM published_articles p WHERE NOT EXISTS (SELECT 1 FROM published_slugs s WHERE s.slug = p.slug AND s.article_id = p.article_id)",
    "a live copy without its links":
        "SELECT article_id FROM published_articles p WHERE (SELECT count(*) FROM published_article_authors l WHERE l.place = p.place) <> 2"
        " OR (SELECT count(*) FROM published_article_tags l WHERE l.place = p.place) <> 2",
    "a live copy without its pairs of author and tag":
        "SELECT article_id FROM published_articles p WHERE (SELECT count(*) FROM published_article_pairs l WHERE l.place = p.place) <> 4",
    "a live copy that its story does not know of":
        "SELECT a.id FROM articles a WHERE (a.status = 'published' AND a.deleted_at IS NULL)"
        " <> EXISTS (SELECT 1 FROM published_articles p WHERE p.article_id = a.id)",
    "a live copy of a version that was never published":
        "SELECT p.article_id FROM published_articles p WHERE NOT EXISTS (SELECT 1 FROM revisions r"
        " WHERE r.article_id = p.article_id AND r.number = p.version AND r.event = 'publish')",
    "a live copy that search does not know":
        "SELECT article_id FROM published_articles p WHERE NOT EXISTS (SELECT 1 FROM published_terms t WHERE t.place = p.place AND t.form > 0)",
    "a working copy that search does not know":
        "SELECT id FROM articles a WHERE NOT EXISTS (SELECT 1 FROM article_terms t WHERE t.article_id = a.id AND t.form > 0)",
    "an author whose stories are miscounted":
        "SELECT id FROM authors a WHERE live_count <> (SELECT count(*) FROM published_article_authors l WHERE l.author_id = a.id)",
    "a tag whose stories are miscounted":
        "SELECT id FROM tags t WHERE live_count <> (SELECT count(*) FROM published_article_tags l WHERE l.tag_id = t.id)",
    "a write without its line in the audit log":
        "SELECT article_id FROM revisions r GROUP BY article_id HAVING count(*) >"
        " (SELECT count(*) FROM audit_log l WHERE l.target_id = r.article_id AND l.outcome = 'done')",
    "a line in the audit log about a story that is not there":
        "SELECT target_id FROM audit_log l WHERE l.kind = 'article' AND NOT EXISTS (SELECT 1 FROM articles a WHERE a.id = l.target_id)",
    "an answer kept without its story, or a story without its answer":
        "SELECT 1 FROM (SELECT count(*) AS stories FROM articles) s, (SELECT count(*) AS answers FROM idempotency_keys) k"
        " WHERE s.stories <> k.answers",
}


def sqlite_rows(path):
    """Asks the file beside the server that has it open."""

    def rows(statement):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        try:
            return [[str(value) for value in row] for row in connection.execute(statement).fetchall()]
        finally:
            connection.close()

    return rows


def check(rows, promise):
    for rule, statement in RULES.items():
        for row in rows(statement)[:3]:
            promise.lost(f"{rule}: {row[0]}")


def check_file(path, promise):
    """What SQLite itself says of the file, and whether its full-text index has what the tables have."""
    rows = sqlite_rows(path)
    for (line,) in rows("PRAGMA integrity_check(5)"):
        if line != "ok":
            promise.lost(f"integrity_check: {line}")
    for row in rows("PRAGMA foreign_key_check")[:3]:
        promise.lost(f"foreign_key_check: {row}")
    for copies, index in (("published_terms", "published_index"), ("article_terms", "article_index")):
        indexed = f"SELECT id AS place FROM {index}_docsize"
        for first, second in ((f"SELECT place FROM {copies}", indexed), (indexed, f"SELECT place FROM {copies}")):
            for (place,) in rows(f"{first} EXCEPT {second}")[:3]:
                promise.lost(f"{copies} and {index} do not have the same: {place}")


def check_all(room, ledger, promise):
    """All that the clients were told, against the file beside the server that has it open."""
    rows = sqlite_rows(room.file)
    with room.client() as client:
        ledger.compare(rows, promise, client)
    check(rows, promise)
    check_file(room.file, promise)
