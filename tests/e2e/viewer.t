#!/usr/bin/env python3
# The viewer's door: who comes in, as whom, for how long, and what becomes of those who push. Real: the viewer, its database, a
# station that records film for events and scans. Its clients are sockets, so that they may be as ill-behaved as they like.
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import BUILD, PACKSEAL, Station, run, tap, wait_for
from web import PASSWORD, Web, free_port, listen_at

VIEWER = os.path.join(BUILD, "packseal-viewer")
ROLES = ["packer", "clerk", "auditor", "admin"]
SCOPES = ["scan", "read", "export", "metrics"]


class Viewer:
    """packseal-viewer alone, without a recorder."""

    def __init__(self, root, *more):
        self.args = [VIEWER, "--root", root, "--listen", "127.0.0.1:0", *more]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().strip()
        self.port = int(self.address.rstrip("/").rsplit(":", 1)[1]) if self.address else 0
        self.process.stdout.readline()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode()


def raw(port, data, seconds=10, half_close=False):
    """What comes back for these bytes, until the connection ends or nothing more comes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            s.settimeout(1.5 if not half_close else seconds)
            while True:
                some = s.recv(65536)
                if not some:
                    break
                got += some
        except OSError:
            pass
    return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def request(line, *headers, host="127.0.0.1", body=b""):
    rows = [line, "Host: " + host] if host is not None else [line]
    return ("\r\n".join(rows + list(headers)) + "\r\n\r\n").encode("latin-1") + body


class Loris(threading.Thread):
    """Sends a byte of a header each second: never silent, never done."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seconds = port, None
        self.head = getattr(self, "head", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        self.start()

    def run(self):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.sendall(self.head)
            s.settimeout(1)
            while time.monotonic() - begun < 90:
                try:
                    s.sendall(b"a")
                    if s.recv(100) == b"":
                        break
                except socket.timeout:
                    continue
                except OSError:
                    break
        self.seconds = time.monotonic() - begun


def the_first_administrator(v, root):
    w = Web(v.port)
    status, o = w.json("GET", "/session")
    tap.ok(status == 200 and o["setup"] and o["user"] == "" and o["csrf"] == "", "at first nobody is signed in, and /setup is to be done", o)
    code = open(os.path.join(root, "viewer", "code"), encoding="ascii").read().split()[0]
    tap.ok(re.fullmatch("[0-9A-HJKMNP-TV-Z]{8}", code), "the code on the box has 8 characters of Crockford's", code)
    tap.same(os.stat(os.path.join(root, "viewer", "code")).st_mode & 0o777, 0o600, "... which nobody else may read")
    said = run(PACKSEAL, "code", "--root", root, "--json").stdout
    tap.same(json.loads(said), {"kind": "setup", "code": code, "until": None}, "packseal code says the same")
    who = {"code": "00000000", "name": "chef", "password": PASSWORD, "language": "en"}
    tap.same(w.json("POST", "/setup", who)[0], 401, "another code makes no administrator")
    for bad, why in (("kurz", "short"), ("chefchef12", "made of the name"), ("aaaaaaaaaaaa", "of one letter"), ("1234567890", "everybody's")):
        tap.same(w.json("POST", "/setup", {**who, "code": code, "password": bad})[0], 400, "a password that is %s is refused" % why)
    tap.same(w.json("POST", "/setup", {**who, "code": code, "name": "a b"})[0], 400, "a name with a blank is refused")
    w.cookie = "A" * 43
    status, head, body = w.ask("POST", "/api/v1/setup", {**who, "code": code[:4].lower() + "-" + code[4:]})
    tap.ok(status == 200 and json.loads(body)["role"] == "admin", "the right code, as people type it, makes one and signs in", body)
    tap.ok(w.cookie != "A" * 43, "... with a session of its own, not the one that was planted")
    flags = head["set-cookie"].split("; ")
    tap.ok({"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags) and "Secure" not in flags, "the cookie is no script's", flags)
    w.csrf = json.loads(body)["csrf"]
    tap.same(Web(v.port).json("POST", "/setup", {**who, "code": code, "name": "zwei"})[0], 409, "there is no second first administrator")
    tap.ok(not os.path.exists(os.path.join(root, "viewer", "code")), "the code is used up")
    return w


def sessions(v, root, chef):
    w = Web(v.port)
    w.sign_in("chef")
    first = w.cookie
    w.csrf = None
    tap.same(w.sign_in("CHEF")[0], 200, "names are the same in capitals")
    old = Web(v.port)
    old.cookie = first
    tap.ok(w.cookie != first and old.json("GET", "/session")[1]["user"] == "", "who signs in again leaves no session behind")
    dump = b"".join(open(os.path.join(root, "viewer", n), "rb").read() for n in os.listdir(os.path.join(root, "viewer")) if n.startswith("viewer.db"))
    tap.ok(w.cookie.encode() not in dump and PASSWORD.encode() not in dump and b"$argon2id$" in dump, "the database has neither cookie nor password")
    tap.same(oct(os.stat(os.path.join(root, "viewer", "viewer.db")).st_mode & 0o777), "0o600", "... and is nobody else's to read")
    status, said = v.end()
    tap.ok(status == 0, "the viewer ends in good order", said)
    v.start()
    for x in (w, chef):
        x.port = v.port
    tap.same(w.json("GET", "/session")[1]["user"], "chef", "a session outlives the viewer")
    token = w.csrf
    tap.same(w.json("DELETE", "/session")[0], 204, "signing out")
    w.csrf = token
    tap.same((w.json("GET", "/session")[1]["user"], w.json("GET", "/clips")[0]), ("", 401), "... ends it")
    for wrong in ("packseal=x", "packseal=%s; packseal=%s" % (chef.cookie, chef.cookie), "packseal=" + "A" * 5000, "packseal=\x01", ";;;=;packseal"):
        s, _, b = Web(v.port).ask("GET", "/api/v1/session", headers={"Cookie": wrong})
        tap.ok(s == 200 and json.loads(b)["user"] == "", "a cookie like %r is nobody's" % wrong[:24], s, b)


def forgery(v, chef):
    body = {"language": "en"}
    plain = Web(v.port)
    plain.cookie = chef.cookie
    tap.same(plain.ask("POST", "/api/v1/me", body)[0], 403, "a change without the session's word is refused")
    plain.csrf = "0" * 32
    tap.same(json.loads(plain.ask("POST", "/api/v1/me", body)[2])["code"], "csrf", "... and with another word, and says so")
    tap.same(chef.ask("POST", "/api/v1/me", body)[0], 204, "with it the change is made")
    tap.same(chef.ask("POST", "/api/v1/me", body, headers={"Origin": "http://evil.example"})[0], 403, "not from another site's page")
    tap.same(chef.ask("POST", "/api/v1/me", body, headers={"Origin": "http://127.0.0.1:%d" % v.port})[0], 204, "but from our own")
    who = json.dumps({"name": "chef", "password": PASSWORD}).encode()
    tap.same(Web(v.port).ask("POST", "/api/v1/session", who, "text/plain")[0], 400, "a form of another site cannot sign anybody in")


def people(v, root, chef):
    """One Web for each role and scope, and nobody."""
    all_of = {"nobody": Web(v.port), "admin": chef}
    for role in ROLES[:-1]:
        chef.json("POST", "/accounts", {"name": role + ".1", "role": role, "password": PASSWORD, "language": "zh-CN"})
        all_of[role] = Web(v.port)
        tap.same(all_of[role].sign_in(role + ".1")[1].get("role"), role, "a %s signs in" % role)
    for scope in SCOPES:
        made = chef.json("POST", "/tokens", {"name": "erp-" + scope, "scope": scope})[1]
        all_of[scope] = Web(v.port, token=made["token"])
    screen = all_of["screen"] = Web(v.port)
    said = json.loads(run(PACKSEAL, "code", "--root", root, "--json").stdout)
    tap.ok(said["kind"] == "pair" and 500 < said["until"] - time.time() <= 600, "packseal code makes a pairing code for ten minutes", said)
    tap.same(screen.json("POST", "/pair", {"code": "ZZZZZZZZ"})[0], 401, "another code pairs nothing")
    tap.same(screen.json("POST", "/pair", {"code": said["code"]})[1].get("role"), "screen", "the code pairs a screen")
    tap.same(Web(v.port).json("POST", "/pair", {"code": said["code"]})[0], 401, "... and no second one")
    return all_of


def each_route_and_role(v, all_of):
    routes = [line.split() for line in run(VIEWER, "--routes").stdout.decode().splitlines()]
    wrong, asked = [], 0
    routes.sort(key=lambda r: r[0] == "DELETE" and r[1].endswith("/session"))  # which ends the session: last
    for method, pattern, may, kind in routes:
        path = re.sub(r"\{(\w+)\}", lambda m: "999999" if m.group(1) == "id" else "none-such", pattern)
        for role, w in all_of.items():
            if pattern == "/api/v1/session" and method != "GET" and role in ("nobody", *SCOPES) and method == "DELETE" and role in may:
                continue
            if method == "DELETE" and pattern.endswith("/session") and role == "admin":
                continue  # still needed
            c = http.client.HTTPConnection("127.0.0.1", v.port, timeout=30)
            h = {"Authorization": "Bearer " + w.token} if w.token else {"Cookie": "packseal=" + w.cookie} if w.cookie else {}
            if w.csrf:
                h["X-PackSeal-CSRF"] = w.csrf
            body = None if kind == "none" else b"{}" if kind == "json" else b"x"
            if body:
                h["Content-Type"] = "application/json" if kind == "json" else "text/csv" if "orders" in path else "application/zip"
            c.request(method, path, body, h)
            r = c.getresponse()  # of a stream only the head
            status = r.status
            c.close()
            asked += 1
            refused = 401 if role == "nobody" else 403
            if role in may.split(","):
                # 401 is also what a sign-in without a name may get; never from a route that knows the person.
                good = status not in (403,) and (status != 401 or "nobody" in may) and status != 500
            else:
                good = status == refused
            if not good:
                wrong.append("%s %s as %s: %d" % (method, pattern, role, status))
    tap.ok(not wrong and asked > 300, "each of %d routes serves exactly the roles that it names (%d requests)" % (len(routes), asked), *wrong)


def accounts(v, chef, all_of):
    tap.same(chef.json("POST", "/accounts/chef", {"disabled": True})[0], 409, "the last administrator cannot be disabled")
    tap.same(chef.json("POST", "/accounts/chef", {"role": "clerk"})[0], 409, "... nor made something else")
    tap.same(chef.json("POST", "/accounts", {"name": "CHEF", "role": "admin", "password": PASSWORD})[0], 409, "a name is given once, in any case")
    tap.same(chef.json("POST", "/accounts", {"name": "x", "role": "root", "password": PASSWORD})[0], 400, "a role is one of four")
    tap.same(chef.json("POST", "/accounts", {"name": "x", "role": "clerk", "password": PASSWORD, "uid": 0})[0], 400, "an unknown member is refused")
    w = Web(v.port)
    w.sign_in("clerk.1")
    tap.same(chef.json("POST", "/accounts/clerk.1", {"role": "auditor"})[0], 204, "a role changes")
    tap.same(w.json("GET", "/session")[1]["role"], "auditor", "... for those who are signed in as well")
    tap.same(chef.json("POST", "/accounts/clerk.1", {"disabled": True})[0], 204, "an account is closed")
    tap.same((w.json("GET", "/session")[1]["user"], w.sign_in("clerk.1")[0]), ("", 401), "... and its sessions with it")
    new = "noch eine Kiste"
    two, w = Web(v.port), all_of["auditor"]
    w.sign_in("auditor.1")
    two.sign_in("auditor.1")
    tap.same(w.json("POST", "/me", {"password": "falsch falsch", "new_password": new})[0], 403, "a new password wants the old one")
    tap.same(w.json("POST", "/me", {"password": PASSWORD, "new_password": new})[0], 204, "with it, it is set")
    tap.same((w.json("GET", "/session")[1]["user"], two.json("GET", "/session")[1]["user"]), ("auditor.1", ""), "... and the other sessions end")
    tokens = chef.json("GET", "/tokens")[1]["tokens"]
    mine = [t for t in tokens if t["name"] == "erp-read"][0]
    tap.ok("token" not in mine and mine["last_used"], "tokens are listed without their secret, with their last use", mine)
    tap.same(all_of["read"].json("GET", "/accounts")[0], 403, "a token is no administrator")
    tap.same(chef.json("DELETE", "/tokens/%d" % mine["id"])[0], 204, "a token is dropped")
    tap.same(all_of["read"].ask("GET", "/api/v1/clips")[0], 401, "... and opens nothing any more")
    screen = Web(v.port)
    screen.json("POST", "/pair", {"code": json.loads(run(PACKSEAL, "code", "--root", os.path.dirname(v.args[2] + "/x"), "--json").stdout)["code"]})
    name = screen.json("GET", "/session")[1]["user"]
    tap.ok(name in [s["name"] for s in chef.json("GET", "/screens")[1]["screens"]], "a screen is listed", name)
    tap.same((chef.json("DELETE", "/screens/" + name)[0], screen.json("GET", "/session")[1]["user"]), (204, ""), "... and unpaired")
    what = {e["what"] for e in chef.json("GET", "/audit")[1]["entries"]}
    tap.ok({"sign-in", "sign-in-failed", "account-changed", "password", "token-made", "token-dropped", "pair", "unpair"} <= what, "all of it is in the audit trail", what)
    only = chef.json("GET", "/audit?what=unpair&who=chef")[1]["entries"]
    tap.ok(only and {(e["what"], e["who"], e["from"]) for e in only} == {("unpair", "chef", "127.0.0.1")}, "... which can be asked", only)


def closed_meanwhile(root):
    """A sign-in takes a password's digest long; an account that is closed in that time stays closed."""
    v = Viewer(root)  # one of its own: what fails here is counted
    chef = Web(v.port)
    chef.sign_in("chef")
    def again_and_again():
        while not done.is_set():
            said.append(Web(v.port).sign_in("packer.1")[0])
    done, said = threading.Event(), []
    many = [threading.Thread(target=again_and_again) for _ in range(4)]
    for t in many:
        t.start()
    wait_for(lambda: len(said) >= 4, 60, 0.05)
    status = [chef.json("POST", "/accounts/packer.1", {"disabled": True})[0]]
    at = len(said)
    wait_for(lambda: len(said) >= at + 6, 60, 0.05)
    done.set()
    for t in many:
        t.join()
    row = [a for a in chef.json("GET", "/accounts")[1]["accounts"] if a["name"] == "packer.1"][0]
    tap.ok(status == [204] and row["disabled"] and 200 in said, "an account that is closed while somebody signs in stays closed", status, row, said)
    chef.json("POST", "/accounts/packer.1", {"disabled": False})
    v.end()


def one_network(root):
    """Of version 6 the first 64 bits are one, however the address is written."""
    conf = os.path.join(root, "packseal.conf")
    with open(conf, encoding="utf-8") as f:
        before = f.read()
    with open(conf, "w", encoding="utf-8") as f:
        f.write(before + "behind_proxy = yes\n")
    v = Viewer(root)
    with open(conf, "w", encoding="utf-8") as f:
        f.write(before)
    got = [Web(v.port).ask("POST", "/api/v1/pair", {"code": "00000000"}, headers={"X-Forwarded-For": "2001:db8:1:2:%x::1" % i})[0] for i in range(1, 9)]
    tap.ok(got[0] == 401 and 429 in got, "codes tried from many addresses of one network are counted together", got)
    tap.same(Web(v.port).ask("POST", "/api/v1/pair", {"code": "00000000"}, headers={"X-Forwarded-For": "2001:db8:1:3::1"})[0], 401, "... and the next network is another")
    v.end()


def inherited():
    """A child gets what is meant for it, and no descriptor that happened to be open."""
    with tempfile.TemporaryDirectory() as d:
        shutil.copy(VIEWER, d)
        shutil.copytree(os.path.join(BUILD, "web"), os.path.join(d, "web"))
        shutil.copy(os.path.join(BUILD, "verify.html"), d)
        with open(os.path.join(d, "packseal-verify"), "w", encoding="ascii") as f:
            f.write("#!/bin/sh\ncd /proc/$$/fd && echo has: * >&2\n")
        os.chmod(f.name, 0o755)
        r, w = os.pipe()
        high = fcntl.fcntl(w, fcntl.F_DUPFD, 77)
        p = subprocess.Popen([os.path.join(d, "packseal-viewer"), "--verify-only", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[high])
        port = int(p.stdout.readline().decode().strip().rstrip("/").rsplit(":", 1)[1])
        said = Web(port).json("POST", "/check", b"no zip", kind="application/zip")[1]["error"]
        tap.ok("has: 0 1 " in said and str(high) not in said.split(":")[1].split(), "the judge of a bundle has the bundle, and no other descriptor", said)
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        for fd in (r, w, high):
            os.close(fd)


def hostile(v, chef):
    secret = b"root:"
    for path in ("/../../../etc/passwd", "/web/../../../../etc/passwd", "/web/%2e%2e/%2e%2e/etc/passwd", "/web//etc/passwd", "/web/..%2f..%2fetc%2fpasswd",
                 "/web/.../passwd/..", "/clip/../../etc/passwd", "/web/\\..\\..\\etc\\passwd", "/web/%00", "/./", "//evil.example/", "http://evil.example/", "*",
                 "/api/v1/clips/..%2f..%2fviewer%2fviewer.db", "/api/v1/clips/../viewer/files/viewer.db"):
        a = raw(v.port, request("GET %s HTTP/1.1" % path, "Cookie: packseal=" + chef.cookie, "Connection: close"))
        tap.ok(status_of(a) in (400, 404) and secret not in a, "no way out by %s" % path, a[:80])
    for query in ("number=%0d%0aSet-Cookie:%20a=b", "number=a%00b", "number=%ff", "number=" + "1" * 300, "number=1&number=2", "=1", "&".join("a%d=1" % i for i in range(40))):
        a = raw(v.port, request("GET /api/v1/clips?%s HTTP/1.1" % query, "Cookie: packseal=" + chef.cookie, "Connection: close"))
        tap.ok(status_of(a) == 400 and b"a=b" not in a.split(b"\r\n\r\n")[0], "a query like %s is refused" % query[:30], a[:200])
    a = raw(v.port, request("GET / HTTP/1.1", "X-Long: " + "a" * 60000))
    tap.ok(status_of(a) in (0, 400, 413, 431), "an oversized header is refused", a[:80])
    a = raw(v.port, request("GET /%s HTTP/1.1" % ("a" * 60000)))
    tap.ok(status_of(a) in (0, 400, 413, 414, 431), "an oversized path is refused", a[:80])
    tap.same(status_of(raw(v.port, request("GET /%s HTTP/1.1" % ("a" * 3000), "Connection: close"))), 400, "one of 3000 bytes too")
    tap.same(chef.ask("POST", "/api/v1/me", b'{"language":"' + b"e" * 70000 + b'"}', "application/json")[0], 413, "a body over 64 KiB is too large")
    tap.same(status_of(raw(v.port, request("POST /api/v1/session HTTP/1.1", "Content-Type: application/json", "Content-Length: 999999999999999"))), 413, "... and one that only says so")
    for body in (b"", b"[]", b"null", b'{"name":1}', b'{"name":"a","name":"b"}', b"{" * 3000, b'{"name":"\xff","password":"x"}', b'{"name":"a\\u0000","password":"x"}', b'{"name":"x","password":"y"} z'):
        tap.same(Web(v.port).ask("POST", "/api/v1/session", body, "application/json")[0], 400, "no sign-in by %r" % body[:30])
    smuggled = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for what, headers in (("both lengths", ("Content-Length: %d" % len(smuggled), "Transfer-Encoding: chunked")), ("a chunked body", ("Transfer-Encoding: chunked",)),
                          ("two lengths", ("Content-Length: 0", "Content-Length: %d" % len(smuggled))), ("a length that is none", ("Content-Length: +5",)),
                          ("an encoding in disguise", ("Transfer-Encoding: xchunked", "Content-Length: 4"))):
        a = raw(v.port, request("POST /api/v1/session HTTP/1.1", "Content-Type: application/json", *headers, body=b"0\r\n\r\n" + smuggled))
        tap.ok(status_of(a) in (0, 400) and a.count(b"HTTP/1.1 ") == a.count(b"HTTP/1.1 400") and b'"recorder"' not in a, "%s: refused, and what follows is no request" % what, a[:300])
    for host, good in (("127.0.0.1:1", True), ("localhost", True), ("[::1]:80", True), ("station.example", True), ("evil.example", False), ("station.example.evil", False),
                       ("127.0.0.1.evil.example", False), ("", False), ("a b", False)):
        a = raw(v.port, request("GET /api/v1/session HTTP/1.1", "Connection: close", host=host))
        tap.ok((status_of(a) == 200) == good, "Host: %s is %s" % (host or "(empty)", "served" if good else "refused"), a[:80])
    tap.same(status_of(raw(v.port, request("GET / HTTP/1.1", "Connection: close", host=None))), 400, "no Host at all is refused")
    tap.same(status_of(raw(v.port, request("GET / HTTP/1.1", "Host: localhost", "Connection: close"))), 400, "two are refused")
    for garbage in (b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\x00" * 100, b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        tap.ok(status_of(raw(v.port, garbage, half_close=True)) in (0, 400, 403, 404, 405, 501, 505), "%r is no request" % garbage[:20])
    tap.same(chef.ask("PUT", "/api/v1/session")[0], 405, "an unknown method is refused")
    tap.same(chef.ask("GET", "/api/v1/none")[0], 404, "an unknown path is not there")
    status, head, _ = chef.ask("GET", "/login")
    policy = head.get("content-security-policy", "")
    tap.ok(status == 200 and "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
           and head["x-content-type-options"] == "nosniff" and head["referrer-policy"] == "no-referrer" and head["cross-origin-opener-policy"] == "same-origin", "a page comes with its policy", head)
    tap.same(chef.ask("GET", "/login", headers={"If-None-Match": head["etag"]})[0], 304, "... and is not sent twice")
    policy = chef.ask("GET", "/verify")[1].get("content-security-policy", "")
    tap.ok("sha256-" in policy and "connect-src" not in policy and "'self'" not in policy, "the checking page connects to nothing", policy)
    many = [socket.create_connection(("127.0.0.1", v.port)) for _ in range(150)]
    tap.same(chef.json("GET", "/session")[0], 200, "150 connections that say nothing stand in nobody's way")
    for s in many:
        s.close()


def lock_out(v, chef):
    w = Web(v.port)
    known = [w.sign_in("packer.1", "falsch falsch") for _ in range(6)]
    status, head, body = w.ask("POST", "/api/v1/session", {"name": "packer.1", "password": PASSWORD})
    unknown = [w.sign_in("niemand", "falsch falsch") for _ in range(3)]
    tap.ok({s for s, _ in known[:5]} == {401} and known[0][1] == unknown[0][1], "a wrong password and an unknown name are answered alike", known[0], unknown[0])
    tap.ok(status == 429 and int(head["retry-after"]) >= 1, "after six the name is locked, also for the right password", status, body)
    entries = chef.json("GET", "/audit?what=locked-out")[1]["entries"]
    tap.ok(entries and "packer.1" in entries[0]["detail"], "... which the trail tells", entries)
    more = [w.sign_in("niemand%d" % i, "falsch falsch")[0] for i in range(6)]
    tap.ok(429 in more, "who tries name after name is locked by his address", more)
    tap.same(chef.json("GET", "/session")[1]["user"], "chef", "... and those who are signed in are not")


def with_tls(s):
    key, cert = s.path("key.pem"), s.path("cert.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write("tls_cert = cert.pem\ntls_key = key.pem\n")
    v = Viewer(s.root)
    tap.ok(v.address.startswith("https://"), "with a certificate it serves https", v.address)
    c = http.client.HTTPSConnection("127.0.0.1", v.port, timeout=20, context=ssl.create_default_context(cafile=cert))
    c.request("POST", "/api/v1/session", json.dumps({"name": "chef", "password": PASSWORD}), {"Content-Type": "application/json"})
    r = c.getresponse()
    tap.ok(r.status == 200 and "; Secure" in r.getheader("Set-Cookie", ""), "... and its cookie is for https alone", r.status)
    r.read()
    c.request("GET", "/web/words.js")
    r = c.getresponse()
    tap.ok(r.status == 200 and len(r.read()) > 1000, "pages come over it", r.status)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    warnings.simplefilter("ignore", DeprecationWarning)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", v.port), timeout=10) as raw_socket:
            old.wrap_socket(raw_socket).close()
        refused = False
    except (ssl.SSLError, OSError):
        refused = True
    tap.ok(refused, "TLS 1.1 is not spoken")
    tap.same(status_of(raw(v.port, request("GET / HTTP/1.1"), half_close=True)), 0, "nor is plain HTTP")
    tap.same(v.end()[0], 0, "it ends in good order")


def alone():
    v = Viewer("/nonexistent", "--verify-only")
    w = Web(v.port)
    tap.same([w.ask("GET", p)[0] for p in ("/", "/verify", "/api/v1/health", "/api/v1/session", "/api/v1/clips", "/station")], [200, 200, 200, 404, 404, 404],
             "with --verify-only there is the checking page, and no station")
    status, o = w.json("POST", "/check", b"no zip", kind="application/zip")
    judged = status == 200 and o["verdicts"][0]["content"] == "unreadable"
    tap.ok(judged, "... which judges what it is given", o)
    v.end()


class Drip(Loris):
    """Promises 400 MB of body, and sends a byte each second."""

    def __init__(self, port):
        self.head = request("POST /api/v1/check HTTP/1.1", "Content-Type: application/zip", "Content-Length: 400000000")
        super().__init__(port)


class Stream(threading.Thread):
    """Server-sent events, as they come."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.events, self.over = [], False
        self.c = http.client.HTTPConnection("127.0.0.1", w.port, timeout=60)
        self.c.request("GET", "/api/v1/events", headers={"Cookie": "packseal=" + w.cookie})
        self.r = self.c.getresponse()
        self.start()

    def run(self):
        name = ""
        try:
            for line in iter(self.r.readline, b""):
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self.events.append((name, json.loads(line[6:]), time.monotonic_ns()))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.over = True

    def of(self, name):
        return [e for e in self.events if e[0] == name]


def a_silent_recorder(s, w):
    """One that hangs accepts nobody: when its queue is full, whoever connects would wait as long as it does."""
    pid = s.children()["recorder"]
    os.kill(pid, signal.SIGSTOP)
    queue = []
    try:
        for name in ("control.sock", "preview.sock"):
            while True:
                c = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                queue.append(c)
                try:
                    c.connect(s.path("run", name))
                except BlockingIOError:
                    break
        got, many = [], []
        for path in ["/station"] * 12 + ["/preview/top?fps=%d" % i for i in range(1, 7)]:
            many.append(threading.Thread(target=lambda path=path: got.append(w.ask("GET", "/api/v1" + path, timeout=60)[0])))
            many[-1].start()
        tap.same(w.json("GET", "/session", timeout=30)[0], 200, "while the recorder hangs, others are served")
        for t in many:
            t.join(60)
        tap.same(got, [503] * 18, "... and who asks about it is told")
    finally:
        os.kill(pid, signal.SIGCONT)
        for c in queue:
            c.close()


def the_station(port):
    with Station(cameras={"top": "lavf:lavfi:testsrc2=size=320x240:rate=15"}) as s:
        listen_at(s, port)
        s.start()
        w = Web(port)
        w.wait()
        tap.ok(wait_for(lambda: "http://127.0.0.1:%d/" % port in s.said(), 20), "packseal run prints where the pages are")
        w.set_up(s.root)
        streams = [Stream(w) for _ in range(5)]
        wait_for(lambda: all(e.of("status") for e in streams), 20)
        tap.ok(all(e.events and e.events[0][0] == "status" and e.events[0][1]["state"] == "idle" for e in streams), "each listener begins with the status", [e.events[:1] for e in streams])
        status, o = w.json("POST", "/scan", {"code": "SF1234567890123"})
        tap.ok(status == 200 and o["state"] == "recording", "a scan from the page starts a clip", o)
        wait_for(lambda: all(e.of("scan") and e.of("opened") for e in streams), 20)
        tap.ok(all(e.of("scan") and e.of("scan")[0][1]["code"] == "SF1234567890123" for e in streams), "all listeners hear of it",
               [[x[0] for x in e.events] for e in streams])
        late = [(x[2] - x[1]["mono_ns"]) / 1e6 for e in streams for x in e.of("scan")]
        tap.diag("scan to listener: %s ms" % " ".join("%.1f" % x for x in late))
        status, o = w.json("GET", "/station")
        tap.ok(status == 200 and o["state"] == "recording" and o["recent"] == [] and o["today"] == 0, "GET /station tells what runs", o)
        status, o = w.json("POST", "/stop", {})
        tap.ok(status == 200 and o["path"], "stop answers when the clip is sealed", o)
        wait_for(lambda: all(e.of("sealed") for e in streams), 20)
        o = w.json("GET", "/station")[1]
        tap.ok(o["today"] == 1 and [r["codes"] for r in o["recent"]] == [["SF1234567890123"]], "... and it is the last of today", o)
        status, o = w.json("POST", "/stop", {})
        tap.ok(status in (200, 409) and "nothing" in json.dumps(o), "stop with nothing to stop says so", status, o)
        tap.same(w.json("POST", "/scan", {"code": "a\nb"})[0], 400, "a code with a line feed is none")
        what = [e["what"] for e in w.json("GET", "/audit")[1]["entries"]]
        tap.ok("scan" in what and "stop" in what, "what was done from a page is in the trail", what)
        a_silent_recorder(s, w)
        tap.same(s.end(), 0, "packseal run ends with listeners on the line")
        tap.ok(wait_for(lambda: all(e.over for e in streams), 10), "... who are told by the end of their streams")


def main():
    port = free_port()
    with Station(cameras={"top": "lavf:none"}) as s:
        with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
            f.write("names = station.example other.example\n")
        run(PACKSEAL, "reindex", "--root", s.root)
        v = Viewer(s.root)
        loris = Loris(v.port)
        chef = the_first_administrator(v, s.root)
        first = v.port
        sessions(v, s.root, chef)
        loris = Loris(v.port) if v.port != first else loris
        forgery(v, chef)
        all_of = people(v, s.root, chef)
        stream = Stream(chef)
        tap.ok(wait_for(lambda: stream.events, 10) and stream.events[0][0] == "no-recorder", "without a recorder listeners are told so", stream.events)
        tap.same(chef.json("GET", "/station")[1]["code"], "no-recorder", "... and who asks is told")
        each_route_and_role(v, all_of)
        accounts(v, chef, all_of)
        closed_meanwhile(s.root)
        hostile(v, chef)
        lock_out(v, chef)
        one_network(s.root)
        only = Viewer("/nonexistent", "--verify-only")
        drip = Drip(only.port)
        alone()
        inherited()
        the_station(port)
        tap.ok(wait_for(lambda: loris.seconds is not None, 60) and loris.seconds < 60, "who sends his request byte by byte is cut off", loris.seconds)
        tap.ok(wait_for(lambda: drip.seconds is not None, 60) and drip.seconds < 80, "... and so is who sends a large body so", drip.seconds)
        only.end()
        status, said = v.end()
        tap.ok(status == 0 and stream.over | bool(wait_for(lambda: stream.over, 5)), "the viewer ends with a listener on the line", said)
        with_tls(s)
    tap.done()


main()
