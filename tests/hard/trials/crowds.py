"""Slow and many clients do not hurt others: an ordinary reader's p99 stays under 250 ms while they are at it."""

import subprocess
import threading
import time

from client import slow_socket
from load import Load, percentile
from machine import Folder, Settings, founded, has

LIMIT = 0.250


def run(report):
    promise = report.promise("slow bodies, slow heads, slow readers, floods: an ordinary GET's p99 under 250 ms")
    gone = report.promise("a body that does not come is given up in time, and without a token at once")
    with Folder() as folder, founded(folder, COPYDESK_BODY_TIMEOUT_SECONDS=3) as room:
        with room.client() as client:
            for number in range(60):
                body = {"title": f"Story {number}", "body": f"Words of {number}. " * 400, "authors": ["ana"], "tags": ["water"]}
                story = client.post("/v1/articles", body).must(201)
                client.post(f"/v1/articles/{story.json['id']}/publish", {}, If_Match=story.etag).must(200)
        seconds = 20 if Settings.long else 3
        for name, crowd in (("nobody else", nobody), ("slow bodies", slow_bodies), ("slow heads", slow_heads), ("slow readers", slow_readers), ("a flood", flood)):
            measured(room, name, crowd, seconds, promise)
        given_up(room, gone)
        if Settings.long and has("slowhttptest"):
            slowhttptest(room, promise)


def measured(room, name, crowd, seconds, promise):
    stop = threading.Event()
    at_it = threading.Thread(target=crowd, args=(room, stop), daemon=True)
    at_it.start()
    time.sleep(0.5)

    def ask(client, thread, number):
        return client.get(f"/v1/articles/story-{(number * 7 + thread) % 60}" if number % 4 else f"/v1/articles?limit={number % 20 + 1}")

    load = Load(room, 200, 4, ask, token=False).start()
    time.sleep(seconds)
    outcomes = load.end()
    stop.set()
    at_it.join()
    for _, _, outcome in outcomes:
        if outcome != 200:
            promise.lost(f"{name}: an ordinary GET was answered {outcome}")
    taken = [took for _, took, _ in outcomes]
    p99 = percentile(taken, 0.99)
    promise.holds(p99 < LIMIT, f"{name}: p99 {p99 * 1000:.0f} ms of {len(taken)}")
    promise.note(f"{name}: p50 {percentile(taken, 0.5) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, the slowest {max(taken) * 1000:.0f} ms of {len(taken)}")


def nobody(_room, stop):
    stop.wait()


def many(room, count, head, stop, drip, buffer=None, a_second=200):
    """So many connections, `a_second` more each second, that send `head`, and then `drip` every half second."""
    crowd = []
    for _ in range(count):
        try:
            one = slow_socket(room.port, buffer)
            one.sendall(head)
            crowd.append(one)
        except OSError:
            pass
        if stop.wait(1 / a_second):
            break
    while not stop.wait(0.5):
        for one in list(crowd):
            try:
                one.sendall(drip)
            except OSError:  # shown the door: come in again
                crowd.remove(one)
                one.close()
                try:
                    again = slow_socket(room.port, buffer)
                    again.sendall(head)
                    crowd.append(again)
                except OSError:
                    pass
    for one in crowd:
        one.close()


def post_head(room, length=5000, token=True):
    head = f"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    return (head + (f"Authorization: Bearer {room.token}\r\n" if token else "") + "\r\n{").encode()


def slow_bodies(room, stop):
    many(room, 300, post_head(room), stop, b" ")


def slow_heads(room, stop):
    many(room, 300, b"GET /v1/articles HTTP/1.1\r\nHost: x\r\n", stop, b"X-A: b\r\n")


def slow_readers(room, stop):
    """They ask for three megabytes, which is more than the kernel takes off the server's hands, and do not read them."""
    ask = b"".join(b"GET /v1/articles?limit=60&formats=html,markdown,text HTTP/1.1\r\nHost: x\r\n\r\n" for _ in range(3))
    many(room, 300, ask, stop, b"", 2048, a_second=25)


def flood(room, stop):
    """New connections and requests as fast as they go."""

    def pour():
        while not stop.is_set():
            try:
                one = slow_socket(room.port)
                one.sendall(b"GET /v1/articles?limit=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while one.recv(65536):
                    pass
                one.close()
            except OSError:
                pass

    threads = [threading.Thread(target=pour, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def given_up(room, promise):
    """Who is still holding the line, with and without a token."""
    for token, seconds in ((False, 1.0), (True, 4.5)):
        crowd = [slow_socket(room.port) for _ in range(50)]
        for one in crowd:
            one.sendall(post_head(room, token=token))
        time.sleep(seconds)
        for one in crowd:
            one.settimeout(0.2)
            try:
                status = one.recv(65536)[:12].decode(errors="replace")
            except TimeoutError:
                status = "nothing"
            except OSError:
                status = "closed"
            expected = "408" if token else "401"
            promise.holds(expected in status or status in ("", "closed"), f"after {seconds} s {'with' if token else 'without'} a token: {status!r}")
            one.close()


def slowhttptest(room, promise):
    """The tool that others use, in its three ways."""
    for name, words in (("-H", ()), ("-B", ("-t", "POST", "-f", "application/json")), ("-X", ("-w", "512", "-y", "1024", "-n", "5", "-z", "32"))):
        line = ["slowhttptest", name, "-c", "500", "-r", "200", "-l", "20", "-u", f"http://127.0.0.1:{room.port}/v1/articles?limit=60", *words]
        tool = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        measured(room, f"slowhttptest {name}", nobody, 15, promise)
        tool.wait(60)
