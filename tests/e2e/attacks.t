#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Each attack of docs/THREATS.md played for real, on one recording: what was done, who notices, and the answer, as one
# table. The table in docs/THREATS.md must be the one that is found here. `--table` prints that table alone.
import contextlib
import glob
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import hostile
from authority import tlv, oid
from bundles import Authority, config_of, judge, read_zip, write_bag
from film import Film
from seal import Key, chain, minisig, write
from signing import SIGNER
from station import PACKSEAL, SANITIZED, SRC, Station, mjpeg_film, need_programs, run, tap, wait_for

A, B, C = "SF1234567890123", "YT7654321098765", "JDVA00123456789"
FAST, WRONG = "SF2000000000001", "SF2000000000002"
THREATS = os.path.join(SRC, "docs", "THREATS.md")
BEGIN, END = "<!-- attacks: `make attacks` prints this table -->", "<!-- end of attacks -->"
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"  # Debian's libfaketime

GOOD = "intact, trusted, bounded, included"
SENTENCE = ("“When the scene happened: the bounds are about when these encoded bytes were made, and a dishonest station can "
            "lay a fresh code over old film.”")
ATTACKS = ["leaf removed", "leaf swapped", "two heads of one size", "old backup restored", "clip folder deleted",
           "clock set back mid-clip",
           "token of another checkpoint", "token by an untrusted authority", "unsigned attributes added to a token",
           "freshness code that does not match", "statement re-signed by a second key", "film fed faster than real time",
           "segment replayed from another clip", "old film with a valid fresh code"]


class Table:
    """Rows of: what was done, who notices, answer, exit status; by attack, in the order of ATTACKS."""

    def __init__(self):
        self.rows, self.attack = {a: [] for a in ATTACKS}, None

    def begin(self, name):
        self.attack = name

    def row(self, done, who, found, wanted):
        """found and wanted: (answer, exit status)."""
        tap.same(tuple(found), tuple(wanted), "%s: %s: %s" % (self.attack, done, who))
        self.rows[self.attack].append([done, who, found[0], str(found[1])])

    def text(self):
        lines = [["attack", "what was done", "who notices", "answer", "exit"], ["---"] * 5]
        for attack, rows in self.rows.items():
            lines += [[attack if i == 0 else "", *r] for i, r in enumerate(rows)]
        return "\n".join("| " + " | ".join(x) + " |" for x in lines) + "\n"


table = Table()


# ---- who answers

def by_verify(path, trust):
    """The four answers, and the codes of the problems."""
    status, v = judge(path, trust)
    problems = sorted({p["code"] for p in v["problems"]})
    return "%s, %s, %s, %s%s" % (v["content"], v["key"], v["time"]["basis"], v["ledger"],
                                 ": " + " ".join("`%s`" % p for p in problems) if problems else ""), status


def by_check(root):
    r = run(PACKSEAL, "ledger", "check", "--root", root, "--json")
    found = sorted({json.loads(x)["problem"] for x in r.stdout.decode().splitlines() if '"problem"' in x})
    return " ".join("`%s`" % p for p in found) or "no problem", r.returncode


def by_compare(root, a, b):
    r = run(PACKSEAL, "ledger", "compare", a, b, "--key", os.path.join(root, "public", "log.vkey"), "--json")
    return "`%s`" % json.loads(r.stdout.decode().splitlines()[0])["result"] if r.stdout else r.stderr.decode(), r.returncode


