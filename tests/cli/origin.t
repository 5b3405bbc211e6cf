#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The ledger's name: made of station and first key, kept for ever, also by stations of the first version, which named
# theirs by the station alone.
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ["PACKSEAL_BUILD"]
PACKSEAL, SIGNER = os.path.join(BUILD, "packseal"), os.path.join(BUILD, "packseal-signer")
UNFILTERED = ["--no-seccomp"] if os.environ.get("PACKSEAL_SAN") else []
tests = failed = 0


def ok(good, name, *more):
    global tests, failed
    tests += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", tests, name), flush=True)
    for m in more if not good else ():
        print("# %s" % str(m).replace("\n", "\n# "), flush=True)


def same(got, wanted, name):
    ok(got == wanted, name, "got:    %r" % (got,), "wanted: %r" % (wanted,))


class Root:
    def __init__(self, work, name):
        self.at = os.path.join(work, name)

    def path(self, name):
        return os.path.join(self.at, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def put(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def init(self):
        r = subprocess.run([PACKSEAL, "init", "--root", self.at, "--station", "ST03"], capture_output=True, check=False)
        assert r.returncode == 0, r.stderr
        return self

    def start(self):
        """Serves until "ready" and ends: its complaint, or nothing."""
        with subprocess.Popen([SIGNER, "--dir", self.path("signer"), *UNFILTERED], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            line = p.stdout.readline()
            p.terminate()
            _out, err = p.communicate()
        return "" if line == b"ready\n" else err.decode() or "it said %r" % line

    def recover(self):
        r = subprocess.run([SIGNER, "--dir", self.path("signer"), "--recover"], capture_output=True, check=False)
        return "" if r.returncode == 0 else r.stderr.decode()

    def origin(self):
        return self.text("ledger/checkpoint").split("\n")[0]

    def key(self):
        return base64.b64decode(self.text("public/log.vkey").rstrip("\n").split("+", 2)[2])[1:]

    def as_of_old(self):
        """What the first version made: no signer/origin, and the public files of the short name."""
        name, key = "packseal.invalid/ST03", self.key()
        number = hashlib.sha256(name.encode() + b"\n\x01" + key).hexdigest()[:8]
        old = "%s+%s+%s" % (name, number, base64.b64encode(b"\x01" + key).decode())
        self.put("public/trust", self.text("public/trust").replace(self.text("public/log.vkey").rstrip("\n"), old))
        self.put("public/log.vkey", old + "\n")
        os.unlink(self.path("signer/origin"))


def new_names(work):
    a, b = Root(work, "a").init(), Root(work, "b").init()
    same(a.start(), "", "a new station serves")
    mark = hashlib.sha256(a.key()).hexdigest()[:16]
    same(a.origin(), "packseal.invalid/ST03/" + mark, "its ledger has the name of station and key")
    same(a.text("signer/origin"), a.origin() + "\n", "which the signer keeps")
    ok(a.text("public/log.vkey").split("+")[0] != b.text("public/log.vkey").split("+")[0], "two stations of one id have two names")
    os.unlink(a.path("signer/origin"))
    found = a.start()
    ok("origin: this ledger is packseal.invalid/ST03, but ledger/checkpoint says packseal.invalid/ST03/" + mark in found,
       "a lost name is not replaced by another", found)
    os.unlink(a.path("ledger/checkpoint"))
    ok("but public/log.vkey says" in a.start(), "not before the first checkpoint either")
    ok("but public/log.vkey says" in a.recover(), "nor by a recovery")
    shutil.copy(b.path("signer/origin"), a.path("signer/origin"))
    ok("is the name of another key's ledger" in a.start(), "nor is another station's name taken")
    a.put("signer/origin", "packseal.invalid/ST03/%s\n" % mark)
    same(a.start(), "", "with its own name it serves again")
    same(a.recover(), "", "begun anew")
    same(a.start(), "", "it serves")
    same(a.origin(), "packseal.invalid/ST03/%s/2" % mark, "under its first name, and a number")
    for wrong in ("packseal.invalid/ST04/%s\n" % mark, "packseal.invalid/ST03/%s/1\n" % mark, "packseal.invalid/ST03/%sx/2\n" % mark[1:],
                  "packseal.invalid/ST03/%s/02\n" % mark, "packseal.invalid/ST03/%s/99999\n" % mark, "other.example/ST03\n", "\n", "x"):
        a.put("signer/origin", wrong)
        ok("origin: is no name of a ledger" in a.start(), "refused: %r" % wrong, a.start())


def old_names(work):
    old = Root(work, "old").init()
    old.as_of_old()
    same(old.start(), "", "a station of the first version serves")
    same(old.origin(), "packseal.invalid/ST03", "its ledger keeps its name")
    same(old.start(), "", "also the next time")
    ok(not os.path.exists(old.path("signer/origin")), "and nothing is written that would change it")
    r = subprocess.run([PACKSEAL, "ledger", "check", "--root", old.at], capture_output=True, check=False)
    same(r.returncode, 0, "its ledger is in order")
    old.put("signer/origin", "packseal.invalid/ST03/%s\n" % hashlib.sha256(old.key()).hexdigest()[:16])
    ok("but ledger/checkpoint says packseal.invalid/ST03:" in old.start(), "a new name for the same ledger is refused")
    os.unlink(old.path("signer/origin"))
    same(old.recover(), "", "begun anew")
    same(old.start(), "", "it serves")
    same(old.origin(), "packseal.invalid/ST03/2", "by its old name, and a number")
    same(old.recover() + old.start() + old.origin(), "packseal.invalid/ST03/3", "and once more")


def main():
    work = tempfile.mkdtemp(prefix="packseal-origin.")
    try:
        new_names(work)
        old_names(work)
    finally:
        shutil.rmtree(work)
    print("1..%d" % tests)
    sys.exit(failed > 0)


main()
