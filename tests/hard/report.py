"""The table that is printed: promise, trials, losses."""

import threading
import time

from machine import say


class Promise:
    """One line of the table."""

    def __init__(self, text):
        self.text, self.trials, self.losses, self.notes, self.skipped = text, 0, [], [], None
        self._lock = threading.Lock()

    def tried(self, count=1):
        with self._lock:
            self.trials += count

    def lost(self, what):
        """The promise was broken; `what` says how."""
        with self._lock:
            self.losses.append(what)
            if len(self.losses) <= 10:
                say(f"  LOST: {what}")

    def holds(self, true, what):
        """One trial: the promise is kept if it is true."""
        self.tried()
        if not true:
            self.lost(what() if callable(what) else what)
        return true

    def note(self, text):
        """A figure beside the table."""
        with self._lock:
            self.notes.append(text)

    def skip(self, why):
        self.skipped = why


class Report:
    def __init__(self):
        self.promises = []
        self.since = time.monotonic()

    def promise(self, text):
        promise = Promise(text)
        self.promises.append(promise)
        return promise

    @property
    def losses(self):
        return sum(len(promise.losses) for promise in self.promises)

    def table(self):
        width = max([len("promise")] + [len(promise.text) for promise in self.promises])
        lines = [f"| {'promise':<{width}} | trials | losses |", f"|{'-' * (width + 2)}|-------:|-------:|"]
        for promise in self.promises:
            if promise.skipped:
                lines.append(f"| {promise.text:<{width}} | skipped: {promise.skipped} |")
            else:
                lines.append(f"| {promise.text:<{width}} | {promise.trials:>6} | {len(promise.losses):>6} |")
        notes = [f"- {promise.text}: {note}" for promise in self.promises for note in promise.notes]
        return "\n".join(lines + ([""] + notes if notes else []))
