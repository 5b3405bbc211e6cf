#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Time and ledger from outside, through the real programs: a real authority on loopback, two stamps around a clip, a
# bundle that is bounded and included; the same by stock tools; and attacks on the bundle, each with its verdict.
import base64
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from bundles import Authority, base_of, codes, config_of, judge, read_zip, write_bag
from station import SANITIZED, Station, need_programs, run, statement, tap, wait_for

need_programs()
SIZE = "160x120" if SANITIZED else "640x360"
SCENE = "lavf:lavfi:testsrc2=size=%s:rate=15" % SIZE


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def check_proof(text, clip):
    """RFC 6962 by hand: does the leaf lead to the root in the checkpoint? Gives the leaf."""
    head, note = text.split("\n\n", 1)
    lines = head.split("\n")
    leaf = base64.b64decode(next(x for x in lines if x.startswith("extra ")).split(" ", 1)[1])
    index = int(next(x for x in lines if x.startswith("index ")).split(" ", 1)[1])
    path = [base64.b64decode(x) for x in lines if x and " " not in x and not x.startswith("c2sp.org")]
    size, root = int(note.split("\n")[1]), base64.b64decode(note.split("\n")[2])
    fn, sn, h = index, size - 1, leaf_hash(leaf)
    for p in path:
        if fn & 1 or fn == sn:
            h = hashlib.sha256(b"\1" + p + h).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = hashlib.sha256(b"\1" + h + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return leaf, sn == 0 and h == root and index < size


def attacks(files, trust, work, other, anchor):
    """Each changes the bundle and says what the verdict must be."""
    base = base_of(files)
    clip = next(n for n in files if n.endswith("/clip.json"))[:-len("clip.json")]
    tokens = sorted({n.rsplit("/", 1)[0] for n in files if "/tokens/" in n})
    st = json.loads(files[clip + "clip.json"])
    fresh = next(t for t in tokens if hashlib.sha256(files[t + "/token.tsr"]).hexdigest() == st["freshness"]["token_sha256"])
    stamp = next(t for t in tokens if t != fresh)
    n = 0

    def case(name, change, content, time_word, ledger, code, exit_status, trust_file=trust):
        nonlocal n
        n += 1
        changed = dict(files)
        change(changed)
        status, v = judge(write_bag(os.path.join(work, "attack-%d.zip" % n), changed), trust_file)
        tap.same((status, v["content"], v["time"]["basis"], v["ledger"]), (exit_status, content, time_word, ledger), name)
        if code:
            tap.ok(code in codes(v), "%s: told as %s" % (name, code), v["problems"])

    def drop(*names):
        def change(f):
            for x in names:
                del f[x]
        return change

    def put(name, data):
        def change(f):
            f[name] = data
        return change

    def swap(a, b):
        def change(f):
            f[a], f[b] = f[b], f[a]
        return change

    case("bundle made anew, unchanged", lambda f: None, "intact", "bounded", "included", None, 0)
    case("both proofs taken out", drop(clip + "open.tlog-proof", clip + "seal.tlog-proof"), "intact", "not-before",
         "absent", "token-without-ledger", 0)
    case("one proof taken out", drop(clip + "open.tlog-proof"), "intact", "not-before", "inconsistent", "proof-missing", 1)
    case("an empty proof", put(clip + "seal.tlog-proof", b""), "intact", "not-before", "inconsistent", "proof-invalid", 1)
    case("proofs swapped", swap(clip + "open.tlog-proof", clip + "seal.tlog-proof"), "intact", "not-before",
         "inconsistent", "proof-leaf", 1)
    broken = files[clip + "seal.tlog-proof"].replace(b"index ", b"index 1", 1)
    case("the proof's index changed", put(clip + "seal.tlog-proof", broken), "intact", "not-before", "inconsistent", None, 1)
    case("the other clip's proof", put(clip + "seal.tlog-proof", other["seal"]), "intact", "not-before", "inconsistent",
         "proof-leaf", 1)
    case("the stamp taken out", drop(*[x for x in files if x.startswith(stamp + "/")]), "intact", "not-before", "included",
         None, 0)
    case("the freshness token taken out", drop(*[x for x in files if x.startswith(fresh + "/")]), "intact", "not-after",
         "included", "freshness-token", 0)
    case("a stamp of another checkpoint", put(stamp + "/token.tsr", other["token"]), "intact", "not-before", "included",
         "token-other", 0)
    case("a stamp cut off", put(stamp + "/token.tsr", files[stamp + "/token.tsr"][:-40]), "intact", "not-before", "included",
         "token-unreadable", 0)
    flipped = bytearray(files[stamp + "/token.tsr"])
    flipped[-20] ^= 1
    case("a bit of the stamp's signature", put(stamp + "/token.tsr", bytes(flipped)), "intact", "not-before", "included",
         "token-invalid", 0)
    with open(trust, encoding="utf-8") as f:
        untrusted = os.path.join(work, "untrusted")
        with open(untrusted, "w", encoding="utf-8") as g:
            g.write(f.read().replace(anchor, "00" * 32))
    case("an authority that nobody registered", lambda f: None, "intact", "self-declared", "included", "token-untrusted", 0,
         untrusted)
    text = files[clip + "clip.json"].replace(st["freshness"]["code"].encode(), b"00000000")
    case("another freshness code in the statement", put(clip + "clip.json", text), "altered", "self-declared", "absent",
         "statement-broken", 1)


def main():
    work = tempfile.mkdtemp(prefix="packseal-outside.")
    with Authority() as authority, Station({"top": SCENE}) as s:
        config_of(s, authority)
        s.start()
        first = s.cli("stamp", "--json")
        tap.same(first.returncode, 0, "the ledger is stamped before the clip")
        tap.diag(first.stdout.decode()[-400:] + first.stderr.decode()[-400:])
        code = json.loads(first.stdout.decode().splitlines()[0]).get("code", "")
        time.sleep(6)  # the recorder looks for the newest token every few seconds
        s.scan("SF1234567890123")
        time.sleep(3)
        s.scan("YT7654321098765")
        time.sleep(2)
        s.stop()
        tap.ok(wait_for(lambda: len(s.clips()) == 2, 10), "two clips are sealed")
        tap.same(statement(s.clips()[0])["freshness"]["code"], code, "the code of the newest token is in the statement")
        time.sleep(1.5)
        second = s.cli("stamp", "--json")
        tap.same(second.returncode, 0, "and stamped after it")
        trust = os.path.join(work, "trust")
        with open(s.path("public", "trust"), encoding="utf-8") as f, open(trust, "w", encoding="utf-8") as g:
            g.write(f.read().rstrip("\n") + "\ntsa %s name=\"loopback\"\n" % authority.anchor())
        bundle = os.path.join(work, "bundle.zip")
        r = s.cli("export", "SF1234567890123", "-o", bundle)
        tap.same(r.returncode, 0, "the clip is exported")
        status, v = judge(bundle, trust, "--require", "bounded,included,trusted")
        tap.same((status, v["content"], v["key"], v["time"]["basis"], v["ledger"]),
                 (0, "intact", "trusted", "bounded", "included"), "intact, trusted, bounded, included")
        tap.ok(v["time"]["not_before"] < v["time"]["not_after"], "not before lies before not after", v["time"])
        c = statement(s.clips()[0])
        tap.ok(v["time"]["not_before"] <= c["started"]["wall"] and c["ended"]["wall"] <= v["time"]["not_after"],
               "and the clip between them", v["time"], c["started"], c["ended"])

        files = read_zip(bundle)
        clip = next(n for n in files if n.endswith("/clip.json"))[:-len("clip.json")]
        folder = os.path.join(work, "unzipped")
        with zipfile.ZipFile(bundle) as z:
            z.extractall(folder)
        at = os.path.join(folder, base_of(files))
        tap.same(run("sha256sum", "--quiet", "-c", "manifest-sha256.txt", cwd=at).returncode, 0, "sha256sum agrees")
        r = run("minisign", "-V", "-H", "-p", os.path.join(at, "data/keys/clip.pub"), "-m", os.path.join(folder, clip, "clip.json"))
        tap.same(r.returncode, 0, "minisign agrees")
        for name in ("open", "seal"):
            leaf, good = check_proof(files[clip + name + ".tlog-proof"].decode(), c)
            tap.ok(good, "RFC 6962 by hand: the %s leaf is in the checkpoint" % name)
        tap.same(leaf[108:140], hashlib.sha256(files[clip + "clip.json"]).digest(), "and it seals this statement")
        note = files[clip + "seal.tlog-proof"].split(b"\n\n", 1)[1]
        text, signatures = note.split(b"\n\n", 1)
        stamped = text + b"\n\n" + signatures.split(b"\n")[0] + b"\n"
        with open(os.path.join(work, "stamped"), "wb") as f:
            f.write(stamped)
        good = []
        for t in sorted({n.rsplit("/", 1)[0] for n in files if "/tokens/" in n}):
            r = run("openssl", "ts", "-verify", "-in", os.path.join(folder, t, "token.tsr"), "-data", os.path.join(work, "stamped"),
                    "-CAfile", authority.ca, "-untrusted", os.path.join(folder, t, "chain.pem"), "-attime", str(int(time.time())))
            good.append(r.returncode == 0)
        tap.ok(True in good, "openssl ts -verify agrees with one of the tokens", good)

        other_zip = os.path.join(work, "other.zip")
        s.cli("export", "YT7654321098765", "-o", other_zip)
        other_files = read_zip(other_zip)
        # A token of a third checkpoint, which stamps neither clip's proofs.
        s.scan("JDVA00123456789")
        time.sleep(1)
        s.stop()
        time.sleep(1.5)
        s.cli("stamp")
        newest = sorted(os.listdir(s.path("tokens")))
        newest = [n for n in newest if os.path.isdir(s.path("tokens", n)) and not n.startswith(".")][-1]
        with open(s.path("tokens", newest, "token.tsr"), "rb") as f:
            token = f.read()
        other = {"seal": next(p for n, p in other_files.items() if n.endswith("seal.tlog-proof")), "token": token}
        attacks(files, trust, work, other, authority.anchor())
    shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
