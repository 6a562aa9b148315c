"""PostgreSQL stopped, started and killed under load: 503 while it is away, no restart of ours, nothing acknowledged is lost; and kill -9 of ours."""

import threading
import time

from ledger import Ledger
from machine import Folder, Postgres, Settings, founded, together, wait_until
from trials.kills import write_and_kill
from wholeness import check

WRITERS = 8


def run(report):
    away = report.promise("PostgreSQL stopped, killed and started under load: 503 meanwhile, resumes by itself")
    kept = report.promise("PostgreSQL away, or we are killed: what was acknowledged is there, whole")
    with Folder() as folder, Postgres(folder).start() as postgres, founded(folder, postgres.url) as room:
        ledger = Ledger(WRITERS, 21)
        for number in range(10 if Settings.long else 2):
            goes_and_comes(room, postgres, ledger, away, postgres.kill if number % 2 else postgres.stop)
            hold_against(room, postgres, ledger, kept)
        for number in range(100 if Settings.long else 5):
            write_and_kill(room, ledger, 0.1 + number % 5 * 0.04)
            room.start()
            hold_against(room, postgres, ledger, kept)
        kept.note(f"{ledger.acknowledged} acknowledged writes")


def hold_against(room, postgres, ledger, promise):
    promise.tried()
    with room.client() as client:
        ledger.compare(postgres.query, promise, client)
    check(postgres.query, promise)


def goes_and_comes(room, postgres, ledger, promise, end):
    stop, statuses, slowest = threading.Event(), [], [0.0]

    def writes(number):
        with room.client() as client:
            while not stop.is_set():
                try:
                    ledger.writers[number].one(client)
                    time.sleep(0.01)
                except OSError as broken:
                    return promise.lost(f"no answer to a write: {broken}")

    def reads():
        with room.stranger() as client:
            while not stop.is_set():
                begun = time.monotonic()
                statuses.append(client.get("/v1/articles?limit=7").status)
                slowest[0] = max(slowest[0], time.monotonic() - begun)
                time.sleep(0.02)

    threads = [threading.Thread(target=together, args=(WRITERS, writes), daemon=True), threading.Thread(target=reads, daemon=True)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    pid = room.process.pid
    end()
    refused = ledger.refused
    promise.holds(wait_until(lambda: ledger.refused > refused, 8), "no write is refused while PostgreSQL is away")
    time.sleep(1.0)
    postgres.start()
    back = time.monotonic()
    acknowledged = ledger.acknowledged
    resumed = wait_until(lambda: ledger.acknowledged > acknowledged + WRITERS, 15)
    promise.holds(resumed, f"writes do not resume 15 s after PostgreSQL is back: {room.last_words()}")
    promise.note(f"{end.__name__}: writes resumed {time.monotonic() - back:.1f} s after it was back; reads meanwhile took {slowest[0]:.1f} s at the most")
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    promise.holds(room.process.poll() is None and room.process.pid == pid, "the server has ended")
    strange = {status for status in statuses if status not in (200, 503)}
    promise.holds(not strange, f"reads were answered {sorted(strange)}")
