#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Witnesses of the ledger on loopback: asked by `packseal stamp` and by `packseal run`, sound, lying, down and up again; what
# they say of an old copy and of a fork; and a bundle that carries their word, judged by readers who trust it or do not.
import base64
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundles import Authority, base_of, codes, judge, read_zip, write_bag
from signing import SIGNER, Server, Signing
from station import PACKSEAL, SANITIZED, Station, need_programs, run, tap, wait_for

need_programs()
SCENE = "lavf:lavfi:testsrc2=size=%s:rate=15" % ("160x120" if SANITIZED else "320x240")


def text_of(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


def listed(folder):
    try:
        return sorted(n for n in os.listdir(folder) if n[0] != ".")
    except FileNotFoundError:
        return []


class Witness(Server):
    def __init__(self, *options):
        super().__init__("witnessd.py", *options)
        self.vkey = self.said["vkey"]
        self.name = self.vkey.split("+")[0]

    def mode(self, **more):
        body = json.dumps({"fail": "", "times": -1, "shift": 0, **more}).encode()
        urllib.request.urlopen(self.url + "mode", body).read()

    def ask(self, what):
        return json.loads(urllib.request.urlopen(self.url + what).read())

    def conf(self, name=""):
        dot = "." + name if name else ""
        return "witness%s = %s\nwitness-key%s = %s\n" % (dot, self.url, dot, self.vkey)


def sound(s, w):
    log = s.path("public", "log.vkey")
    origin = text_of(log).split("+")[0]
    s.conf(w.conf())
    s.clip()
    status, out, err = s.stamp()
    tap.ok(status == 0 and len(out) == 1 and out[0]["state"] == "cosigned" and out[0]["cosigned"] == s.size(),
           "a checkpoint is cosigned, without any authority", status, out, err)
    kept = listed(s.path("witness"))
    tap.same(kept, ["%012d-main" % s.size()], "and kept in a file of its own")
    note = text_of(s.path("witness", kept[0]))
    tap.ok(note.startswith(s.checkpoint()) and note.count("\n— ") == 2 and "— %s " % w.name in note,
           "the checkpoint with the witness's line, and no stranger's", note)
    asked = w.ask("count")["count"]
    status, out, err = s.stamp()
    tap.ok(status == 0 and out[0]["state"] == "current" and w.ask("count")["count"] == asked,
           "cosigned already: nobody is asked", status, out, err)
    for _ in range(3):
        s.clip()
    status, out, err = s.stamp()
    tap.ok(status == 0 and out[0]["state"] == "cosigned" and w.ask("state")[origin][0] == s.size() and
           w.ask("count")["count"] == asked + 1, "the ledger has grown: one question with a proof from there", status, out, err)
    w.mode(forget=origin)
    s.clip()
    status, out, err = s.stamp()
    tap.ok(status == 0 and out[0]["state"] == "cosigned" and w.ask("count")["count"] == asked + 3,
           "a witness that has forgotten says so, and is asked once more", status, out, err)
    text = run(PACKSEAL, "stamp", "--root", s.root, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout.decode()
    zh = run(PACKSEAL, "stamp", "--root", s.root, "--lang", "zh").stdout.decode()
    tap.ok("nothing new" in text and "无新内容" in zh, "for people in words, in both languages", text, zh)
    return origin


def faults(s, w):
    """What a witness may do wrong: told, and nothing is kept."""
    s.clip()
    for fail, word in (("http", "HTTP 500"), ("wrong", "witness-key"), ("stranger", "witness-key"), ("other", "witness-key"),
                       ("blank", "format"), ("garbage", "format"), ("large", "larger than"), ("redirect", "not served"),
                       ("stubborn", "contradicts itself"), ("untyped", "does not tell a size"), ("behind", "old copy")):
        w.mode(fail=fail)
        before = listed(s.path("witness"))
        status, out, err = s.stamp()
        tap.ok(status == 1 and out[0]["state"] == "failed" and word in err and out[0]["cosigned"] < s.size() and
               listed(s.path("witness")) == before, "%s: exit 1, says why, keeps nothing" % fail, status, out, err)
    tap.ok("STOP" in err, "one that knows of more than there is: a loud word", err)
    for shift, word in ((2 * 86400, "differ by"), (-2 * 86400, "differ by"), (-3600, "before that of")):
        w.mode(shift=shift)
        status, out, err = s.stamp()
        tap.ok(status == 1 and word in err, "a witness's clock %+d hours off: refused" % (shift // 3600), status, err)
    w.mode(shift=600)
    status, out, err = s.stamp()
    tap.ok(status == 0 and "off by" in err and out[0]["skew_ms"] > 500000, "ten minutes off: kept, and said", status, out, err)
    w.mode(fail="http", times=1)
    s.conf(w.conf(), "timeout = 10\nretries = 1\n")
    w.mode(fail="http", times=1, shift=600)
    s.clip()
    status, out, err = s.stamp()
    tap.ok(status == 0 and out[0]["state"] == "cosigned", "out of order once: asked again", status, out, err)
    s.conf(w.conf())


def strangers(s, origin, work):
    """A witness that was never told of this ledger, or of another key; and one that is down."""
    away, elsewhere = Witness("--name", "witness.example/away", "--seed", "away"), []
    s.conf(away.conf("away"))
    status, out, err = s.stamp()
    tap.ok(status == 1 and "does not know this ledger" in err and "log.vkey" in err, "not registered there: says what to do", err)
    public = hashlib.sha256(b"another key").digest()
    number = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4].hex()
    away.mode(log="%s+%s+%s" % (origin, number, base64.b64encode(b"\x01" + public).decode()))
    status, out, err = s.stamp()
    tap.ok(status == 1 and "does not accept" in err, "registered with another key: refused", err)
    away.mode(log=text_of(s.path("public", "log.vkey")))
    other = Witness("--log", text_of(s.path("public", "log.vkey")).strip(), "--name", "witness.example/w2", "--seed", "w2",
                    "--state", os.path.join(work, "w2.json"))
    s.conf(away.conf("away").replace(away.vkey, other.vkey))
    status, out, err = s.stamp()
    tap.ok(status == 1 and "does not verify by witness-key" in err, "another key configured than the witness has", err)
    port = other.url.rsplit(":", 1)[1].strip("/")
    other.end()
    s.conf(away.conf("away") + other.conf("w2"))
    status, out, err = s.stamp()
    by = {x["witness"]: x["state"] for x in out}
    tap.ok(status == 1 and by == {"away": "cosigned", "w2": "failed"} and "cannot be reached" in err,
           "one down, the other cosigns all the same", status, out, err)
    other = Witness("--log", text_of(s.path("public", "log.vkey")).strip(), "--name", "witness.example/w2", "--seed", "w2",
                    "--state", os.path.join(work, "w2.json"), "--port", port)
    status, out, err = s.stamp()
    by = {x["witness"]: x["state"] for x in out}
    tap.ok(status == 0 and by == {"away": "current", "w2": "cosigned"}, "up again: made up for", status, out, err)
    for one in (away, other):
        one.end()


def copies(s, w):
    """An old copy is put back; it goes on; it is as long as the true one, and longer."""
    s.conf(w.conf())
    w.mode(shift=600)
    s.clip()
    tap.same(s.stamp()[0], 0, "cosigned before the copy")
    s.stop()
    copy = Signing()
    shutil.rmtree(copy.root)
    shutil.copytree(s.root, copy.root, ignore=lambda folder, names: [n for n in names if n.endswith(".sock")])
    s.start()
    s.clip()
    s.clip()
    tap.same(s.stamp()[0], 0, "and the true ledger after it")
    with copy:
        copy.codes = 1000
        copy.clip()
        status, out, err = copy.stamp()
        tap.ok(status == 1 and "old copy of it was put back" in err and "STOP" in err,
               "a copy that is shorter than what the witness knows: old", status, out, err)
        while copy.size() < s.size():
            copy.clip()
        status, out, err = copy.stamp()
        told = "another history" in err if copy.size() >= s.size() else False
        tap.ok(status == 1 and told and "two histories" in err, "as long, or longer: another history (%d, %d)" % (copy.size(), s.size()),
               status, out, err)
        copy.clip()
        status, out, err = copy.stamp()
        tap.ok(status == 1 and "does not extend" in err, "longer: its proof does not hold before the witness", status, out, err)
        name = listed(s.path("witness"))[-1]
        shutil.copy(s.path("witness", name), copy.path("witness", name))
        asked = w.ask("count")["count"]
        status, out, err = copy.stamp()
        tap.ok(status == 1 and "another history" in err and w.ask("count")["count"] == asked,
               "with a cosigned checkpoint of the true one beside it nobody need be asked", status, out, err)
        copy.stop()
        r = run(SIGNER, "--dir", copy.path("signer"), "--allow-unconfined", *(["--no-seccomp"] if SANITIZED else []), timeout=20)
        tap.ok(r.returncode != 0 and "witness/%s: is of another history" % name in r.stderr.decode(),
               "and the signer does not start on it", r.returncode, r.stderr.decode())
    s.clip()
    status, out, err = s.stamp()
    tap.same((status, out[0]["state"]), (0, "cosigned"), "the true ledger goes on")


def trust_file(work, name, station, *lines):
    path = os.path.join(work, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text_of(station.path("public", "trust")).rstrip("\n") + "\n" + "".join(x + "\n" for x in lines))
    return path


def bundle(work):
    """A recorded clip. `packseal run` asks of its own accord, and when somebody wants it."""
    with Authority() as authority, Station({"top": SCENE}) as s:
        w = Witness("--log", text_of(s.path("public", "log.vkey")).strip())
        with open(s.path("packseal.conf"), encoding="utf-8") as f:
            conf = re.sub(r"(?m)^\[time\].*$", "", f.read())
        with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(conf + "\n[time]\nauthority = %s\nca = %s\n" % (authority.url, authority.ca) + w.conf())
        s.start()
        tap.ok(wait_for(lambda: listed(s.path("witness")) and listed(s.path("tokens")), 60),
               "packseal run asks witness and authority when it is ready", s.said())
        s.scan("SF1234567890123")
        wait_for(lambda: False, 3)
        s.stop()
        tap.ok(wait_for(s.clips, 20), "a clip is sealed")
        size = lambda: int(text_of(s.path("ledger", "checkpoint")).split("\n")[1])
        seal = int(os.path.basename(s.clips()[0]).rsplit("-", 1)[1]) + 2
        wait_for(lambda: size() >= seal, 10)
        before, wanted = listed(s.path("witness")), s.path("run", "stamp-wanted")
        with open(wanted, "wb"):
            pass
        tap.ok(wait_for(lambda: listed(s.path("witness")) > before and len(listed(s.path("tokens"))) > 1, 60) and
               not os.path.exists(wanted), "and at once when a time is wanted", s.said())
        kept = listed(s.path("witness"))[len(before)]
        token = next(n for n in listed(s.path("tokens")) if n[:12] == kept[:12])
        tap.ok("— %s " % w.name in text_of(s.path("tokens", token, "checkpoint")), "what is stamped is kept cosigned")
        zipped = os.path.join(work, "bundle.zip")
        r = s.cli("export", "SF1234567890123", "-o", zipped)
        tap.same(r.returncode, 0, "the clip is exported")
        verdicts(work, s, w, authority, zipped)
        status = s.end()
        tap.ok(status == 0 and "stamped" in s.said() and "cosigned" in s.said(), "run ends as it should, and said what was done", status)
        w.end()


def verdicts(work, s, w, authority, zipped):
    anchor, line = "tsa %s" % authority.anchor(), "witness " + w.vkey
    both, alone, none = (trust_file(work, n, s, *x) for n, x in (("both", (anchor, line)), ("alone", (line,)), ("none", ())))
    status, v = judge(zipped, both, "--require", "included,witnessed,not-after,trusted")
    tap.ok(status == 0 and [x["name"] for x in v["witnesses"]] == [w.name] and v["ledger"] == "included",
           "who trusts the witness is told of it", status, v)
    status, v = judge(zipped, alone)
    t = v["witnesses"][0]["time"]
    tap.ok(v["time"]["not_after"] is not None and v["time"]["not_after"] > t and v["time"]["basis"] == "not-after" and t[-5:] == ".000Z",
           "and without any authority its second bounds the clip", v["time"], v["witnesses"])
    status, v = judge(zipped, none, "--require", "witnessed")
    tap.ok(status == 1 and v["witnesses"] == [] and v["time"]["not_after"] is None and "require" in codes(v),
           "to who does not, it says nothing", status, v)
    stranger = Witness("--seed", "another key of this name")
    status, v = judge(zipped, trust_file(work, "stranger", s, "witness " + stranger.vkey))
    stranger.end()
    tap.ok(status == 0 and v["witnesses"] == [] and v["ledger"] == "included", "nor to who trusts another key of that name", status, v)
    for lang, word in (("en", "cosigned by " + w.name), ("zh", "联署 " + w.name)):
        said = run(PACKSEAL, "verify", "--trust", both, "--lang", lang, zipped).stdout.decode()
        tap.ok(word in said, "for people in words: " + lang, said)
    files = read_zip(zipped)
    name = next(n for n in files if n.endswith("/seal.tlog-proof"))
    head, _, last = files[name].decode().rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(last))
    raw[-1] ^= 1
    bent = write_bag(os.path.join(work, "bent.zip"), {**files, name: ("%s %s\n" % (head, base64.b64encode(bytes(raw)).decode())).encode()})
    status, v = judge(bent, both)
    tap.ok(status == 1 and v["ledger"] == "inconsistent" and "proof-invalid" in codes(v) and v["witnesses"] == [],
           "a cosignature that does not verify: no proof, to who trusts the witness", status, v)
    status, v = judge(bent, none)
    tap.ok(status == 0 and v["ledger"] == "included", "to others it is a line like any other", status, v)
    tap.ok(base_of(files) + "data/HOW-TO-VERIFY.txt" in files, "the bundle is whole")


def main():
    work = tempfile.mkdtemp(prefix="packseal-witness.")
    w = None
    try:
        with Signing() as s:
            w = Witness("--log", text_of(s.path("public", "log.vkey")).strip(), "--state", os.path.join(work, "w1.json"))
            origin = sound(s, w)
            faults(s, w)
            strangers(s, origin, work)
            copies(s, w)
            s.conf("")
            status, _, err = s.stamp()
            tap.ok(status == 2 and "no witness" in err, "nobody configured: exit 2", status, err)
        w.end()
        bundle(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
