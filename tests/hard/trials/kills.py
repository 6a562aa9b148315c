"""A 2xx to a write means that it is on disk: writers at work, kill -9 at any moment, and a look at all that was acknowledged."""

import random
import re
import threading

from ledger import Ledger
from machine import Folder, Settings, founded, has, together
from wholeness import check, check_file, sqlite_rows

WRITERS = 8
KILLS_A_ROUND = 100
ROUNDS_LONG = 20


def run(report):
    lost = report.promise("kill -9: what was acknowledged is there")
    halves = report.promise("kill -9: nothing is half-written")
    ready = report.promise(f"kill -9: ready again within {Settings.ready_within():g} s")
    times = []
    for seed in range(ROUNDS_LONG if Settings.long else 1):
        with Folder() as folder, founded(folder) as room:
            acknowledged = one_round(room, seed, lost, halves, ready, times)
            lost.note(f"{acknowledged} acknowledged writes of {WRITERS} writers, {KILLS_A_ROUND} kills")
    times.sort()
    ready.note(f"p50 {times[len(times) // 2]:.3f} s, the slowest {times[-1]:.3f} s from the start of the process to its first answer")
    on_disk(report)


def one_round(room, seed, lost, halves, ready, times):
    dice = random.Random(seed)
    ledger = Ledger(WRITERS, seed)
    rows = sqlite_rows(room.file)
    for kill in range(KILLS_A_ROUND):
        write_and_kill(room, ledger, dice.uniform(0.03, 0.2))
        room.start()
        times.append(room.ready_after)
        ready.holds(room.ready_after <= Settings.ready_within(), f"{room.ready_after:.2f} s")
        lost.tried()
        halves.tried()
        with room.client() as client:
            ledger.compare(rows, lost, client)
            live_as_acknowledged(client, ledger, dice, lost)
        check(rows, halves)
        if kill % 10 == 9:
            check_file(room.file, halves)
    code = room.stop()
    halves.holds(code == 0, f"after all kills it ends with {code}")
    check_file(room.file, halves)
    return ledger.acknowledged


def write_and_kill(room, ledger, seconds):
    """All writers write; after that time the server is gone in the middle of it."""
    killer = threading.Timer(seconds, room.process.kill)
    killer.start()

    def writes(number):
        with room.client() as client:
            ledger.writers[number].writes(client, lambda: True)

    together(len(ledger.writers), writes)
    killer.join()
    room.process.wait()


def live_as_acknowledged(client, ledger, dice, promise):
    """A few of the stories, through the front door."""
    for writer in ledger.writers:
        for story in dice.sample(writer.stories, min(1, len(writer.stories))):
            answer = client.get(f"/v1/articles/{story.id}")
            shown = answer.json["title"] if answer.status == 200 else ""
            if shown != story.state.live_title:
                promise.lost(f"{story.id} is live as {shown!r}, acknowledged as {story.state.live_title!r}")


def on_disk(report):
    """A kill leaves what the kernel holds; a power cut does not. So: between two answers to a lone writer lies a sync of the log."""
    promise = report.promise("a 2xx comes after the sync of the log")
    if not has("strace"):
        return promise.skip("strace is missing")
    with Folder() as folder:
        with founded(folder) as room:
            room.stop()
            trace = folder / "trace"
            room.start("strace", "-D", "-f", "-y", "-qq", "--seccomp-bpf", "-o", str(trace), "-e", "trace=fsync,fdatasync,write,writev,sendto")
            writer = Ledger(1).writers[0]
            with room.client() as client:
                for _ in range(100 if Settings.long else 25):
                    writer.create(client)
                    story = writer.stories[-1]
                    for step in (writer.patch, writer.publish, writer.delete):
                        step(client, story)
            room.stop()
        synced, answers = False, 0
        for line in trace.read_text(errors="replace").splitlines():
            if re.search(r"f(data)?sync(\(\d+<[^>]*\.db-wal>\)| resumed>\)) += 0", line):
                synced = True
            elif "HTTP/1.1 201" in line or answers and "HTTP/1.1 2" in line:  # the first write is a create
                answers += 1
                promise.holds(synced, f"no sync before {line[:120]}")
                synced = False
        promise.holds(answers >= writer.acknowledged, f"{answers} answers were seen, {writer.acknowledged} were given")
