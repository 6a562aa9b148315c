"""The history of a story is linear: clients that compare and set, and kills; each version is acknowledged once, to one of them."""

import random
import threading

from client import Client
from machine import Folder, Postgres, Settings, founded, together
from wholeness import sqlite_rows

CLIENTS = 8
STORIES = 2


def run(report):
    promise = report.promise("versions 1..n of a story, each acknowledged once (SQLite)")
    with Folder() as folder, founded(folder) as room:
        one_database(room, sqlite_rows(room.file), promise, 100 if Settings.long else 10)
    promise = report.promise("versions 1..n of a story, each acknowledged once (PostgreSQL)")
    with Folder() as folder, Postgres(folder).start() as postgres, founded(folder, postgres.url) as room:
        one_database(room, postgres.query, promise, 50 if Settings.long else 3)


def one_database(room, rows, promise, kills):
    dice = random.Random(7)
    with room.client() as client:
        ids = [client.post("/v1/articles", {"title": "by nobody 0", "body": "0"}).must(201).json["id"] for _ in range(STORIES)]
    told = {id: [] for id in ids}  # (version, title) as they were acknowledged
    asked = {id: set() for id in ids}
    for kill in range(kills):
        dead = threading.Event()

        def stop_it():
            room.process.kill()
            dead.set()

        timer = threading.Timer(dice.uniform(0.1, 0.3), stop_it)
        timer.start()

        def sets(number):
            mine = random.Random(kill * 100 + number)
            with room.client() as client:
                while not dead.is_set():
                    try:
                        compare_and_set(client, mine.choice(ids), f"by {number} {mine.randrange(10**9)}", told, asked)
                    except OSError:
                        return

        together(CLIENTS, sets)
        timer.join()
        room.process.wait()
        room.start()
    for id in ids:
        story_is_linear(id, rows, told[id], asked[id], promise, room)
    promise.note(f"{sum(map(len, told.values()))} acknowledged versions, {kills} kills")


def compare_and_set(client, id, title, told, asked):
    seen = client.get(f"/v1/articles/{id}?view=working&fields=version")
    if not seen.is_yes:
        return
    asked[id].add(title)
    answer = client.patch(f"/v1/articles/{id}", {"title": title}, If_Match=seen.etag)
    if answer.status == 200:
        told[id].append((answer.json["version"], title))
        if answer.json["version"] != seen.json["version"] + 1:
            told[id].append((answer.json["version"], f"skipped from {seen.json['version']}"))


def story_is_linear(id, rows, told, asked, promise, room):
    numbers = [int(row[0]) for row in rows(f"SELECT number FROM revisions WHERE article_id = '{id}' ORDER BY number")]
    promise.holds(numbers == list(range(1, len(numbers) + 1)), f"{id} has the revisions {numbers[:5]}…{numbers[-5:]}")
    versions = [version for version, _ in told]
    promise.holds(len(set(versions)) == len(versions), lambda: f"{id}: acknowledged twice: {sorted(v for v in set(versions) if versions.count(v) > 1)[:5]}")
    by_version = dict(told)
    with Client(room.port, room.token) as client:
        for number in numbers[1:]:
            title = client.get(f"/v1/articles/{id}/revisions/{number}").must(200).json["title"]
            if number in by_version:
                promise.holds(title == by_version[number], f"{id} version {number} is {title!r}, acknowledged {by_version[number]!r}")
            else:  # under way when the server went
                promise.holds(title in asked, f"{id} version {number} is {title!r}, which nobody asked for")
    missing = set(versions) - set(numbers)
    promise.holds(not missing, f"{id}: acknowledged and gone: {sorted(missing)[:5]}")
