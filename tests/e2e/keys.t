#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Two merchants, each with a station ST03, before one platform: enrolled into one trust file, clips of an old and a new key
# in one bundle, and a revocation that comes along with it. All by the real programs.
import glob
import json
import os
import sys
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import PACKSEAL, Station, run, tap

FILM = "lavf:lavfi:testsrc2=size=320x240:rate=15"


def done(r, name):
    return tap.ok(r.returncode == 0, name, r.stderr.decode(errors="replace"), r.stdout.decode(errors="replace"))


class Merchant:
    def __init__(self, name, station):
        self.name, self.s, self.at = name, station, os.path.join(station.dir, "office")
        self.word, self.certificates = os.path.join(station.dir, "pass"), []
        with open(self.word, "w", encoding="utf-8") as f:
            f.write("korrekt pferd batterie\n")
        done(run(PACKSEAL, "key", "root", "--merchant", name, "-o", self.at, "--passphrase-file", self.word, "--moderate"), name + ": a root key")

    def by_root(self, command, *args):
        return run(PACKSEAL, "key", command, "--root-key", self.at + "/root.key", "--passphrase-file", self.word, *args)

    def certify(self):
        n = "%s-%d" % (self.at, len(self.certificates))
        run(PACKSEAL, "key", "request", "--root", self.s.root, "-o", n + ".json")
        self.by_root("certify", "--request", n + ".json", "--from", "2026-01-01", "--until", "2099-01-01", "-o", n)
        self.certificates.append(n + "/cert.json")
        done(run(PACKSEAL, "key", "install", "--root", self.s.root, n + "/cert.json"), self.name + ": the station's key is certified")

    def enrol(self):
        certs = [a for c in self.certificates for a in ("--cert", c)]
        done(self.by_root("enrol", *certs, "-o", self.at + "/enrolment.note"), self.name + ": enrolled")
        return self.at + "/enrolment.note"


def record(s, code):
    s.start()
    tap.same(s.scan(code).returncode, 0, "a clip is recorded: " + code)
    time.sleep(3)
    s.stop()
    s.end()


def key_of(s):
    with open(s.path("public", "clip.pub"), encoding="utf-8") as f:
        return f.read().split("\n")[1]


def export(s, name, *codes):
    out = os.path.join(s.dir, name)
    done(run(PACKSEAL, "export", "--root", s.root, *codes, "-o", out), "exported: " + name)
    return out


def answers(bundle, trust):
    r = run(PACKSEAL, "verify", "--json", "--trust", trust, bundle)
    return [(v["clip"], v["content"], v["key"], v["ledger"], [p["code"] for p in v["problems"] if p["code"] != "unauthenticated"])
            for v in map(json.loads, r.stdout.decode().splitlines()) if not v["bundle"]]


def names(bundle):
    with zipfile.ZipFile(bundle) as z:
        return sorted(n.split("/data/keys/")[1] for n in z.namelist() if "/data/keys/" in n)


def main():
    with Station({"top": FILM}) as sa, Station({"top": FILM}) as sb:
        a, b = Merchant("义乌甲商贸", sa), Merchant("义乌乙商贸", sb)
        a.certify()
        b.certify()
        record(sa, "SF1111111111111")
        record(sb, "SF2222222222222")
        first = key_of(sa)
        done(run(PACKSEAL, "key", "rotate", "--root", sa.root), "the first station has a new clip key")
        a.certify()
        record(sa, "SF3333333333333")
        second = key_of(sa)
        tap.ok(first != second, "which is another")

        trust = os.path.join(sa.dir, "platform")
        done(run(PACKSEAL, "trust", "add", a.enrol(), b.enrol(), "--to", trust, "--yes"), "a platform takes both merchants in")
        both, one = export(sa, "both.zip", "SF1111111111111", "SF3333333333333"), export(sb, "one.zip", "SF2222222222222")
        keys = names(both)
        tap.ok(len([n for n in keys if n.startswith("clip") and n.endswith(".pub")]) == 2 and
               len([n for n in keys if n.startswith("cert") and n.endswith(".json")]) == 2, "the bundle brings both keys and certificates", keys)
        with zipfile.ZipFile(both) as z:
            plain = z.read([n for n in z.namelist() if n.endswith("/keys/clip.pub")][0]).decode().split("\n")[1]
        tap.same(plain, second, "the newest clip's by the plain names")
        tap.same([v[1:] for v in answers(both, trust)], [("intact", "trusted", "included", [])] * 2, "clips of both keys are trusted and included")
        tap.same([v[1:] for v in answers(one, trust)], [("intact", "trusted", "included", [])], "so is the other merchant's, of the same station id")
        tap.same([v[2] for v in answers(one, sa.path("public", "trust"))], ["unknown"], "whom the first station's own trust file does not know")

        done(a.by_root("revoke", "--clip-key", first, "--since", "2026-01-01", "--reason", "stolen", "-o", a.at + "/gone"), "the old key is revoked")
        gone = glob.glob(a.at + "/gone/revocation-*.json")
        done(run(PACKSEAL, "key", "install", "--root", sa.root, *gone), "and the station told")
        after = export(sa, "after.zip", "SF1111111111111", "SF3333333333333")
        tap.ok(os.path.basename(gone[0]) in names(after) and os.path.basename(gone[0]) + ".minisig" in names(after), "the revocation comes along", names(after))
        said = answers(after, trust)
        tap.same([(v[2], v[4]) for v in said], [("revoked", ["key-revoked"]), ("trusted", [])], "and revokes clips of its key alone")
        done(run(PACKSEAL, "ledger", "check", "--root", sa.root), "the ledger is in order")
    tap.done()


main()
