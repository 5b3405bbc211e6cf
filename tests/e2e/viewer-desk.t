#!/usr/bin/env python3
# What a clerk does after searching: export and download, check a bundle, send the list of orders; and what machines ask: webhooks,
# metrics, live pictures. Real: station, viewer, the children that export and judge. Played: the address that a webhook calls.
import hashlib
import hmac
import http.client
import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import BUILD, SANITIZED, Station, mjpeg_film, tap, wait_for
from web import Web, free_port, listen_at

SIZE = "320x240" if SANITIZED else "640x360"


class Receiver(http.server.ThreadingHTTPServer):
    """An address that fails once, then takes what comes."""

    def __init__(self):
        self.got, self.answers = [], [500]
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d/hook" % self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict((k.lower(), v) for k, v in self.headers.items()), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_job(web, job, seconds=120):
    def over():
        return web.json("GET", "/exports/" + job)[1]["state"] in ("done", "failed")
    wait_for(over, seconds, 0.2)
    return web.json("GET", "/exports/" + job)[1]


def record(web, code, seconds):
    status, o = web.json("POST", "/scan", {"code": code})
    time.sleep(seconds)
    return status, o, web.json("POST", "/stop", {})[1]


def exports(web, s, clip):
    status, o = web.json("POST", "/exports", {"clips": [clip], "profile": "generic-20mb", "language": "en"})
    tap.same(status, 202, "an export is taken on")
    job = wait_job(web, o["job"])
    tap.same((job["state"], job["error"]), ("done", ""), "and done")
    tap.same((job["percent"], job["clips"], job["by"]), (100, [clip], "chef"), "it says of what, and for whom")
    tap.ok("leaf" in job, "the bundle is an entry of the ledger", str(job))
    status, headers, data = web.ask("GET", "/api/v1/exports/%s/download" % job["job"])
    tap.same((status, headers["content-type"], len(data)), (200, "application/zip", job["bytes"]), "it can be downloaded")
    tap.ok('filename="packseal-%s.zip"' % clip in headers["content-disposition"], "under a name without the order")
    outer = zipfile.ZipFile(io.BytesIO(data))
    names = outer.namelist()
    tap.same(outer.testzip(), None, "a whole zip")
    bundle = clip + ".zip"
    tap.ok(bundle in names and "verify.html" in names, "bundle and page are in it", str(names))
    tap.ok(any(n.endswith("证据卡.jpg") for n in names), "and the card, under its Chinese name", str(names))
    tap.same(hashlib.sha256(outer.read(bundle)).hexdigest(), job["sha256"], "the digest that was told is the bundle's")
    path = os.path.join(s.dir, bundle)
    with open(path, "wb") as f:
        f.write(outer.read(bundle))
    verdict = json.loads(s.verify(path).stdout)
    tap.same((verdict["content"], verdict["key"]), ("intact", "trusted"), "the bundle is intact")
    status, _, part = web.ask("GET", "/api/v1/exports/%s/download" % job["job"], headers={"Range": "bytes=10-19"})
    tap.same((status, part), (206, data[10:20]), "a part of the download, too")
    status, o = web.json("POST", "/exports", {"clips": [clip], "from_ms": 0, "to_ms": 1500, "page": False})
    cut = wait_job(web, o["job"])
    data = web.ask("GET", "/api/v1/exports/%s/download" % o["job"])[2]
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    tap.same(names, [bundle], "an excerpt without page is the bundle alone")
    with open(path + ".cut", "wb") as f:
        f.write(zipfile.ZipFile(io.BytesIO(data)).read(bundle))
    tap.same(json.loads(s.verify(path + ".cut").stdout)["content"], "excerpt", "and judged as an excerpt")
    listed = web.json("GET", "/exports")[1]["exports"]
    tap.same([j["job"] for j in listed], [cut["job"], job["job"]], "both are listed, the newest first")
    audit = web.json("GET", "/audit?what=export")[1]["entries"]
    tap.same([e["clip"] for e in audit], [clip, clip], "and stand in the audit trail")
    return path


def refused_exports(web, clip):
    for body, what in (({"clips": []}, "no clip"), ({"clips": ["../../etc"]}, "a path"), ({"clips": ["-o"]}, "an option"),
                       ({"clips": [clip], "profile": "../x"}, "a profile by path"), ({"clips": [clip], "x": 1}, "an unknown member"),
                       ({"clips": [clip] * 2, "from_ms": 0, "to_ms": 9}, "an excerpt of two"),
                       ({"clips": [clip], "from_ms": 5}, "half a range"), ({"clips": [clip], "reason": "broken"}, "a reason alone"),
                       ({"clips": [clip] * 65}, "65 clips"), ({"clips": clip}, "no list")):
        tap.same(web.json("POST", "/exports", body)[0], 400, "refused: " + what)
    o = web.json("POST", "/exports", {"clips": ["ST03-0099999"]})[1]
    job = wait_job(web, o["job"])
    tap.ok(job["state"] == "failed" and "ST03-0099999" in job["error"], "a clip that is not there fails, and says so", str(job))
    tap.same(web.ask("GET", "/api/v1/exports/%s/download" % job["job"])[0], 409, "and has no download")
    tap.same(web.json("GET", "/exports/0123456789abcdef")[0], 404, "an export that nobody asked for")