class Signer:
    """The real signer on a root, without a recorder. said: "ready", or why it does not start."""

    def __init__(self, root):
        self.root = root
        self.p = subprocess.Popen([SIGNER, "--dir", os.path.join(root, "signer"), "--allow-unconfined",
                                   *(["--no-seccomp"] if SANITIZED else [])],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = self.p.stdout.readline().decode().strip()
        if self.said != "ready":
            lines = self.p.communicate()[1].decode().splitlines()
            self.said = next((x for x in lines if "--no-seccomp" not in x), "nothing said")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def recorder(self):
        return hostile.Recorder(os.path.join(self.root, "run", "signer.sock"))

    def stop(self):
        if self.p.poll() is None:
            self.p.terminate()
        self.p.communicate(timeout=30)
        return self.p.returncode


def by_start(root):
    with Signer(root) as s:
        said = s.said
        status = s.stop()
    if said == "ready":
        return "starts", status
    parts = said.split(": ")
    reason = parts[-2] if len(parts) > 3 else said[len("packseal-signer: "):]
    return "does not start: " + re.sub(r"[0-9]+", "N", reason), status


# ---- the ledger

def entries(root):
    with open(os.path.join(root, "ledger", "entries"), "rb") as f:
        data = f.read()
    out = []
    while data:
        n = int.from_bytes(data[:2], "big")
        out.append(data[2:2 + n])
        data = data[2 + n:]
    return out


def put_entries(root, leaves):
    with open(os.path.join(root, "ledger", "entries"), "wb") as f:
        f.write(b"".join(len(x).to_bytes(2, "big") + x for x in leaves))


def size(root):
    with open(os.path.join(root, "ledger", "checkpoint"), encoding="utf-8") as f:
        return int(f.read().split("\n")[1])


def copy(work, root, name):
    """The station as a disk image has it."""
    out = os.path.join(work, name)
    shutil.copytree(root, out, ignore=shutil.ignore_patterns("run", "*.sock"))
    return out


def tokens_of(root):
    """The folders, by the size of what they stamp."""
    folder = os.path.join(root, "tokens")
    return [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if not n.startswith(".")]


def token_file(root):
    return os.path.join(tokens_of(root)[-1], "token.tsr")


def stamped(root):
    """Is the whole ledger in its checkpoint, and that stamped?"""
    return wait_for(lambda: size(root) == len(entries(root)), 10) and \
        run(PACKSEAL, "stamp", "--root", root).returncode == 0


def append(root, text, n=1):
    """Leaves (of the station's health) that say nothing but that this history is another one."""
    with Signer(root) as s, s.recorder() as r:
        for i in range(n):
            r.append(8, hashlib.sha256(b"%s %d" % (text, i)).digest(), struct.pack(">IIHBB", 3600, 100000, 0, 1, 1))


def ledger_attacks(work, old, now, platform):
    """old: the root at noon. now: the same in the evening. platform: a checkpoint of the evening that somebody kept."""
    table.begin("leaf removed")
    x = copy(work, old, "removed")
    leaves = entries(x)
    put_entries(x, leaves[:2] + leaves[3:])
    table.row("an entry cut out of `ledger/entries`", "`packseal ledger check`", by_check(x), ("`entry-broken`", 1))
    table.row("the same", "the signer's start", by_start(x), ("does not start: ledger entry N: says that it is entry N", 1))
    table.begin("leaf swapped")
    x = copy(work, old, "swapped")
    put_entries(x, leaves[:2] + [leaves[3], leaves[2]] + leaves[4:])
    table.row("two neighbouring entries exchanged", "`packseal ledger check`", by_check(x), ("`entry-broken`", 1))
    table.row("the same", "the signer's start", by_start(x), ("does not start: ledger entry N: says that it is entry N", 1))

    table.begin("two heads of one size")
    x, y = copy(work, old, "one"), copy(work, old, "two")
    for r in (x, y):  # else the bundle's proofs would end in a checkpoint from before
        for token in tokens_of(r)[1:]:
            shutil.rmtree(token)
    append(x, b"for one audience")
    append(y, b"for another")
    tap.same(size(x), size(y), "two ledgers of one size")
    heads = [os.path.join(r, "ledger", "checkpoint") for r in (x, y)]
    table.row("the station's disk copied, each copy went on alone", "`packseal ledger compare`", by_compare(old, *heads),
              ("`fork`", 1))
    table.row("the same", "`packseal ledger check` of one copy alone", by_check(x), ("no problem", 0))
    tap.ok(stamped(x) and stamped(y), "both are stamped")
    files = [export(r, A, os.path.join(work, "head-%d.zip" % i)) for i, r in enumerate((x, y))]
    name = next(n for n in files[0] if n.endswith("/seal.tlog-proof"))
    files[0][name] = files[1][name]
    table.row("a bundle with one proof from each copy", "`packseal verify`",
              by_verify(write_bag(os.path.join(work, "heads.zip"), files[0]), os.path.join(now, "public", "trust")),
              ("intact, trusted, not-before, inconsistent: `proof-fork` `token-without-ledger`", 1))

    table.begin("old backup restored")
    x = copy(work, now, "restored")
    for d in ("signer", "ledger"):
        shutil.rmtree(os.path.join(x, d))
        shutil.copytree(os.path.join(old, d), os.path.join(x, d))
    table.row("keys and ledger of noon put back, newer clips and tokens still there", "the signer's start", by_start(x),
              ("does not start: an old copy was restored", 1))
    table.row("the same", "`packseal ledger check`", by_check(x), ("`checkpoint-ahead` `clip-unknown`", 1))
    x = copy(work, old, "forgotten")
    table.row("everything of noon put back: no memory outside", "the signer's start: **not noticed**", by_start(x),
              ("starts", 0))
    table.row("the same", "`packseal ledger check`: **not noticed**", by_check(x), ("no problem", 0))
    mine = os.path.join(x, "ledger")
    table.row("the same, and a platform kept a later checkpoint", "`packseal ledger compare`, while the ledger is shorter",
              by_compare(old, mine, platform), ("`unknown`", 2))
    with open(platform, encoding="utf-8") as f:
        append(x, b"instead", int(f.read().split("\n")[1]) - size(x) + 1)
    table.row("the station went on from there", "`packseal ledger compare`", by_compare(old, mine, platform), ("`fork`", 1))
    table.row("the same", "`packseal ledger check`: **not noticed**", by_check(x), ("no problem", 0))

    table.begin("clip folder deleted")
    x = copy(work, old, "deleted")
    shutil.rmtree(folder_of(x, 0))
    table.row("a sealed clip's folder removed by hand", "`packseal ledger check`", by_check(x), ("`clip-missing`", 1))


def folder_of(root, n):
    found = []
    for at, _folders, names in os.walk(os.path.join(root, "clips")):
        if "clip.json" in names and ".part" not in at:
            found.append(at)
    return sorted(found, key=lambda f: int(f.rsplit("-", 1)[1]))[n]


def export(root, code, path):
    with Signer(root) as s:
        r = run(PACKSEAL, "export", "--root", root, code, "-o", path)
    tap.same((s.said, r.returncode), ("ready", 0), "%s is exported" % os.path.basename(path))
    return read_zip(path)


# ---- the bundle

def with_unsigned_attribute(answer):
    """A time-stamp answer whose SignerInfo has got an unsigned attribute: it, and each box around it, is the last of its box."""
    def last(der, depth):
        n, at = der[1], 2
        if n & 128:
            at += n & 127
        body, parts = der[at:], []
        if depth == 0:
            text = tlv(0x30, oid("1.2.840.113549.1.9.16.2.4"), tlv(0x31, tlv(0x30, tlv(0x0c, b"nothing to see"))))
            return tlv(der[0], body, tlv(0xa1, text))
        while body:
            n, at = body[1], 2
            if n & 128:
                at += n & 127
                n = int.from_bytes(body[2:at], "big")
            parts.append(body[:at + n])
            body = body[at + n:]
        return tlv(der[0], *parts[:-1], last(parts[-1], depth - 1))
    return last(answer, 5)  # TimeStampResp > ContentInfo > [0] > SignedData > SET > SignerInfo


def stamp_by(authority, work, data):
    """Token and chain of an authority, over these bytes."""
    path = os.path.join(work, "stamped")
    with open(path, "wb") as f:
        f.write(data)
    query = run("openssl", "ts", "-query", "-data", path, "-sha256", "-cert").stdout
    ask = urllib.request.Request(authority.url, query, {"Content-Type": "application/timestamp-query"})
    with urllib.request.urlopen(ask, timeout=30) as r:
        token = r.read()
    with open(authority.ca, "rb") as f:
        return token, f.read()


class Bundle:
    """An exported bundle, to be bent."""

    def __init__(self, work, files, trust):
        self.work, self.files, self.trust, self.n = work, files, trust, 0
        self.clip = next(n for n in files if n.endswith("/clip.json"))[:-len("clip.json")]
        self.c = json.loads(files[self.clip + "clip.json"])
        tokens = sorted({n.rsplit("/", 1)[0] for n in files if "/tokens/" in n})
        digest = self.c["freshness"]["token_sha256"]
        self.fresh = next(t for t in tokens if hashlib.sha256(files[t + "/token.tsr"]).hexdigest() == digest)
        self.stamp = next(t for t in tokens if t != self.fresh)

    def bent(self, done, wanted, changes, trust=None):
        self.n += 1
        path = write_bag(os.path.join(self.work, "%s-%d.zip" % (table.attack.split()[0], self.n)), {**self.files, **changes})
        table.row(done, "`packseal verify`", by_verify(path, trust or self.trust), wanted)


def bundle_attacks(work, a, b, third, rogue):
    """a, b: bundles. third: a token of a checkpoint that neither holds. rogue: an authority that nobody registered."""
    token = a.stamp + "/token.tsr"
    table.begin("token of another checkpoint")
    a.bent("the bundle's stamp exchanged for one over a later checkpoint",
           ("intact, trusted, not-before, included: `token-other`", 0), {token: third})
    table.begin("token by an untrusted authority")
    note = a.files[a.clip + "seal.tlog-proof"].split(b"\n\n", 1)[1]
    text, signatures = note.split(b"\n\n", 1)
    false, chain_pem = stamp_by(rogue, work, text + b"\n\n" + signatures.split(b"\n")[0] + b"\n")
    a.bent("the bundle's stamp exchanged for one over the same bytes, by an authority of the merchant's own",
           ("intact, trusted, not-before, included: `token-untrusted`", 0),
           {token: false, a.stamp + "/chain.pem": chain_pem})
    table.begin("unsigned attributes added to a token")
    a.bent("one added to the stamp in the bundle", (GOOD, 0), {token: with_unsigned_attribute(a.files[token])})
    fresh = a.fresh + "/token.tsr"
    a.bent("one added to the freshness token in the bundle",
           ("intact, trusted, not-after, included: `freshness-token` `token-other`", 0),
           {fresh: with_unsigned_attribute(a.files[fresh])})

    table.begin("statement re-signed by a second key")
    other = Key("a second key")
    raw, name = a.files[a.clip + "clip.json"], a.clip + "clip.json"
    a.bent("`clip.json.minisig` made by another key", ("altered, unknown, self-declared, absent: `signature-key`", 1),
           {name + ".minisig": minisig(other, raw, comment_of(a))})
    c = {**a.c, "key": other.text, "operator": a.c["operator"]}
    raw = write(c)
    pub = next(n for n in a.files if n.endswith("/clip.pub"))
    a.bent("the statement names that key, and the bundle holds it",
           ("intact, unknown, not-before, inconsistent: `proof-leaf` `token-without-ledger`", 1),
           {name: raw,
            name + ".minisig": minisig(other, raw, comment_of(a).rsplit(" ", 1)[0] + " " + hashlib.sha256(raw).hexdigest()),
            pub: other.file})

    table.begin("segment replayed from another clip")
    film, alien = (Film(x.files[x.clip + "top.mp4"]) for x in (a, b))
    runs = film.segments()
    spliced = film.made_of(sum(runs[:1] + alien.segments()[:1] + runs[2:], []))
    a.bent("a segment of the film exchanged for one of another clip",
           ("altered, trusted, bounded, included: `manifest-unchecked` `segment-foreign`", 1), {a.clip + "top.mp4": spliced})


def comment_of(bundle):
    return bundle.files[bundle.clip + "clip.json.minisig"].decode().split("\n")[2].split(": ", 1)[1]


# ---- a recorder that cheats

def no_to(what):
    """The signer's answer to something that it should refuse."""
    try:
        what()
    except hostile.Refused as r:
        return "REFUSED %s: %s" % (r.reason, re.sub(r"^.*?: ", "", r.text)), "–"
    return "taken", "–"


def feed_fast(r, root, folder, alien):
    """The film of a clip that lies there, told at once. The folder of the clip that comes of it."""
    table.begin("film fed faster than real time")
    c, late, refusal = hostile.invent(r, folder, FAST)
    table.row("records of a film told at once, by a recorder that speaks docs/PROTOCOL.md",
              "the signer, at the first record ahead",
              ("REFUSED %s" % refusal.reason, "–"), ("REFUSED AHEAD", "–"))
    tap.ok(late == list(range(late[0], len(c["tracks"][0]["segments"]))), "and what follows is late as well", late)
    lie = json.loads(write(c))
    lie["tracks"][0]["unwitnessed"] = []
    table.row("told again as late, and a statement that calls them witnessed", "the signer, at the seal",
              no_to(lambda: r.seal(c["clip"], write(lie))),
              ("REFUSED STATEMENT: came late and must be listed as unwitnessed", "–"))
    table.begin("segment replayed from another clip")
    lie = json.loads(write(c))
    t = lie["tracks"][0]
    t["segments"][0] = alien
    t["head"] = chain(bytes.fromhex(c["open_leaf"]), [bytes.fromhex(x) for x in t["segments"]]).hex()
    table.row("a statement with a record of another clip in the place of one that was told", "the signer, at the seal",
              no_to(lambda: r.seal(c["clip"], write(lie))), ("REFUSED STATEMENT: is not the one that was journaled", "–"))
    return hostile.publish(root, folder, c, r.seal(c["clip"], write(c)))


def wrong_code(r, root, folder):
    def change(c):
        c["freshness"]["code"] = "00000000"
    c, _late, _refusal = hostile.invent(r, folder, WRONG, change, patient=True)
    hostile.publish(root, folder, c, r.seal(c["clip"], write(c)))


# ---- the clock, set back while a clip runs

def record_with_step(s, work):
    """A clip in the middle of which CLOCK_REALTIME goes back by an hour, for all programs of the station; the other clocks
    go on, as they do when somebody sets the time."""
    library = glob.glob(FAKETIME)
    if not tap.ok(library, "libfaketime is there: run: make deps-check"):
        return False
    clock = os.path.join(work, "clock")
    with open(clock, "w", encoding="ascii") as f:
        f.write("+0\n")
    s.start(more=["--unconfined"],
            env={"LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_CACHE_DURATION": "1",
                                        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                                        "ASAN_OPTIONS": "verify_asan_link_order=0"})
    s.scan(C)
    time.sleep(2.5)
    with open(clock, "w", encoding="ascii") as f:
        f.write("-3600\n")
    found = wait_for(lambda: 7 in [kind for kind, _i, _s in s.leaves()], 30)
    time.sleep(1)
    tap.same(s.stop().returncode, 0, "the clip ends after the clock was set back")
    s.end()
    return found


def steps(root, clip):
    """Seconds of the clock-step leaves between a clip's opening and its end."""
    leaves = entries(root)
    end = next(i for i, x in enumerate(leaves) if x[4] == 3 and int.from_bytes(x[32:40], "big") == clip)
    return [round(int.from_bytes(x[142:150], "big", signed=True) / 1e9) for x in leaves[clip:end] if x[4] == 7]


# ---- what the report says

class Text(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts = []

    def handle_data(self, data):
        self.parts.append(data)


def sentence_of(s, clip):
    """Sentence 2 of what the evidence does not prove, in English, as it stands in a report made of this clip."""
    out = os.path.join(s.dir, "report")
    r = s.cli("report", clip, "-o", out, "--lang", "en", timeout=300)
    page = Text()
    with open(os.path.join(out, "report.html"), encoding="utf-8") as f:
        page.feed(f.read())
    found = [re.sub(r"\s+", " ", p).strip() for p in page.parts if "old film" in p]
    return found[0] if found and r.returncode == 0 else r.stderr.decode()


def record(work, s, authority):
    """Two clips of a film that lay there before, stamped before and after; their bundles, the trust file, and a token of
    a later checkpoint."""
    config_of(s, authority)
    with Signer(s.root) as signer:
        tap.same(signer.said, "ready", "the signer is there")
    tap.same(s.cli("stamp").returncode, 0, "the ledger is stamped before the clips")
    with open(s.path("public", "trust"), "a", encoding="utf-8") as f:
        f.write("tsa %s name=\"loopback\"\n" % authority.anchor())
    s.start()
    s.scan(A)
    time.sleep(6)
    s.scan(B)
    time.sleep(3.5)
    tap.same(s.stop().returncode, 0, "two clips are recorded")
    tap.ok(stamped(s.root), "and stamped")
    files = []
    for code in (A, B):
        path = os.path.join(work, code + ".zip")
        tap.same(s.cli("export", code, "-o", path).returncode, 0, "and exported")
        files.append(read_zip(path))
    s.end()
    append(s.root, b"something later")
    said = s.cli("stamp", "--json")
    return files, json.loads(said.stdout.decode().splitlines()[0])["code"]


def old_film(work, s, trust):
    table.begin("old film with a valid fresh code")
    table.row("a film from before the token existed, played to the recorder, which lays the fresh code over it",
              "`packseal verify`: **not noticed**", by_verify(os.path.join(work, A + ".zip"), trust), (GOOD, 0))
    table.row("the same", "the report, sentence 2 of what it does not prove", ("“%s”" % sentence_of(s, A), "–"),
              (SENTENCE, "–"))


def evening(work, s, a, b, trust, code):
    """The clock, the code that must not move, and the recorder that cheats: clips of the evening."""
    with open(token_file(s.root), "rb") as f:
        token = f.read()
    with open(token_file(s.root), "wb") as f:
        f.write(with_unsigned_attribute(token))
    tap.ok(record_with_step(s, work), "the ledger says that the clock was set")
    folder = folder_of(s.root, 0)
    with Signer(s.root) as signer, signer.recorder() as r:
        feed_fast(r, s.root, folder, b.c["tracks"][0]["segments"][0])
        wrong_code(r, s.root, folder_of(s.root, 1))
    tap.same((s.cli("reindex").returncode, s.cli("stamp").returncode), (0, 0), "the evening's clips are found, and stamped")
    files = {c: export(s.root, c, os.path.join(work, c + ".zip")) for c in (C, FAST, WRONG)}
    c = next(json.loads(p) for n, p in files[C].items() if n.endswith("/clip.json"))

    table.begin("unsigned attributes added to a token")
    said = "same code" if c["freshness"]["code"] == code else "another code: %s" % c["freshness"]["code"]
    table.row("one added to the station's newest token before a clip", "the recorder reads the code", (said, "–"),
              ("same code", "–"))
    table.row("the clip that bears it (its clock was set back, too)", "`packseal verify`",
              by_verify(os.path.join(work, C + ".zip"), trust), (GOOD + ": `clock-step`", 0))
    table.begin("freshness code that does not match")
    table.row("a recorder that cheats opens a clip with a code of its own", "`packseal verify`",
              by_verify(os.path.join(work, WRONG + ".zip"), trust),
              ("intact, trusted, not-after, included: `freshness-mismatch`", 0))
    table.begin("film fed faster than real time")
    table.row("sealed with what was late listed as such", "`packseal verify`",
              by_verify(os.path.join(work, FAST + ".zip"), trust), (GOOD + ": `segments-unwitnessed`", 0))
    table.begin("clock set back mid-clip")
    table.row("all programs' clock set back by 3600 s while the clip runs", "the ledger: a clock-step leaf within the clip",
              ("; ".join("%d s" % x for x in steps(s.root, c["clip"])), "–"), ("-3600 s", "–"))
    table.row("the same", "`packseal ledger check`", by_check(s.root), ("no problem", 0))
    backwards = c["ended"]["wall"] < c["started"]["wall"] and c["ended"]["boot_ms"] > c["started"]["boot_ms"]
    table.row("the same", "the statement: ends before it starts by the wall clock, not by the boot clock",
              ("yes" if backwards else "no", "–"), ("yes", "–"))
    table.row("the same", "`packseal verify`: the bounds from outside stand",
              by_verify(os.path.join(work, C + ".zip"), trust), (GOOD + ": `clock-step`", 0))


def play(work, s, authority, rogue):
    (a, b), code = record(work, s, authority)
    trust = os.path.join(work, "trust")
    shutil.copy(s.path("public", "trust"), trust)
    a, b = Bundle(work, a, trust), Bundle(work, b, trust)
    with open(token_file(s.root), "rb") as f:
        third = f.read()
    old = copy(work, s.root, "noon")
    old_film(work, s, trust)
    bundle_attacks(work, a, b, third, rogue)
    evening(work, s, a, b, trust, code)
    ledger_attacks(work, old, s.root, os.path.join(folder_of(s.root, -1), "checkpoint"))


def check_page(text):
    with open(THREATS, encoding="utf-8") as f:
        page = f.read()
    if "--write" in sys.argv:
        page = page[:page.index(BEGIN) + len(BEGIN)] + "\n\n" + text + "\n" + page[page.index(END):]
        with open(THREATS, "w", encoding="utf-8") as f:
            f.write(page)
    there = page[page.index(BEGIN) + len(BEGIN):page.index(END)].strip() if BEGIN in page else ""
    tap.same(there.splitlines(), text.strip().splitlines(), "docs/THREATS.md shows this table")


def quietly(what):
    """Runs it; of what it said only what failed is told."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            what()
    finally:
        lines = said.getvalue().splitlines()
        print("\n".join([x for i, x in enumerate(lines) if x.startswith(("not ok", "Bail")) or x.startswith("#") and
                         any(y.startswith("not ok") for y in lines[max(0, i - 2):i])] + [table.text()]))


def main():
    need_programs()
    work = tempfile.mkdtemp(prefix="packseal-attacks.")
    try:
        film = mjpeg_film(os.path.join(work, "old.avi"), size="160x120" if SANITIZED else "320x240", fps=15, seconds=6)
        with Authority() as authority, Authority() as rogue, Station({"top": "lavf:" + film}) as s:
            play(work, s, authority, rogue)
    finally:
        if os.environ.get("KEEP"):
            tap.diag("kept: " + work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    tap.diag(table.text())
    check_page(table.text())
    tap.done()


if "--table" in sys.argv:
    quietly(main)
else:
    main()
