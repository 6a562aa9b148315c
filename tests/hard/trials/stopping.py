"""A restart drops nothing: SIGTERM under load, every request that was under way is answered, and the program ends in time."""

import signal
import subprocess
import threading
import time

from client import Client
from ledger import Ledger
from load import Load
from machine import Folder, Settings, founded, wait_until
from wholeness import check_all

RATE = 500
THREADS = 12
WRITERS = 3


def run(report):
    answered = report.promise(f"SIGTERM under {RATE} requests/s: every request under way is answered")
    ended = report.promise("SIGTERM: /readyz says 503 first, the program ends within 10 s with 0")
    second = report.promise("a second signal ends it at once")
    with Folder() as folder, founded(folder, COPYDESK_DRAIN_SECONDS=1) as room:
        ledger = Ledger(WRITERS, 9)
        for number in range(20 if Settings.long else 3):
            if number:
                room.start()
            one_stop(room, ledger, answered, ended)
        room.start()
        check_all(room, ledger, answered)
        at_once(room, second)


def one_stop(room, ledger, answered, ended):
    def ask(client, thread, number):
        if thread < WRITERS:
            ledger.writers[thread].one(client)
            return Yes
        return client.get(f"/v1/articles?limit={number % 50 + 1}" if number % 3 else "/v1/articles?view=working&limit=5")

    load = Load(room, RATE, THREADS, ask).start()
    ready = Readiness(room, load.stop)
    time.sleep(1.5 if Settings.long else 1.0)
    asked_at = time.monotonic()
    room.ask_to_stop()
    try:
        code = room.process.wait(20)
    except subprocess.TimeoutExpired:
        code = None
        room.kill()
    seconds = time.monotonic() - asked_at
    outcomes = load.end()
    ready.end()
    before = [outcome for outcome in outcomes if outcome[0] < asked_at]
    after = [outcome for outcome in outcomes if outcome[0] >= asked_at and outcome[2] != "refused"]
    for sent, took, outcome in before:
        answered.holds(isinstance(outcome, int) and outcome < 500, f"sent {asked_at - sent:.3f} s before the signal: {outcome} after {took:.3f} s")
    # What was sent after the signal, until the balancer noticed.
    for sent, took, outcome in after:
        answered.holds(isinstance(outcome, int), f"sent {sent - asked_at:.3f} s after the signal: {outcome} after {took:.3f} s")
    ended.holds(code == 0 and seconds <= 10, f"ended with {code} after {seconds:.1f} s")
    ended.holds(ready.unready_first, "the listener closed before /readyz said 503")
    rate = len(before) / (asked_at - load.begun)
    answered.note(f"{rate:.0f} requests/s, {len(before)} before and {len(after)} after the signal, ended after {seconds:.2f} s")


class Yes:
    """A write was answered; the ledger remembers how."""

    status = 200


class Readiness:
    """A balancer: asks /readyz ten times a second, each time on a new connection, and sends nobody there any more when it says no."""

    def __init__(self, room, go_away):
        self.room, self.stop, self.go_away = room, threading.Event(), go_away
        self.exists = self.unready_first = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stop.is_set():
            try:
                with Client(self.room.admin_port, None, timeout=5) as client:
                    status = client.get("/readyz").status
            except OSError:
                break
            self.exists = self.exists or status == 200
            if self.exists and status == 503:
                self.unready_first = True
                break
            time.sleep(0.1)
        self.go_away.set()

    def end(self):
        self.stop.set()
        self.thread.join()


def at_once(room, promise):
    """With a request under way that nobody would wait for."""
    with room.client() as client:
        client.connection.connect()
        client.connection.sock.sendall(b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + room.token.encode())
        client.connection.sock.sendall(b"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.3)
        room.ask_to_stop()
        time.sleep(0.5)
        if room.process.poll() is None:
            room.process.send_signal(signal.SIGTERM)
        promise.holds(wait_until(lambda: room.process.poll() is not None, 2), "still there after 2 s")
