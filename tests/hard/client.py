"""An HTTP client that tells apart what was answered whole, what was refused, and what nobody knows."""

import http.client
import json
import socket


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def etag(self):
        return self.headers.get("etag")

    @property
    def is_yes(self):
        return 200 <= self.status < 300

    @property
    def is_busy(self):
        """A refusal that says: nothing was stored, come back."""
        return self.status in (503, 507)

    def must(self, status):
        if self.status != status:
            raise AssertionError(f"{status} expected, not {self.status}: {self.text[:300]}")
        return self


class Client:
    """One connection, kept open. A broken answer comes out as an OSError; the next request connects anew."""

    def __init__(self, port, token, timeout=30):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.token = token

    def ask(self, method, path, body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            self.connection.request(method, path, body, sent)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (http.client.HTTPException, OSError) as broken:
            self.connection.close()
            raise broken if isinstance(broken, OSError) else ConnectionError(f"{type(broken).__name__}: {broken}") from broken

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, {} if body is None else body, **headers)

    def patch(self, path, body, **headers):
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path, **headers):
        return self.ask("DELETE", path, **headers)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def slow_socket(port, receive_buffer=None):
    """A bare connection, for clients that do not behave."""
    bare = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    bare.settimeout(10)
    bare.connect(("127.0.0.1", port))
    return bare
