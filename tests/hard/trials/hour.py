"""An hour of a newsroom's day at a steady rate: memory does not creep, nothing fails, nothing is lost. The long form's last trial."""

import time

from ledger import Ledger
from load import Load, percentile
from machine import Folder, Settings, founded, say, together
from wholeness import check_all

RATE = 200
THREADS = 8
WRITERS = 2
WARM_UP = 600
SECONDS = 3600
MOST_MB_AN_HOUR = 1.0


def run(report):
    slope = report.promise(f"an hour at {RATE} requests/s: memory grows by less than {MOST_MB_AN_HOUR:g} MB/h after warm-up")
    kept = report.promise(f"an hour at {RATE} requests/s: no request fails, all that was acknowledged is there")
    warm_up, seconds = (WARM_UP, SECONDS) if Settings.long else (10, 50)
    # What is kept in memory on purpose is small here and full before the clock starts: what still grows then would grow for ever.
    with Folder() as folder, founded(folder, COPYDESK_CACHE_BYTES=8 << 20) as room:
        ledger = Ledger(WRITERS, 31)
        together(WRITERS, lambda number: written_before(room, ledger.writers[number], 2500 if Settings.long else 100))
        load = Load(room, RATE, THREADS, lambda client, thread, number: mixed(client, thread, number, ledger)).start()
        samples, begun = [], time.monotonic()
        while time.monotonic() - begun < warm_up + seconds:
            time.sleep(10 if Settings.long else 1)
            samples.append((time.monotonic() - begun, room.resident() / 1e6))
            if len(samples) % 30 == 0:
                say(f"  {samples[-1][0] / 60:.0f} min: {samples[-1][1]:.1f} MB, {ledger.acknowledged} writes")
        outcomes = load.end()
        failed = [outcome for _, _, outcome in outcomes if not isinstance(outcome, int) or outcome >= 500]
        for outcome in failed[:5]:
            kept.lost(f"a request was answered {outcome}")
        kept.tried(len(outcomes))
        check_all(room, ledger, kept)
        taken = [took for _, took, _ in outcomes]
        kept.note(f"{len(outcomes)} requests, {len(outcomes) / (warm_up + seconds):.0f}/s, {ledger.acknowledged} writes, p50 {percentile(taken, 0.5) * 1000:.2f} ms, p99 {percentile(taken, 0.99) * 1000:.1f} ms")
        per_hour = fitted([sample for sample in samples if sample[0] >= warm_up]) * 3600
        slope.holds(per_hour < MOST_MB_AN_HOUR or not Settings.long, f"{per_hour:.2f} MB/h")
        slope.note(f"{per_hour:+.2f} MB/h, {samples[0][1]:.1f} MB at first, {samples[-1][1]:.1f} MB at last")


def written_before(room, writer, count):
    with room.client() as client:
        while writer.acknowledged < count:
            writer.one(client)


def mixed(client, thread, number, ledger):
    """A twentieth are writes; of the reads most are of what is live, some are an editor's, some are not there."""
    if thread < WRITERS and number % 5 == 0:
        ledger.writers[thread].one(client)
        return Written
    stories = ledger.writers[number % WRITERS].stories
    story = stories[(number * 7919) % len(stories)].id if stories else "none"
    kind = number % 10
    if kind < 5:
        return client.get(f"/v1/articles/{story}")
    if kind < 7:
        return client.get(f"/v1/articles?limit={number % 30 + 1}&tag=courts")
    if kind < 8:
        return client.get("/v1/articles?view=working&limit=10")
    if kind < 9:
        return client.get(f"/v1/articles/{story}/revisions")
    return client.get(f"/v1/articles/no-such-story-{number % 100}")


class Written:
    """The ledger knows how it was answered."""

    status = 200


def fitted(samples):
    """The slope of the line through them, per second (least squares)."""
    count = len(samples)
    middle = sum(x for x, _ in samples) / count, sum(y for _, y in samples) / count
    spread = sum((x - middle[0]) ** 2 for x, _ in samples)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in samples) / spread if spread else 0.0
