"""Upgrades are all or nothing: kill -9 in the middle of one, and several programs that begin it at once."""

import json
import random
import shutil
import sqlite3
import subprocess
import time
import uuid

from machine import REPOSITORY, Folder, Newsroom, Settings, together

STORIES = 1500
PROCESSES = 4


def run(report):
    killed = report.promise("kill -9 in an upgrade: as it was or as it is to be, and the next try succeeds")
    several = report.promise(f"{PROCESSES} programs upgrade one database at once: one does, none harms")
    with Folder() as template:
        with Newsroom(template) as room:
            old_database(room.file)
        seconds = whole_upgrade(template, killed)
        dice = random.Random(11)
        for _ in range(200 if Settings.long else 12):
            with Folder() as folder:
                shutil.copytree(template / "data", folder / "data")
                kill_in_the_middle(folder, dice.uniform(0.0, seconds * 1.05), killed)
        for _ in range(20 if Settings.long else 2):
            with Folder() as folder:
                shutil.copytree(template / "data", folder / "data")
                at_once(folder, several)


def old_database(path):
    """A database as the first schema kept it, with live stories, large enough that to upgrade it takes a moment."""
    connection = sqlite3.connect(path)
    connection.executescript((REPOSITORY / "migrations/sqlite/0001_newsroom/up.sql").read_text())
    connection.execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    )
    connection.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('0001')")
    author, tag = "01890a5d-ac96-7000-8000-00000000000a", "01890a5d-ac96-7000-8000-00000000000c"
    profile = json.dumps({"beat": None, "bio": None, "location": None, "website": None, "image": None, "links": []})
    connection.execute(
        "INSERT INTO authors (id, slug, name, document, bio_html, version, created_at, updated_at) VALUES (?, 'ana', 'Ana', ?, '', 1, 1, 1)", (author, profile)
    )
    connection.execute("INSERT INTO author_slugs VALUES ('ana', ?)", (author,))
    connection.execute("INSERT INTO tags (id, slug, name, visibility, version, created_at, updated_at) VALUES (?, 'courts', 'Courts', 'public', 1, 1, 1)", (tag,))
    connection.execute("INSERT INTO tag_slugs VALUES ('courts', ?)", (tag,))
    for number in range(STORIES):
        old_story(connection, number, author, tag)
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def old_story(connection, number, author, tag):
    id, slug, title, words = str(uuid.UUID(int=0x01890A5DAC96700080000000 << 32 | number)), f"story-{number}", f"Story {number}", f"Word {number}. " * 20
    parts = {"title": title, "subtitle": None, "dateline": None, "lead": "A lead.", "body": words, "image": None, "language": "en"}
    parts |= {"canonical_url": None, "seo": None, "custom": {}}
    at = 1735689600000 + number
    connection.execute(
        "INSERT INTO articles (id, slug, status, version, title, language, document, html, text, blocks, word_count, reading_minutes,"
        " has_unpublished_changes, first_published_at, published_at, content_updated_at, created_at, updated_at)"
        " VALUES (?, ?, 'published', 2, ?, 'en', ?, ?, ?, '[]', 40, 1, 0, ?, ?, ?, 1, 1)",
        (id, slug, title, json.dumps(parts), f"<p>{words}</p>", words, at, at, at),
    )
    connection.execute("INSERT INTO article_slugs (slug, article_id, was_live) VALUES (?, ?, 1)", (slug, id))
    connection.execute("INSERT INTO article_authors VALUES (?, 0, ?)", (id, author))
    connection.execute("INSERT INTO article_tags VALUES (?, 0, ?)", (id, tag))
    for version, event in ((1, "create"), (2, "publish")):
        snapshot = json.dumps(parts | {"slug": slug, "author_ids": [author], "tag_ids": [tag]})
        connection.execute("INSERT INTO revisions VALUES (?, ?, ?, ?, NULL, 1)", (id, version, event, snapshot))
    connection.execute(
        "INSERT INTO published_articles (article_id, slug, version, title, language, document, html, markdown, text, blocks, word_count, reading_minutes,"
        " first_published_at, published_at, content_updated_at) VALUES (?, ?, 2, ?, 'en', ?, ?, ?, ?, '[]', 40, 1, ?, ?, ?)",
        (id, slug, title, json.dumps(parts | {"body": ""}), f"<p>{words}</p>", words, words, at, at, at),
    )
    connection.execute("INSERT INTO published_slugs VALUES (?, ?)", (slug, id))
    connection.execute("INSERT INTO published_article_authors VALUES (?, 0, ?, ?)", (id, author, at))
    connection.execute("INSERT INTO published_article_tags VALUES (?, 0, ?, ?)", (id, tag, at))


def migrations():
    return sorted(folder.name.split("_")[0] for folder in (REPOSITORY / "migrations/sqlite").iterdir())


def whole_upgrade(template, promise):
    """How long it takes when nobody disturbs it."""
    with Folder() as folder:
        shutil.copytree(template / "data", folder / "data")
        with Newsroom(folder) as room:
            begun = time.monotonic()
            done = room.command("migrate")
            seconds = time.monotonic() - begun
            promise.holds(done.returncode == 0, f"the upgrade fails: {done.stderr}")
            look(room, promise, must_be_new=True)
            promise.note(f"{STORIES} stories of the first schema, {seconds:.2f} s when nobody disturbs it")
    return seconds


def kill_in_the_middle(folder, seconds, promise):
    with Newsroom(folder) as room:
        process = subprocess.Popen(
            [str(Settings.program), "migrate"], cwd=room.folder, env=room.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        process.kill()
        process.wait()
        promise.tried()
        look(room, promise, must_be_new=False)
        again = room.command("migrate")
        if again.returncode != 0:
            promise.lost(f"after a kill at {seconds:.3f} s: {again.stderr}")
        look(room, promise, must_be_new=True)


def at_once(folder, promise):
    with Newsroom(folder) as room:
        outcomes = []
        together(PROCESSES, lambda _: outcomes.append(room.command("migrate")))
        promise.tried()
        if any(done.returncode != 0 for done in outcomes):
            promise.lost("; ".join(done.stderr.strip() for done in outcomes if done.returncode != 0))
        if sum("0002" in done.stdout for done in outcomes) != 1:
            promise.lost(f"applied by {sum('0002' in done.stdout for done in outcomes)} of {PROCESSES}")
        look(room, promise, must_be_new=True)


def look(room, promise, must_be_new):
    """All of the old schema or all of the new one, and every story in it."""
    connection = sqlite3.connect(room.file)

    def one(statement):
        return connection.execute(statement).fetchone()[0]

    applied = [version for (version,) in connection.execute("SELECT version FROM __diesel_schema_migrations ORDER BY version")]
    if applied not in ([["0001"]] if not must_be_new else []) + [migrations()]:
        promise.lost(f"half an upgrade: {applied}")
    for table in ("articles", "published_articles", "published_article_authors", "published_article_tags", "published_slugs"):
        if (count := one(f"SELECT count(*) FROM {table}")) != STORIES:
            promise.lost(f"{count} rows of {STORIES} in {table}")
    if (count := one("SELECT count(*) FROM revisions")) != 2 * STORIES:
        promise.lost(f"{count} revisions of {2 * STORIES}")
    if (words := one("PRAGMA integrity_check")) != "ok":
        promise.lost(f"integrity_check: {words}")
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        promise.lost("foreign_key_check finds something")
    if must_be_new and one("SELECT count(*) FROM published_articles WHERE form = 0 OR summary = ''") > 0:
        promise.lost("live stories that are not finished")
    connection.close()