def checks(web, path):
    with open(path, "rb") as f:
        good = f.read()
    status, o = web.json("POST", "/check", good, kind="application/zip")
    tap.same((status, o["exit"], [v["content"] for v in o["verdicts"]], o["verdicts"][0]["path"].startswith("bundle.zip")),
             (200, 0, ["intact"], True), "a bundle is checked")
    bent = bytearray(good)
    at = good.index(b"mdat") + 2000
    bent[at] ^= 1
    status, o = web.json("POST", "/check", bytes(bent), kind="application/zip")
    tap.ok(status == 200 and o["exit"] != 0 and o["verdicts"][0]["content"] != "intact", "a bent one is not intact", str(o))
    o = web.json("POST", "/check", b"PK\3\4 no zip at all", kind="application/zip")[1]
    tap.same((o["exit"], o["verdicts"][0]["content"]), (2, "unreadable"), "what is no bundle cannot be read")
    tap.same(web.json("POST", "/check", b"", kind="application/zip")[0] // 100, 4, "nothing at all is refused")
    tap.same(web.json("POST", "/check", good, kind="text/html")[0] // 100, 4, "and another type")


def orders(web, s):
    good = "订单号,运单号,退款状态\nPDD240001,SF1357924680135,\nPDD240002,SF1357924680143,已退款\n".encode("gb18030")
    status, o = web.json("POST", "/orders", good, kind="text/csv")
    tap.same((status, o["orders"], o["refunded"], o["encoding"]), (200, 2, 1, "GB18030"), "a list of orders is taken")
    status, o = web.json("POST", "/orders", "order,waybill\nA\x01B,SF1\n".encode(), kind="text/csv")
    tap.ok(status in (400, 409) and (status == 400 or o["problems"]), "a bad one is refused, line by line", str(o))
    with open(s.path("viewer", "orders.csv"), "rb") as f:
        tap.same(f.read(), good, "and the good one stays")

    wait_for(lambda: "list of orders: 2 rows" in s.said(), 20)
    _, o, end = record(web, "SF1357924680143", 2)
    tap.ok("refunded" in o.get("warnings", []), "a parcel of a refunded order is told at its scan", str(o))
    return end


def machines(web, s, receiver):
    status, o = web.json("POST", "/tokens", {"name": "prometheus", "scope": "metrics"})
    tap.same(status, 201, "a token for metrics")
    for who in (Web(web.port), Web(web.port, o["token"])):
        status, headers, text = who.ask("GET", "/api/v1/metrics")
        lines = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if line and line[0] != "#")
        tap.same((status, headers["content-type"].split(";")[0], lines["packseal_up"], lines["packseal_able"],
                  lines['packseal_camera_live{camera="top"}']), (200, "text/plain", "1", "1", "1"), "metrics")
    tap.same(Web(web.port, o["token"]).json("GET", "/exports")[0], 403, "the token opens nothing else")
    c = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    c.request("GET", "/api/v1/preview/top?fps=10&width=320", headers={"Cookie": "packseal=" + web.cookie})
    r = c.getresponse()
    tap.same((r.status, r.getheader("Content-Type")), (200, "multipart/x-mixed-replace; boundary=packseal"), "live pictures")
    for i in range(3):
        while not (line := r.readline()).lower().startswith(b"content-length:"):
            assert line, "the stream ended"
        r.readline()
        picture = r.read(int(line.split(b":")[1]))
        tap.ok(picture[:2] == b"\xff\xd8" and picture[-2:] == b"\xff\xd9", "a whole JPEG, %d" % i)
    c.close()
    guest = Web(web.port)
    guest.sign_in("chef")
    c = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    c.request("GET", "/api/v1/preview/top?fps=10&width=320", headers={"Cookie": "packseal=" + guest.cookie})
    r = c.getresponse()
    tap.ok(r.readline(), "somebody else looks, too")
    guest.json("DELETE", "/session")
    end = time.monotonic() + 30
    while (line := r.read1(65536)) and time.monotonic() < end:
        pass
    tap.same(line, b"", "who has signed out sees no more")
    c.close()
    tap.same(web.json("GET", "/preview/../../etc")[0] // 100, 4, "no camera of such a name")
    tap.same(web.json("GET", "/preview/top?fps=99")[0], 400, "no such rate")


def hook_came(web, receiver, secret, clip):
    wait_for(lambda: len(receiver.got) >= 2, 40, 0.2)
    tap.ok(len(receiver.got) >= 2, "a webhook that was refused comes again")
    (h1, b1), (h2, b2) = receiver.got[:2]
    tap.same((h1["x-packseal-delivery"], b1), (h2["x-packseal-delivery"], b2), "the same one")
    o = json.loads(b2)
    tap.same((h2["x-packseal-event"], o["event"], o["clip"], o["station"]), ("sealed", "sealed", clip, "ST03"), "it tells of the seal")
    mac = hmac.new(secret.encode(), h2["x-packseal-time"].encode() + b"." + b2, hashlib.sha256).hexdigest()
    tap.same(h2["x-packseal-signature"], "hmac-sha256=" + mac, "and is signed")
    wait_for(lambda: web.json("GET", "/hooks")[1]["hooks"][0]["failing"] == 0, 10, 0.2)
    hook = web.json("GET", "/hooks")[1]["hooks"][0]
    tap.ok(hook["failing"] == 0 and hook["last"] and "secret" not in hook, "the list says that it works", str(hook))
    tap.same(web.json("DELETE", "/hooks/%d" % hook["id"])[0], 204, "it can be removed")
    tap.same(web.json("GET", "/hooks")[1]["hooks"], [], "and is gone")
    for url in ("ftp://x/", "http://u:p@x/", "file:///etc/passwd", "http://a b/", "x"):
        tap.same(web.json("POST", "/hooks", {"url": url, "events": ["sealed"]})[0], 400, "no webhook: " + url)


def verify_only(s, path):
    port = free_port()
    log = open(os.path.join(s.dir, "only.log"), "wb")
    p = subprocess.Popen([os.path.join(BUILD, "packseal-viewer"), "--verify-only", "--listen", "127.0.0.1:%d" % port, "--trust",
                          s.path("public", "trust")], stdout=log, stderr=log)
    try:
        web = Web(port)
        web.wait()
        with open(path, "rb") as f:
            status, o = web.json("POST", "/check", f.read(), kind="application/zip")
        tap.same((status, o and o.get("exit")), (200, 0), "--verify-only checks without a sign-in")
        tap.same(web.ask("GET", "/verify")[0], 200, "and has the page")
        tap.same([web.json("GET", p)[0] for p in ("/clips", "/station", "/exports")], [404] * 3, "and nothing else")
    finally:
        p.send_signal(signal.SIGTERM)
        tap.same(p.wait(20), 0, "it ends when it is told to")


def no_room(s, clip, path):
    """What browsers send and fetch lies on the disk of the clips: it never takes the last of it."""
    with open(s.path("packseal.conf"), encoding="utf-8") as f:
        text = f.read()
    with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
        f.write(re.sub(r"(?m)^min_free_mb.*\n", "", text).replace("[recording]\n", "[recording]\nmin_free_mb = 50000000\n"))
    p = subprocess.Popen([os.path.join(BUILD, "packseal-viewer"), "--root", s.root], stdout=subprocess.DEVNULL)
    try:
        web = Web(s.port)
        web.wait()
        web.sign_in("chef")
        with open(path, "rb") as f:
            status, o = web.json("POST", "/check", f.read(), kind="application/zip")
        tap.ok(status == 503 and "disk" in o["error"], "without room no bundle is taken", o)
        job = wait_job(web, web.json("POST", "/exports", {"clips": [clip]})[1]["job"])
        tap.ok(job["state"] == "failed" and "disk" in job["error"], "and no export is made", job)
        tap.same(os.listdir(s.path("viewer", "exports")), [], "nor is anything left of it")
    finally:
        p.send_signal(signal.SIGTERM)
        tap.same(p.wait(60), 0, "the viewer ends")


def main():
    film = mjpeg_film(os.path.join("/tmp", "desk-%d.avi" % os.getpid()), size=SIZE, fps=10, seconds=6)
    try:
        with Station({"top": "lavf:" + film}) as s:
            port = free_port()
            listen_at(s, port)
            s.start()
            web = Web(port)
            web.wait()
            tap.same(web.set_up(s.root)[0], 200, "set up")
            receiver = Receiver()
            status, hook = web.json("POST", "/hooks", {"url": receiver.url, "events": ["sealed"]})
            tap.same(status, 201, "a webhook is named")
            _, started, ended = record(web, "SF1357924680135", 4)
            clip = ended["clip"]
            tap.ok(started["state"] == "recording" and clip, "a clip by the interface", str(ended))
            path = exports(web, s, clip)
            refused_exports(web, clip)
            checks(web, path)
            hook_came(web, receiver, hook["secret"], clip)
            orders(web, s)
            machines(web, s, receiver)
            verify_only(s, path)
            tap.same(s.cli("ledger", "check").returncode, 0, "the ledger is in order")
            tap.same(s.end(), 0, "the station ends")
            s.port = port
            no_room(s, clip, path)
    finally:
        os.unlink(film)
    tap.done()


main()
