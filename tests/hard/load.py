"""Requests at a steady rate, and what became of each."""

import threading
import time


class Load:
    """`threads` clients that ask together `rate` times a second; `ask(client, thread, number)` answers an Answer or raises an OSError.

    What a request took counts from when it was due, so that a server that stands still does not hide behind clients that wait for it."""

    def __init__(self, room, rate, threads, ask, token=True):
        self.rate, self.ask = rate, ask
        self.client = room.client if token else room.stranger
        self.stop = threading.Event()
        self.outcomes = []  # (when it was sent, seconds since it was due, status or the failure)
        self.threads = [threading.Thread(target=self._run, args=(number, threads), daemon=True) for number in range(threads)]

    def start(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return self.outcomes

    def _run(self, thread, threads):
        pause, number = threads / self.rate, 0
        due = self.begun + pause * thread / threads
        with self.client() as client:
            while not self.stop.is_set():
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                was_due, due = due, due + pause
                number += 1
                sent = time.monotonic()
                try:
                    outcome = self.ask(client, thread, number)
                    outcome = outcome.status
                except ConnectionRefusedError:
                    outcome = "refused"
                except OSError as failure:
                    outcome = f"{type(failure).__name__}: {failure}"
                self.outcomes.append((sent, time.monotonic() - was_due, outcome))
                if outcome == "refused":
                    return


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
