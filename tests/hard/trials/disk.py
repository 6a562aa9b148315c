"""A failing or full disk never yields a false 2xx: writes are refused, reads go on, writes resume without a restart."""

import os
import shutil
import subprocess
import threading
import time

from ledger import Ledger
from machine import Folder, Newsroom, Settings, founded, has, together, wait_until
from wholeness import check, check_all, check_file, sqlite_rows

STRACE = ("strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null")
SAMPLE = (1, 2, 3, 4, 5, 8, 13, 34, 89, 144, 200)


class Disk:
    """What all copies share."""

    token = None


def run(report):
    syncs = report.promise("EIO at one of the first 200 syncs: no false 2xx, clean restart")
    always = report.promise("EIO at every sync: all writes refused, reads go on")
    often = report.promise("EIO at every 5th sync under 4 writers: no false 2xx, writes resume")
    writes = report.promise("ENOSPC and EIO at every 97th write to the file: no false 2xx, writes resume")
    rarely = report.promise("ENOSPC and EIO at every 397th write to the file: no false 2xx, writes resume")
    full = report.promise("a disk of 8 MB filled up: 503 or 507, reads go on, writes resume")
    if has("strace"):
        with Folder() as template:
            with founded(template) as room:
                room.stop()
                Disk.token = room.token
            for number in range(1, 201) if Settings.long else SAMPLE:
                fails(template, syncs, f"fsync,fdatasync:error=EIO:when={number}", until=number)
            fails(template, always, "fsync,fdatasync:error=EIO:when=30+", until=40, forever=True)
            fails(template, often, "fsync,fdatasync:error=EIO:when=9+5", until=200 if Settings.long else 60, writers=4)
            for error in ("ENOSPC", "EIO"):
                # No more of them: a commit that merges parts of the search index takes up to 400 writes, and cannot succeed on such a disk.
                fails(template, writes, f"pwrite64:error={error}:when=40+97", until=40, writers=4)
                fails(template, rarely, f"pwrite64:error={error}:when=40+397", until=200 if Settings.long else 40, writers=4)
    else:
        for promise in (syncs, always, often, writes, rarely):
            promise.skip("strace is missing")
    fill_up(full)


def fails(template, promise, injection, until, forever=False, writers=1):
    """A copy of a newsroom, under a kernel that fails as told. Writes until `until` writes were answered, or refused for ever."""
    with Folder() as folder:
        shutil.copytree(template / "data", folder / "data")
        with Newsroom(folder) as room:
            room.token = Disk.token  # signing in is a write, too
            promise.tried()
            calls = injection.split(":")[0]
            try:
                room.start(*STRACE, "-e", f"trace={calls}", "-e", f"inject={injection}")
            except RuntimeError as refusal:  # a disk that fails at the start: it says so and ends, or it comes up
                if room.process.poll() in (None, 0) or "copydesk: " not in str(refusal):
                    promise.lost(f"{injection}: {refusal}")
                ledger = None
            else:
                ledger = Ledger(writers, until)
                write(room, ledger, promise, injection, until, forever)
                if not forever and writers > 1:
                    promise.note(f"{injection}: {ledger.acknowledged} acknowledged, {ledger.refused} refused")
            room.__exit__()
            restart(folder, ledger, promise, injection)


def write(room, ledger, promise, injection, until, forever):
    """The writers' work, and a reader beside them."""
    stop = threading.Event()

    def works(number):
        writer = ledger.writers[number]
        with room.client() as client:
            for _ in range(until * 3):
                if writer.acknowledged + writer.refused >= until / len(ledger.writers):
                    return
                try:
                    writer.one(client)
                except OSError as broken:
                    return promise.lost(f"{injection}: no answer at all: {broken}")

    def reads():
        number = 0
        with room.stranger() as client:
            while not stop.is_set():
                number += 1
                try:
                    answer = client.get(f"/v1/articles?limit={number % 99 + 1}")
                    if answer.status != 200:
                        promise.lost(f"{injection}: a read was answered {answer.status}: {answer.text[:200]}")
                except OSError as broken:
                    promise.lost(f"{injection}: a read was not answered: {broken}")
                time.sleep(0.005)

    reader = threading.Thread(target=reads, daemon=True)
    reader.start()
    together(len(ledger.writers), works)
    if forever:
        writer = ledger.writers[0]
        before = writer.acknowledged
        with room.client() as client:
            for _ in range(5):
                writer.create(client)
        if writer.acknowledged != before or writer.refused == 0:
            promise.lost(f"{injection}: {writer.acknowledged - before} writes were acknowledged that no sync carried")
    else:
        resumes(room, ledger, promise, injection)
    stop.set()
    reader.join()


def resumes(room, ledger, promise, injection):
    """Without a restart: of a few tries one is a yes again."""
    writer = ledger.writers[0]
    with room.client() as client:
        before = writer.acknowledged
        if not wait_until(lambda: writer.one(client) or writer.acknowledged > before, 5):
            promise.lost(f"{injection}: writes do not resume: {writer.wrong[-1:] or room.last_words()}")


def restart(folder, ledger, promise, injection):
    """With a disk that works again: a clean start, and all that was acknowledged."""
    with Newsroom(folder) as room:
        room.token = Disk.token
        try:
            room.start()
        except RuntimeError as refusal:
            return promise.lost(f"{injection}: no clean restart: {refusal}")
        rows = sqlite_rows(room.file)
        if ledger:
            with room.client() as client:
                ledger.compare(rows, promise, client)
        check(rows, promise)
        check_file(room.file, promise)


def fill_up(promise):
    if os.getuid() != 0 or not has("mount"):
        return promise.skip("mounting a small disk needs root")
    with Folder() as folder:
        (folder / "data").mkdir()
        line = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder / "data")]
        if subprocess.run(line, capture_output=True).returncode != 0:
            return promise.skip("no small disk can be mounted here")
        try:
            with founded(folder) as room:
                full_disk(room, folder / "data" / "ballast", promise)
        finally:
            subprocess.run(["umount", str(folder / "data")], check=False)


def full_disk(room, ballast, promise):
    ballast.write_bytes(b"\0" * 3 * 1024 * 1024)
    ledger = Ledger(2, 5)
    rounds = 3 if Settings.long else 1
    for number in range(rounds):
        promise.tried()

        def works(writer):
            with room.client() as client:
                one = ledger.writers[writer]
                before = one.refused
                while one.refused < before + 20:
                    one.one(client)
                    if one.wrong:
                        return

        together(2, works)
        with room.stranger() as client:
            for limit in range(1, 30):
                answer = client.get(f"/v1/articles?limit={limit}&sort=title")
                if answer.status != 200:
                    promise.lost(f"on a full disk a read was answered {answer.status}")
        promise.note(f"{ledger.acknowledged} writes fitted, {ledger.refused} were refused")
        os.truncate(ballast, (2 - number) * 1024 * 1024)
        resumes(room, ledger, promise, "ENOSPC")
        rows = sqlite_rows(room.file)
        with room.client() as client:
            ledger.compare(rows, promise, client)
        check(rows, promise)
    code = room.stop()
    if code != 0:
        promise.lost(f"it ends with {code}")
    room.start()
    check_all(room, ledger, promise)
