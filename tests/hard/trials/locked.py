"""Another process holds the SQLite file: writes say 503 and when to come back, reads go on, and then all is well without a restart."""

import sqlite3
import threading
import time

from ledger import Ledger
from machine import Folder, Settings, founded, together, wait_until
from wholeness import check_all

WRITERS = 4


def run(report):
    promise = report.promise("a locked database: writes 503 with Retry-After in time, reads go on, writes resume")
    with Folder() as folder, founded(folder) as room:
        ledger = Ledger(WRITERS, 4)
        with room.client() as client:
            for _ in range(20):
                ledger.writers[0].one(client)
        for _ in range(5 if Settings.long else 1):
            locked(room, ledger, promise)
        comes_and_goes(room, ledger, promise)
        room.kill()
        room.start()
        check_all(room, ledger, promise)


def locked(room, ledger, promise):
    other = sqlite3.connect(room.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    stop, slowest = threading.Event(), [0.0]

    def reads():
        with room.stranger() as client:
            while not stop.is_set():
                begun = time.monotonic()
                promise.holds(client.get("/v1/articles?limit=3").status == 200, "a read while the database was locked")
                slowest[0] = max(slowest[0], time.monotonic() - begun)
                time.sleep(0.02)

    def writes(number):
        with room.client() as client:
            begun = time.monotonic()
            answer = client.post("/v1/articles", {"title": f"locked out {number}", "authors": ["ana", "bo"], "tags": ["courts", "water"]}, Idempotency_Key=f'"locked-{number}"')
            seconds = time.monotonic() - begun
        promise.holds(answer.status == 503 and answer.headers.get("retry-after"), f"a locked write was answered {answer.status}: {answer.text[:200]}")
        promise.holds(seconds < 15, f"a locked write was answered after {seconds:.1f} s")
        promise.note(f"a write was refused after {seconds:.1f} s") if number == 0 else None

    reader = threading.Thread(target=reads, daemon=True)
    reader.start()
    together(WRITERS, writes)
    stop.set()
    reader.join()
    other.execute("ROLLBACK")
    other.close()
    promise.holds(slowest[0] < 1, f"a read took {slowest[0]:.1f} s")
    writer = ledger.writers[0]
    with room.client() as client:
        promise.holds(wait_until(lambda: writer.one(client), 5), f"writes do not resume: {room.last_words()}")


def comes_and_goes(room, ledger, promise):
    """Another program opens the file, reads and leaves: it must not think itself the last one, and take the log with it."""
    log = room.file.with_name(room.file.name + "-wal")
    before = log.stat().st_ino
    other = sqlite3.connect(room.file)
    other.execute("SELECT count(*) FROM articles").fetchone()
    other.close()
    promise.holds(log.exists() and log.stat().st_ino == before, "another program has deleted the log of a running server")
    with room.client() as client:
        for writer in ledger.writers:
            writer.one(client)
