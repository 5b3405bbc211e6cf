#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A witness of ledgers (C2SP tlog-witness) on loopback. It knows the ledgers that it was given, remembers the newest
checkpoint of each, and cosigns one only when the proof says that it extends that.

    witnessd.py [--log VKEY]… [--name NAME] [--seed TEXT] [--state FILE] [--port N]

Prints one line of JSON when it serves: url, vkey. `POST /mode` with JSON changes its behaviour: "fail" is one of
    http       out of order (500), as often as "times" says
    wrong      a cosignature by another key under its own name
    stranger   a cosignature by another witness
    other      a cosignature of another text
    blank      a blank line in the answer, which would end another text
    garbage    no signature lines
    large      more than anybody reads
    redirect   to a file
    stubborn   a conflict whatever is asked, and never the size that was said
    behind     a conflict with a size larger than any
    untyped    a conflict without the content type of sizes
and "shift" seconds go onto its clock; {"forget": ORIGIN} makes it forget one ledger, {"log": VKEY} know one more. GET /count
tells how many checkpoints came, GET /state what it remembers. Ends when its standard input does.
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import ed25519

BASE = ed25519.decode(ed25519.BASE_Y.to_bytes(32, "little"))
EMPTY = hashlib.sha256(b"").digest()


class Refusal(Exception):
    def __init__(self, status, text, kind="text/plain"):
        super().__init__(text)
        self.status, self.body, self.kind = status, text.encode(), kind


def conflict(size):
    return Refusal(409, "%d\n" % size, "text/x.tlog.size")


# ---- keys and signatures (RFC 8032 section 5.1.6)

def encode(point):
    x, y, z = point
    inverse = pow(z, ed25519.P - 2, ed25519.P)
    x, y = x * inverse % ed25519.P, y * inverse % ed25519.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Key:
    def __init__(self, name, seed):
        h = hashlib.sha512(hashlib.sha256(seed.encode()).digest()).digest()
        self.name, self.prefix = name, h[32:]
        self.secret = (int.from_bytes(h[:32], "little") & (1 << 254) - 8) | 1 << 254
        self.public = encode(ed25519.times(self.secret, BASE))
        self.id = key_id(name, 4, self.public)

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % ed25519.L
        point = encode(ed25519.times(r, BASE))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % ed25519.L
        return point + ((r + k * self.secret) % ed25519.L).to_bytes(32, "little")

    @property
    def vkey(self):
        return "%s+%s+%s" % (self.name, self.id.hex(), base64.b64encode(b"\x04" + self.public).decode())

    def cosign(self, text, when):
        """A line of C2SP tlog-cosignature, v1."""
        sig = self.sign(b"cosignature/v1\ntime %d\n" % when + text)
        return "— %s %s\n" % (self.name, base64.b64encode(self.id + when.to_bytes(8, "big") + sig).decode())


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def parse_vkey(text):
    name, number, rest = text.strip().split("+", 2)
    raw = base64.b64decode(rest)
    if raw[0] != 1 or key_id(name, 1, raw[1:]).hex() != number:
        raise ValueError("no key of a ledger: " + text)
    return name, raw[1:]


# ---- trees (RFC 6962 section 2.1.2, checked as RFC 9162 section 2.1.4.2 says)

