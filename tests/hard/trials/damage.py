"""A damaged database file is refused with one clear line and an exit code, or answers right; it is never served wrong.

SQLite keeps no checksums, so a flipped bit inside a word is beyond anybody's sight; what is flipped here is what holds the words together.
A log that was cut short looks like one that a power cut tore: what comes up then is whole, and as it once was.
"""

import os
import random
import shutil
import sqlite3
import struct

from machine import Folder, Newsroom, Settings, founded
from wholeness import check, check_file, sqlite_rows

STORIES = 40


def run(report):
    refused = report.promise("a damaged file: refused with one line and an exit code")
    flipped = report.promise("flipped bits in what holds the file together: refused, or answered right")
    torn = report.promise("a log that was cut short: whole, and as it once was")
    with Folder() as template:
        room, expected = write_newsroom(template)
        if room.command("doctor", "--help").returncode != 0:
            return [promise.skip("this program does not look at its files") for promise in (refused, flipped, torn)]
        for name, damage in hopeless():
            with Folder() as folder:
                copy(template, folder)
                damage(folder / "data" / "copydesk.db")
                verdict = judge(folder, room.token, expected)
                refused.holds(verdict == "refused", f"{name}: {verdict}")
        dice = random.Random(3)
        seen = {}
        for _ in range(400 if Settings.long else 25):
            with Folder() as folder:
                copy(template, folder)
                where = flip(folder / "data" / "copydesk.db", dice)
                verdict = judge(folder, room.token, expected)
                flipped.holds(verdict in ("refused", "right", "right or an error"), f"{where}: {verdict}")
                seen[verdict] = seen.get(verdict, 0) + 1
        flipped.note(", ".join(f"{verdict}: {count}" for verdict, count in sorted(seen.items())))
    with Folder() as template:
        titles, token = killed_newsroom(template)
        for _ in range(50 if Settings.long else 6):
            with Folder() as folder:
                copy(template, folder)
                cut(folder, dice, titles, token, torn)


def write_newsroom(folder):
    """A newsroom that has been stopped, and what it answers strangers."""
    with founded(folder) as room:
        with room.client() as client:
            for number in range(STORIES):
                body = {"title": f"Story {number}", "body": f"Words of {number}. " * 60, "authors": ["ana", "bo"], "tags": ["courts", "water"]}
                story = client.post("/v1/articles", body).must(201)
                client.post(f"/v1/articles/{story.json['id']}/publish", {}, If_Match=story.etag).must(200)
        expected = {path: answer(room, path) for path in ["/v1/articles?limit=100", "/v1/authors", "/v1/tags", "/v1/articles?author=ana&tag=water&limit=100"]}
        for number in range(STORIES):
            expected[f"/v1/articles/story-{number}"] = answer(room, f"/v1/articles/story-{number}")
        room.stop()
    return room, expected


def answer(room, path):
    with room.stranger(timeout=5) as client:
        got = client.get(path)
    return got.status, got.body if got.status == 200 else b""


def copy(template, folder):
    shutil.copytree(template / "data", folder / "data", dirs_exist_ok=True)


def hopeless():
    """Damages after which nothing may be served."""

    def replace(content):
        return lambda path: path.write_bytes(content)

    def cut_to(share):
        return lambda path: os.truncate(path, int(path.stat().st_size * share))

    def newer(path):
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')")
        connection.close()

    def another_program(path):
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        connection.close()

    def junk_in_the_header(path):
        with open(path, "r+b") as file:
            file.write(os.urandom(100))

    def zeroed_schema(path):
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\0" * 3996)

    yield "0 bytes", replace(b"")
    yield "junk", replace(os.urandom(200_000))
    yield "a text", replace(b"this is not a database\n" * 500)
    yield "cut to a half", cut_to(0.5)
    yield "cut within a page", cut_to(0.77)
    yield "cut to 60 bytes", lambda path: os.truncate(path, 60)
    yield "a junk header", junk_in_the_header
    yield "no schema", zeroed_schema
    yield "a newer schema", newer
    yield "another program's database", another_program


def flip(path, dice):
    """One bit in the file's header, or in the head of a page: its kind, its count of cells, where they are."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(16)
        (page,) = struct.unpack(">H", file.read(2))
        place = dice.randrange(100) if dice.random() < 0.2 else dice.randrange(size // page) * page + dice.randrange(40)
        file.seek(place)
        old = file.read(1)[0]
        bit = 1 << dice.randrange(8)
        file.seek(place)
        file.write(bytes([old ^ bit]))
    return f"bit {bit:#x} of byte {place} (page {place // page + 1}, {place % page})"


def judge(folder, token, expected):
    """What the program makes of a folder: `refused`, `right`, `right or an error`, or what is wrong."""
    with Newsroom(folder) as room:
        room.token = token
        try:
            room.start()
        except RuntimeError as failure:
            code = room.process.poll()
            words = room.log.read_text(errors="replace").strip().splitlines()
            if code is None:
                return f"neither refused nor answering: {failure}"
            if code in (0, 101) or code < 0:
                return f"ended with {code}: {words[-1:]}"
            said = [line for line in words if line.startswith("copydesk: ")]
            return "refused" if len(said) == 1 and len(words) == 1 else f"refused with {len(words)} lines: {words[:3]}"
        errors = 0
        for path, (status, body) in expected.items():
            try:
                got = answer(room, path)
            except OSError as broken:
                return f"{path} is not answered: {broken}"
            if got[0] >= 500:
                errors += 1
            elif got != (status, body):
                return f"served wrong: {path} is {got[0]}, {len(got[1])} bytes instead of {len(body)}"
        return "right or an error" if errors else "right"


def killed_newsroom(folder):
    """A newsroom whose last writes stand in the log alone."""
    with founded(folder) as room:
        titles = []
        with room.client() as client:
            for number in range(STORIES):
                body = {"title": f"Story {number}", "authors": ["ana", "bo"], "tags": ["courts", "water"]}
                client.post("/v1/articles", body, Idempotency_Key=f'"key-{number}"').must(201)
                titles.append(body["title"])
        room.kill()
    return titles, room.token


def cut(folder, dice, titles, token, promise):
    log = folder / "data" / "copydesk.db-wal"
    size = log.stat().st_size
    kept = dice.randrange(size // 2, size)
    if dice.random() < 0.5:
        os.truncate(log, kept)
    else:
        with open(log, "r+b") as file:
            file.seek(kept)
            file.write(os.urandom(min(4096, size - kept)))
    with Newsroom(folder) as room:
        room.token = token
        try:
            room.start()
        except RuntimeError as failure:
            return promise.holds(False, f"the log cut at {kept} of {size}: {failure}")
        rows = sqlite_rows(room.file)
        found = [title for (title,) in rows("SELECT title FROM articles ORDER BY created_at, id")]
        promise.holds(found == titles[: len(found)], f"the log cut at {kept} of {size}: {found[:3]}…")
        check(rows, promise)
        check_file(room.file, promise)
