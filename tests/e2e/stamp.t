#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# packseal stamp against a real time-stamp authority on loopback: sound, refusing, slow, lying, expired, revoked, down.
import atexit
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import PACKSEAL, SRC, run, tap, wait_for

NAME = "packseal.invalid/ST03"
WORK = tempfile.mkdtemp(prefix="packseal-stamp.")
atexit.register(shutil.rmtree, WORK, True)
if not os.access(PACKSEAL, os.X_OK):
    print("Bail out! %s is not built: run: make" % PACKSEAL)
    sys.exit(1)


class Ledger:
    """A root with a ledger's key and checkpoint, as the signer leaves them (docs/FORMAT.md section 13)."""

    def __init__(self, conf="", name="root"):
        self.root = os.path.join(WORK, name)
        for d in ("public", "ledger"):
            os.makedirs(os.path.join(self.root, d))
        self.key = os.path.join(WORK, name + ".key")
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key)
        public = run("openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER").stdout[-32:]
        self.id = hashlib.sha256(NAME.encode() + b"\n\x01" + public).digest()[:4]
        self.put("public/log.vkey", "%s+%s+%s\n" % (NAME, self.id.hex(), base64.b64encode(b"\x01" + public).decode()))
        self.conf(conf)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def put(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def conf(self, text, patience="timeout = 10\nretries = 0\n"):
        self.put("packseal.conf", "[station]\nid = ST03\n[time]\n" + patience + text)

    def note(self, size, more=""):
        text = "%s\n%d\n%s\n" % (NAME, size, base64.b64encode(hashlib.sha256(b"%d" % size).digest()).decode())
        with tempfile.NamedTemporaryFile(dir=WORK) as f:
            f.write(text.encode())
            f.flush()
            sig = run("openssl", "pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", f.name).stdout
        line = "— %s %s\n" % (NAME, base64.b64encode(self.id + sig).decode())
        return text + "\n" + line, text + "\n" + line + more

    def checkpoint(self, size, more=""):
        """Puts a new checkpoint; gives the bytes that a token must cover."""
        stamped, whole = self.note(size, more)
        self.put("ledger/checkpoint", whole)
        return stamped.encode()

    def stamp(self, *args, timeout=60, env=None):
        """Exit status, one object for each authority, standard error."""
        r = run(PACKSEAL, "stamp", "--json", "--root", self.root, *args, timeout=timeout,
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
        return r.returncode, [json.loads(x) for x in r.stdout.decode().splitlines()], r.stderr.decode()

    def tokens(self):
        try:
            return sorted(x for x in os.listdir(self.path("tokens")) if x != ".lock")
        except FileNotFoundError:
            return []


class Tsad:
    def __init__(self, *args):
        self.p = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", "tsad.py"), *args],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = json.loads(self.p.stdout.readline())
        self.url, self.ca, self.dir = said["url"], said["ca"], said["dir"]

    def mode(self, **more):
        urllib.request.urlopen(self.url + "mode", json.dumps({"fail": "", "slow": 0, "times": -1, **more}).encode()).read()

    def count(self):
        return json.loads(urllib.request.urlopen(self.url + "count").read())["count"]

    def conf(self, name=""):
        dot = "." + name if name else ""
        return "authority%s = %s\nca%s = %s\n" % (dot, self.url, dot, self.ca)

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)


def at(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def code_of(token):
    """The freshness code by docs/FORMAT.md section 15 alone: the signature is the last OCTET STRING of such a token."""
    bare = run("openssl", "ts", "-reply", "-in", token, "-token_out", "-out", token + ".bare")
    text = run("openssl", "asn1parse", "-inform", "DER", "-in", token + ".bare").stdout.decode()
    os.unlink(token + ".bare")
    sig = bytes.fromhex(re.findall(r"OCTET STRING\s+\[HEX DUMP\]:([0-9A-F]+)", text)[-1])
    v = int.from_bytes(hashlib.sha256(b"packseal/freshness/v1\0" + sig).digest()[:5], "big")
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[v >> s & 31] for s in range(35, -1, -5)), bare.returncode


def stock(token, data, ca, when=None):
    more = ["-attime", str(when)] if when else []
    with tempfile.NamedTemporaryFile(dir=WORK) as f:
        f.write(data)
        f.flush()
        return run("openssl", "ts", "-verify", "-in", token, "-data", f.name, "-CAfile", ca, *more).returncode == 0


def sound(tsa):
    l = Ledger(tsa.conf(), "sound")
    status, out, err = l.stamp()
    tap.ok(status == 2 and "checkpoint" in err, "without a checkpoint there is nothing to stamp", status, err)
    data = l.checkpoint(130)
    status, out, err = l.stamp()
    tap.ok(status == 0 and len(out) == 1 and out[0]["state"] == "stamped", "a checkpoint is stamped", status, out, err)
    tap.same(l.tokens(), ["000000000130-main"], "its token has a folder of its own")
    folder = l.path("tokens", "000000000130-main")
    tap.same(sorted(os.listdir(folder)), ["chain.pem", "checkpoint", "info", "token.tsr"], "with what proves it")
    tap.same(at(folder, "checkpoint"), at(l.root, "ledger/checkpoint"), "the checkpoint is kept as it was")
    token = os.path.join(folder, "token.tsr")
    tap.ok(stock(token, data, tsa.ca), "openssl ts -verify accepts it")
    tap.ok(stock(token, data, os.path.join(folder, "chain.pem"), int(time.time())), "with the kept chain, at its time, too")
    tap.ok(not stock(token, data + b"x", tsa.ca), "and not for other bytes")
    tap.same(at(folder, "chain.pem").count(b"BEGIN CERTIFICATE"), 3, "the chain is kept up to the root")
    info = json.loads(at(folder, "info"))
    tap.same((info["code"], info["size"], info["authority"], info["token_sha256"], info["anchor_sha256"]),
             (code_of(token)[0], 130, "main", hashlib.sha256(at(token)).hexdigest(),
              hashlib.sha256(run("openssl", "x509", "-in", tsa.ca, "-outform", "DER").stdout).hexdigest()),
             "info tells code, size, authority and digests")
    tap.same((out[0]["code"], out[0]["token"], out[0]["accuracy_us"]), (info["code"], "000000000130-main", 1000000),
             "and so does the answer")
    asked = tsa.count()
    status, out, err = l.stamp()
    tap.ok(status == 0 and out[0]["state"] == "current" and out[0]["age_seconds"] >= 0 and tsa.count() == asked,
           "stamped already: nobody is asked, and the age of the token is told", status, out, err)
    status, out, err = l.stamp("--force")
    tap.ok(status == 0 and out[0]["token"] == "000000000130-main.2" and out[0]["code"] != info["code"],
           "--force makes a further token with a fresh code", status, out, err)
    status, out, _ = l.stamp()
    tap.ok(out[0]["token"] == "000000000130-main.2", "which is the newest from then on", out)
    data = l.checkpoint(131, "— witness.example/w1 %s\n" % base64.b64encode(bytes(76)).decode())
    status, out, err = l.stamp()
    token = l.path("tokens", "000000000131-main", "token.tsr")
    tap.ok(status == 0 and stock(token, data, tsa.ca), "cosignatures are kept beside, not stamped", status, out, err)
    text = run(PACKSEAL, "stamp", "--root", l.root, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout.decode()
    tap.ok("nothing new" in text and "minutes old" in text, "for people in words", text)
    text = run(PACKSEAL, "stamp", "--root", l.root, "--lang", "zh").stdout.decode()
    tap.ok("无新内容" in text, "in Chinese too", text)
    return l


def faults(tsa, l):
    """What an authority may do wrong: told, bounded in time, and nothing is kept."""
    for fail, word in (("http", "HTTP 500"), ("reject", "no quota left"), ("nonce", "another request"),
                       ("imprint", "other bytes"), ("garbage", "no time-stamp"), ("empty", "no time-stamp"),
                       ("large", "larger than"), ("redirect", "not served")):
        tsa.mode(fail=fail)
        l.checkpoint(200)
        before = l.tokens()
        status, out, err = l.stamp()
        tap.ok(status == 1 and out[0]["state"] == "failed" and word in out[0]["error"] and word in err and
               out[0]["age_seconds"] >= 0 and l.tokens() == before,
               "%s: exit 1, says why and how old the newest token is, keeps nothing" % fail, status, out, err)
    tsa.mode(slow=30)
    l.conf(tsa.conf(), "timeout = 1\nretries = 1\n")
    start = time.monotonic()
    status, out, err = l.stamp()
    took = time.monotonic() - start
    tap.ok(status == 1 and "in time" in out[0]["error"] and took < 15, "slow: given up in time", took, status, out, err)
    tsa.mode(fail="http", times=2)
    asked = tsa.count()
    l.conf(tsa.conf(), "timeout = 10\nretries = 2\n")
    status, out, err = l.stamp()
    tap.ok(status == 0 and out[0]["state"] == "stamped" and tsa.count() - asked == 3, "out of order twice: asked a third time",
           status, out, err)
    tsa.mode(fail="nonce")
    asked = tsa.count()
    l.checkpoint(201)
    l.stamp()
    tap.same(tsa.count() - asked, 1, "a lie is not asked for again")
    tsa.mode()


def one_at_a_time(tsa, l):
    l.conf(tsa.conf())
    l.checkpoint(300)
    tsa.mode(slow=30)
    asked = tsa.count()
    first = subprocess.Popen([PACKSEAL, "stamp", "--root", l.root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: tsa.count() > asked, 10)
    status, out, err = l.stamp()
    tap.ok(status == 2 and out == [] and "another packseal stamp" in err, "a second one at the same time stands back", status, err)
    first.send_signal(signal.SIGKILL)
    first.wait()
    tsa.mode()
    os.makedirs(l.path("tokens", ".part"))
    l.put("tokens/.part/token.tsr", "half")
    status, out, err = l.stamp()
    tap.ok(status == 0 and out[0]["token"] == "000000000300-main" and ".part" not in l.tokens(),
           "killed, and with half a token left behind, the next one does it", status, out, err)


def several(tsa, l):
    l.checkpoint(400)
    l.conf("authority.gone = http://user:secret@127.0.0.1:9/\nca.gone = %s\n" % tsa.ca + tsa.conf("here"))
    status, out, err = l.stamp()
    by = {x["authority"]: x for x in out}
    tap.ok(status == 1 and by["gone"]["state"] == "failed" and "code" not in by["gone"] and by["here"]["state"] == "stamped",
           "one authority down, the other stamps all the same", status, out, err)
    tap.ok("secret" not in err and "secret" not in json.dumps(out), "no password is told", err)
    shutil.copy(tsa.ca, l.path("tsa.pem"))
    l.checkpoint(401)
    l.conf("authority.here = %s\nca.here = tsa.pem\n" % tsa.url.replace("//", "//user:secret@"))
    status, out, err = l.stamp()
    tap.ok(status == 0 and b"secret" not in at(l.path("tokens", out[0]["token"], "info")),
           "nor kept; a relative ca lies in the root", status, out, err)
    l.checkpoint(402)
    l.conf("authority = %s\n" % tsa.url)
    status, out, err = l.stamp()
    tap.ok(status == 1 and "configured" in err, "an authority without a certificate to check it is none", status, err)
    l.conf("")
    status, out, err = l.stamp()
    tap.ok(status == 2 and "no time-stamp authority" in err, "no authority: exit 2", status, err)
    l.conf(tsa.conf())
    good = at(l.root, "ledger/checkpoint").decode()
    l.put("ledger/checkpoint", good.replace("\n402\n", "\n403\n"))
    status, out, err = l.stamp()
    tap.ok(status == 2 and "not signed" in err, "a checkpoint that the ledger's key did not sign is not stamped", status, err)


def clocks(tsa):
    """An authority's time that cannot be: far from ours, or before its own last token."""
    l = Ledger(tsa.conf(), "clocks")
    l.checkpoint(10)
    with open(os.path.join(WORK, "shift.c"), "w", encoding="ascii") as f:
        f.write("#define _GNU_SOURCE\n#include <stdlib.h>\n#include <sys/syscall.h>\n#include <time.h>\n#include <unistd.h>\n"
                "int clock_gettime(clockid_t c, struct timespec *t) {\n    long r = syscall(SYS_clock_gettime, c, t);\n"
                "    if (c == CLOCK_REALTIME) t->tv_sec += atol(getenv(\"SHIFT\"));\n    return (int)r;\n}\n"
                "time_t time(time_t *t) {\n    struct timespec s;\n    clock_gettime(CLOCK_REALTIME, &s);\n"
                "    if (t) *t = s.tv_sec;\n    return s.tv_sec;\n}\n")
    lib = os.path.join(WORK, "shift.so")
    run("cc", "-shared", "-fPIC", "-o", lib, os.path.join(WORK, "shift.c"))

    def shifted(seconds):
        return {"LD_PRELOAD": lib, "SHIFT": str(seconds),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    for days in (-2, 2):
        status, out, err = l.stamp(env=shifted(days * 86400))
        tap.ok(status == 1 and "differ by" in err and l.tokens() == [], "clocks two days apart: refused (%+d)" % days, status, err)
    status, out, err = l.stamp(env=shifted(-300))
    tap.ok(status == 0 and re.search("off by (29|30)", err) and 295000 < out[0]["skew_ms"] < 310000, "five minutes apart: stamped, and said",
           status, out, err)
    asked = tsa.count()
    status, out, err = l.stamp(env=shifted(3000))
    tap.ok(status == 0 and out[0]["state"] == "current" and tsa.count() == asked, "50 minutes later: nobody is asked", status, out, err)
    status, out, err = l.stamp(env=shifted(3700))
    tap.ok(status == 0 and out[0]["token"] == "000000000010-main.2" and tsa.count() == asked + 1,
           "an hour later the same checkpoint gets a fresh code", status, out, err)
    l.conf(tsa.conf() + "refresh_minutes = 0\n")
    status, out, err = l.stamp(env=shifted(80000))
    tap.ok(status == 0 and out[0]["state"] == "current", "refresh_minutes = 0: never", status, out, err)
    l.conf(tsa.conf())
    folder = l.path("tokens", "000000000011-main")
    os.makedirs(folder)
    for name in ("late.tsr", "chain.pem"):
        shutil.copy(os.path.join(SRC, "tests", "golden", "v1", "tsa", name), folder)
    os.rename(os.path.join(folder, "late.tsr"), os.path.join(folder, "token.tsr"))
    l.put("tokens/000000000011-main/checkpoint", l.note(11)[1])
    l.checkpoint(12)
    status, out, err = l.stamp()
    tap.ok(status == 1 and "before that of its token" in err, "an authority whose time goes back is refused", status, err)


def spoilt(name, word, *args, good=False, lists=0):
    tsa = Tsad(*args)
    l = Ledger(tsa.conf(), name.replace(" ", "-"))
    data = l.checkpoint(1)
    status, out, err = l.stamp()
    if good:
        folder = l.path("tokens", "000000000001-main")
        tap.ok(status == 0 and at(folder, "chain.pem").count(b"BEGIN X509 CRL") == lists and word in err and
               stock(os.path.join(folder, "token.tsr"), data, tsa.ca), name + ": stamped, %d lists kept" % lists, status, err)
    else:
        tap.ok(status == 1 and word in err and l.tokens() == [], name + ": refused", status, err)
    return tsa, l


tsa = Tsad("--algorithm", "rsa")
ledger = sound(tsa)
faults(tsa, ledger)
one_at_a_time(tsa, ledger)
several(tsa, ledger)
clocks(tsa)
tsa.end()
ledger.checkpoint(500)
status, out, err = ledger.stamp()
tap.ok(status == 1 and "cannot be reached" in err and out[0]["age_seconds"] >= 0, "an authority that is down", status, out, err)

servers = [spoilt("expired certificate", "expired", "--expired")[0],
           spoilt("revoked", "revoked before", "--crl", "superseded")[0],
           spoilt("key compromised", "other hands", "--crl", "compromised")[0],
           spoilt("a list that spares it", "", "--crl", "good", good=True, lists=1)[0]]
stranger = Tsad()
l = Ledger("authority = %s\nca = %s\n" % (stranger.url, servers[3].ca), "stranger")
l.checkpoint(1)
status, out, err = l.stamp()
tap.ok(status == 1 and "no trusted authority" in err and l.tokens() == [], "another authority's certificate", status, err)
os.unlink(os.path.join(servers[3].dir, "sub.crl"))
l = Ledger(servers[3].conf(), "no-list")
l.checkpoint(1)
status, out, err = l.stamp()
tap.ok(status == 0 and "HTTP 404" in err, "a list that cannot be had is missed, and said", status, err)
l.conf(servers[3].conf() + "crl = %s/sub-crl.pem\n" % servers[3].dir)
l.checkpoint(2)
status, out, err = l.stamp()
tap.ok(status == 0 and b"X509 CRL" in at(l.path("tokens", "000000000002-main", "chain.pem")), "or comes from a file", status, err)
for s in servers + [stranger]:
    s.end()
tap.done()