def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def extends(m, old, n, new, proof):
    if m == 0:
        return not proof
    if m == n:
        return not proof and old == new
    path = list(proof)
    if m & (m - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    first, last = m - 1, n - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    a = b = path.pop(0)
    for sibling in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            a, b = node(sibling, a), node(sibling, b)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            b = node(b, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and a == old and b == new


class Witness:
    def __init__(self, o):
        self.key, self.stranger = Key(o.name, o.seed), Key("witness.example/stranger", "stranger")
        self.imposter = Key(o.name, "imposter")
        self.imposter.id = self.key.id
        self.logs = dict(parse_vkey(v) for v in o.log)
        self.file, self.state = o.state, {}
        if o.state and os.path.exists(o.state):
            with open(o.state, encoding="utf-8") as f:
                self.state = json.load(f)
        self.lock = threading.Lock()
        self.fail, self.times, self.shift, self.count = "", -1, 0, 0

    def remember(self, origin, size, root):
        self.state[origin] = [size, root.hex()]
        if self.file:  # before the cosignature leaves the house
            with open(self.file + ".new", "w", encoding="utf-8") as f:
                json.dump(self.state, f)
                f.flush()
                os.fsync(f.fileno())
            os.replace(self.file + ".new", self.file)

    def add_checkpoint(self, body):
        try:
            head, text, signatures = body.decode().split("\n\n", 2)
            first, *lines = head.split("\n")
            word, old = first.split(" ")
            proof = [base64.b64decode(x, validate=True) for x in lines]
            origin, size, root = text.split("\n")[:3]
            size, root, old, text = int(size), base64.b64decode(root, validate=True), int(old), (text + "\n").encode()
        except ValueError as e:
            raise Refusal(400, "cannot be read: %s" % e) from e
        if word != "old" or len(proof) > 63 or old > size:
            raise Refusal(400, "cannot be read")
        if origin not in self.logs:
            raise Refusal(404, "no such ledger here")
        if not self.signed(origin, text, signatures):
            raise Refusal(403, "not signed by this ledger")
        have, known = self.state.get(origin, [0, EMPTY.hex()])
        if old != have or (old == size and known != root.hex()):
            raise conflict(have)
        if not extends(old, bytes.fromhex(known), size, root, proof):
            raise Refusal(422, "does not extend what was cosigned")
        self.remember(origin, size, root)
        return self.key.cosign(text, self.now())

    def signed(self, origin, text, signatures):
        public = self.logs[origin]
        number = key_id(origin, 1, public)
        for line in signatures.split("\n"):
            dash, name, raw = (line.split(" ") + ["", ""])[:3]
            raw = base64.b64decode(raw)
            if dash == "—" and name == origin and raw[:4] == number:
                return ed25519.verify(public, raw[4:], text)
        return False

    def now(self):
        return int(time.time()) + self.shift

    def answer(self, body):
        with self.lock:
            self.count += 1
            fail = self.fail if self.times != 0 else ""
            self.times -= 1 if fail else 0
            if fail == "http":
                raise Refusal(500, "out of order")
            if fail in ("stubborn", "behind", "untyped"):
                raise {"stubborn": conflict(int(body.split(b"\n")[0][4:]) ^ 1), "behind": conflict(10**9),
                       "untyped": Refusal(409, "1\n")}[fail]
            text = body.split(b"\n\n", 1)[1].split(b"\n\n")[0] + b"\n"
            if fail == "garbage":
                return "<html>it works</html>\n"
            if fail == "large":
                return "— x AAAA\n" * 10000
            if fail == "wrong":
                return self.imposter.cosign(text, self.now())
            if fail == "stranger":
                return self.stranger.cosign(text, self.now())
            if fail == "other":
                return self.key.cosign(b"another\n1\nAAAA\n", self.now())
            line = self.add_checkpoint(body)
            return "\n" + line if fail == "blank" else self.stranger.cosign(text, self.now()) + line


def handler(w):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def send(self, status, body, kind="text/plain", **headers):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/mode":
                for key, value in json.loads(body).items():
                    if key == "forget":
                        w.state.pop(value, None)
                    elif key == "log":
                        w.logs.update([parse_vkey(value)])
                    else:
                        setattr(w, key, value)
                return self.send(200, b"{}", "application/json")
            if self.path != "/add-checkpoint":
                return self.send(404, b"no such place")
            if w.fail == "redirect":
                return self.send(302, b"", Location="file:///etc/hostname")
            try:
                return self.send(200, w.answer(body).encode())
            except Refusal as r:
                return self.send(r.status, r.body, r.kind)

        def do_GET(self):
            said = {"/count": {"count": w.count}, "/state": w.state}.get(self.path)
            return self.send(404 if said is None else 200, json.dumps(said).encode(), "application/json")

        def log_message(self, *_):
            pass
    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that did not wait


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--log", action="append", default=[], help="verifier key of a ledger to cosign for")
    p.add_argument("--name", default="witness.example/w1")
    p.add_argument("--seed", default="w1", help="the key is made of it")
    p.add_argument("--state", help="keep what was cosigned here")
    p.add_argument("--port", type=int, default=0)
    o = p.parse_args()
    witness = Witness(o)
    server = Server(("127.0.0.1", o.port), handler(witness))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": "http://127.0.0.1:%d/" % server.server_port, "vkey": witness.key.vkey}), flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
