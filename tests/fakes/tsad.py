#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time-stamp authority (RFC 3161) on loopback, around `openssl ts -reply`, with its own CA in a temporary folder.

    tsad.py [--expired] [--days N] [--slow SECONDS] [--fail http|reject|nonce|imprint|garbage|large|redirect|empty] [--times N]
            [--crl none|good|superseded|compromised] [--algorithm rsa|ec] [--dir DIR] [--accuracy SECONDS]

Prints one line of JSON when it serves: url, ca (PEM of the root), dir. A control address takes `POST /mode` with JSON
{"fail":…, "slow":…, "times":…} to change its behaviour; GET /count tells how many stamps were asked for. Ends when its
standard input does, and takes its folder with it.
"""
import argparse
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

CONF = """
[tsa]
default_tsa = main
[main]
serial = {dir}/tsa-serial
crypto_device = builtin
signer_cert = {dir}/tsa.pem
certs = {dir}/sub.pem
signer_key = {dir}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:{accuracy}
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = d
[d]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[stamping]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
{crl}
"""


def sh(*args, **more):
    r = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False, **more)
    if r.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(args[:3]), r.stderr.decode(errors="replace")))
    return r.stdout


def stamp(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


def tlv(tag, body):
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x82]) + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


REJECTED = tlv(0x30, tlv(0x30, tlv(2, b"\x02") + tlv(0x30, tlv(0x0c, b"no quota left")) + tlv(3, b"\x05\x04")))


class Authority:
    def __init__(self, folder, o, port):
        self.dir, self.lock = folder, threading.Lock()
        self.fail, self.slow, self.times, self.count = o.fail, o.slow, o.times, 0
        self.crl_kind = o.crl
        point = "crlDistributionPoints = URI:http://127.0.0.1:%d/sub.crl" % port if o.crl != "none" else ""
        with open(self.path("tsa.cnf"), "w", encoding="ascii") as f:
            f.write(CONF.format(dir=folder, accuracy=o.accuracy, crl=point))
        for name, text in (("tsa-serial", "01\n"), ("serial", "1000\n"), ("index.txt", "")):
            with open(self.path(name), "w", encoding="ascii") as f:
                f.write(text)
        for name in ("root", "sub", "tsa"):
            kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if o.algorithm == "rsa" else \
                ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            sh("openssl", "genpkey", "-algorithm", *kind, "-out", self.path(name + ".key"))
        self.issue("root", "root", "authority", -3000, 3650)
        self.issue("sub", "root", "authority", -3000, 3650)
        self.issue("tsa", "sub", "stamping", -2000, -1000 if o.expired else o.days)
        if o.crl != "none":
            self.make_crl()

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name, by, section, start, end):
        conf = self.path("tsa.cnf")
        sh("openssl", "req", "-new", "-config", conf, "-key", self.path(name + ".key"), "-subj", "/CN=packseal test " + name,
           "-out", self.path("req.pem"))
        own = ["-selfsign"] if by == name else ["-cert", self.path(by + ".pem")]
        sh("openssl", "ca", "-batch", "-notext", "-config", conf, "-extensions", section, "-startdate", stamp(start),
           "-enddate", stamp(end), "-keyfile", self.path(by + ".key"), *own, "-in", self.path("req.pem"), "-out",
           self.path(name + ".pem"))

    def make_crl(self):
        reason = {"superseded": ["-crl_reason", "superseded"], "compromised": ["-crl_reason", "keyCompromise"]}
        by = ["-keyfile", self.path("sub.key"), "-cert", self.path("sub.pem"), "-config", self.path("tsa.cnf")]
        if self.crl_kind in reason:
            sh("openssl", "ca", *by, "-revoke", self.path("tsa.pem"), *reason[self.crl_kind])
        sh("openssl", "ca", *by, "-gencrl", "-crldays", "30", "-out", self.path("sub-crl.pem"))
        sh("openssl", "crl", "-in", self.path("sub-crl.pem"), "-outform", "DER", "-out", self.path("sub.crl"))

    def fault(self):
        """What to do wrong this time; a fault may be there for the first few requests only."""
        self.count += 1
        if self.fail and self.times != 0:
            self.times -= 1
            return self.fail
        return ""

    def reply(self, query, fault):
        if fault == "reject":
            return REJECTED
        if fault == "garbage":
            return b"<html>it works</html>"
        if fault == "empty":
            return b""
        if fault == "large":
            return b"\x30" * 400000
        if fault in ("nonce", "imprint"):
            at = self.spoil(query, fault)
            query = query[:at] + bytes([query[at] ^ 1]) + query[at + 1:]
        with self.lock, tempfile.NamedTemporaryFile(dir=self.dir) as q:
            q.write(query)
            q.flush()
            return sh("openssl", "ts", "-reply", "-config", self.path("tsa.cnf"), "-queryfile", q.name)

    @staticmethod
    def spoil(query, fault):
        """Place of a byte of the nonce (the last INTEGER) or of the imprint (32 bytes after 04 20)."""
        if fault == "imprint":
            return query.index(b"\x04\x20") + 10
        at = query.index(b"\x04\x20") + 34
        return at + 1 + query[at + 1]


def handler(a):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def send(self, status, body, kind="application/timestamp-reply", **headers):
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
                    setattr(a, key, value)
                return self.send(200, b"{}", "application/json")
            fault = a.fault()
            if fault == "redirect":
                return self.send(302, b"", Location="file:///etc/hostname")
            end = time.monotonic() + a.slow
            while time.monotonic() < end:  # a trickle, so that no lull ends it
                time.sleep(0.1)
            if fault == "http":
                return self.send(500, b"out of order", "text/plain")
            return self.send(200, a.reply(body, fault))

        def do_GET(self):
            if self.path == "/count":
                return self.send(200, json.dumps({"count": a.count}).encode(), "application/json")
            if self.path == "/sub.crl" and os.path.exists(a.path("sub.crl")):
                with open(a.path("sub.crl"), "rb") as f:
                    return self.send(200, f.read(), "application/pkix-crl")
            return self.send(404, b"", "text/plain")

        def log_message(self, *_):
            pass
    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that did not wait


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--expired", action="store_true")
    p.add_argument("--days", type=int, default=365, help="the signing certificate ends after so many")
    p.add_argument("--slow", type=float, default=0)
    p.add_argument("--fail", default="", choices=["", "http", "reject", "nonce", "imprint", "garbage", "large", "redirect",
                                                   "empty"])
    p.add_argument("--times", type=int, default=-1, help="faulty so many times, then sound")
    p.add_argument("--crl", default="none", choices=["none", "good", "superseded", "compromised"])
    p.add_argument("--algorithm", default="ec", choices=["rsa", "ec"])
    p.add_argument("--accuracy", type=int, default=1)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--dir", help="keep keys and certificates here")
    o = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="packseal-tsad.") as temporary:
        folder = os.path.abspath(o.dir or temporary)
        os.makedirs(folder, exist_ok=True)
        server = Server(("127.0.0.1", o.port), http.server.BaseHTTPRequestHandler)
        server.RequestHandlerClass = handler(Authority(folder, o, server.server_port))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"url": "http://127.0.0.1:%d/" % server.server_port, "ca": os.path.join(folder, "root.pem"),
                          "dir": folder}), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
