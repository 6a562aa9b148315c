"""A backup taken under load is good: it restores, it is sound, and what it holds is a prefix of the acknowledged history."""

import threading
import time

from ledger import STORIES, Ledger, State
from machine import Folder, Newsroom, Settings, founded, together
from wholeness import check, check_file, sqlite_rows

WRITERS = 6


def run(report):
    promise = report.promise("a backup under load: restores, is sound, and a prefix of the acknowledged history")
    with Folder() as folder:
        (folder / "room").mkdir()
        with founded(folder / "room") as room:
            if room.command("backup", "--help").returncode != 0:
                return promise.skip("this program makes no backups")
            ledger = Ledger(WRITERS, 17)
            stop = threading.Event()

            def writes(number):
                with room.client() as client:
                    ledger.writers[number].writes(client, lambda: not stop.is_set())

            writing = threading.Thread(target=together, args=(WRITERS, writes), daemon=True)
            writing.start()
            taken = []
            for number in range(20 if Settings.long else 3):
                time.sleep(0.7)
                begun = time.monotonic()
                done = room.command("backup", str(folder / f"backup-{number}"))
                taken.append((number, begun, time.monotonic()))
                promise.holds(done.returncode == 0, f"no backup under load: {done.stderr}")
            stop.set()
            writing.join()
            for number, begun, ended in taken:
                restored(folder, number, ledger, begun, ended, promise)
            promise.note(f"{ledger.acknowledged} acknowledged writes meanwhile")


def restored(folder, number, ledger, begun, ended, promise):
    files = [path for path in (folder / f"backup-{number}").rglob("*") if path.is_file()]
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in files if path.stat().st_mode & 0o077}
    promise.holds(not modes, f"others can read a backup: {modes}")
    target = folder / f"restored-{number}"
    target.mkdir()
    with Newsroom(target) as room:
        newest = max(files, key=lambda path: path.stat().st_size)
        done = room.command("restore", str(newest))
        if not promise.holds(done.returncode == 0, f"it does not restore: {done.stderr}"):
            return
        room.start()
        rows = sqlite_rows(room.file)
        check(rows, promise)
        check_file(room.file, promise)
        found = {row[0]: State.of_row(row) for row in rows(STORIES)}
        is_prefix(found, ledger, begun, ended, promise)
        room.stop()


def is_prefix(found, ledger, begun, ended, promise):
    """Of each writer the first so many writes, all that were acknowledged before it began, none that was asked after it ended; and of two
    writers never the later one's write without the earlier one's."""
    ends = []
    for writer in ledger.writers:
        mine = {id: state for id, state in found.items() if state.title.startswith(f"writer {writer.number} ")}
        must = sum(1 for _, answered, _, _ in writer.history if answered < begun)
        may = sum(1 for asked, _, _, _ in writer.history if asked < ended)
        counts = prefixes(mine, writer.history)
        count = next((count for count in counts if must <= count <= may), None)
        if not promise.holds(count is not None, f"of writer {writer.number} there are {counts or 'parts of'} writes, between {must} and {may} expected"):
            return
        ends.append((writer, count))
    for one, here in ends:
        if here == 0:
            continue
        asked_last = one.history[here - 1][0]
        for other, there in ends:
            missing = [answered for _, answered, _, _ in other.history[there:] if answered < asked_last]
            promise.holds(not missing, f"{len(missing)} writes of writer {other.number} are missing that were answered before one that is there was asked")


def prefixes(mine, history):
    """After how many writes the stories looked as they do in `mine`."""
    state, counts = {}, [] if mine else [0]
    for number, (_, _, id, after) in enumerate(history, 1):
        state[id] = after
        if state == mine:
            counts.append(number)
    return counts
