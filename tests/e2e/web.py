# A browser's part against packseal-viewer, for the tests: cookies, CSRF, JSON. Standard library only.
import http.client
import json
import os
import socket
import time

PASSWORD = "eine Kiste voll Beweise"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listen_at(station, port):
    """Puts [viewer] listen into a station's packseal.conf."""
    path = station.path("packseal.conf")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if "[viewer]" not in text:
        text += "\n[viewer]\n"
    head, tail = text.split("[viewer]\n", 1)
    rows = [r for r in tail.split("\n") if not r.startswith("listen")]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + "[viewer]\nlisten = 127.0.0.1:%d\n" % port + "\n".join(rows))


class Web:
    def __init__(self, port, token=None):
        self.port, self.token = port, token
        self.cookie = self.csrf = None

    def ask(self, method, path, body=None, kind=None, headers=None, timeout=120):
        """(status, headers, bytes); body: bytes, or something that becomes JSON."""
        h = dict(headers or {})
        if self.token:
            h["Authorization"] = "Bearer " + self.token
        if self.cookie:
            h["Cookie"] = "packseal=" + self.cookie
        if self.csrf and method not in ("GET", "HEAD"):
            h["X-PackSeal-CSRF"] = self.csrf
        if body is not None and not isinstance(body, bytes):
            body, kind = json.dumps(body).encode(), kind or "application/json"
        if kind:
            h["Content-Type"] = kind
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, h)
            r = c.getresponse()
            data = r.read()
            for name, value in r.getheaders():
                if name.lower() == "set-cookie" and value.startswith("packseal="):
                    self.cookie = value[len("packseal="):].split(";")[0]
            return r.status, dict((k.lower(), v) for k, v in r.getheaders()), data
        finally:
            c.close()

    def json(self, method, path, body=None, **more):
        """(status, object or None) below /api/v1."""
        status, _, data = self.ask(method, "/api/v1" + path, body, **more)
        o = json.loads(data) if data else None
        if isinstance(o, dict) and o.get("csrf"):
            self.csrf = o["csrf"]
        return status, o

    def wait(self, seconds=30):
        """Until it answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.ask("GET", "/api/v1/health", timeout=5)[0]
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def set_up(self, root, name="chef"):
        """The first administrator, by the code on the box."""
        with open(os.path.join(root, "viewer", "code"), encoding="ascii") as f:
            code = f.read().split()[0]
        return self.json("POST", "/setup", {"code": code, "name": name, "password": PASSWORD, "language": "en"})

    def sign_in(self, name, password=PASSWORD):
        return self.json("POST", "/session", {"name": name, "password": password})
