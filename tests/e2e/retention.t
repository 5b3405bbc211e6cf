#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# What may go goes, by age and by hand, with an entry of the ledger first; what is held, changed, not stamped or not copied
# stays; and what was removed is told wherever it is asked for. Room on a small disk: tests/faults/retention-disk.t.
import ctypes
import glob
import hashlib
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import PACKSEAL, Station, run, tap, wait_for

FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [""])[0]
if not FAKETIME:
    print("Bail out! libfaketime is missing: run: make deps-check")
    sys.exit(1)


def clock_is_synchronised():
    """What the kernel says (adjtimex(2)): `status` is the sixth field of struct timex."""
    timex = ctypes.create_string_buffer(512)
    ctypes.CDLL(None).ntp_adjtime(timex)
    return not ctypes.c_int.from_buffer(timex, 5 * ctypes.sizeof(ctypes.c_long)).value & 0x40


def configure(s, text):
    with open(s.path("packseal.conf"), encoding="utf-8") as f:
        kept = re.sub(r"(?ms)^\[(retention|time)\].*", "", f.read())
    with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
        f.write(kept + text)


def prune(s, *args, days=0):
    """(exit status, a dict of the clips that were told, the sum)"""
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    if days:
        # A sanitizer wants to be the first of the preloaded libraries; it need not be, if told so.
        env.update(LD_PRELOAD=FAKETIME, FAKETIME="+%dd" % days, FAKETIME_DONT_FAKE_MONOTONIC="1",
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    r = run(PACKSEAL, "prune", "--root", s.root, "--json", *args, env=env)
    lines = [json.loads(line) for line in r.stdout.decode().splitlines()]
    if r.returncode not in (0, 1) or not lines:
        tap.diag(r.stderr.decode(errors="replace"))
        return r.returncode, {}, {}
    return r.returncode, {x["clip"]: x for x in lines if "clip" in x}, lines[-1]


def did(told):
    return {int(clip.split("-")[1]): (x["did"], x["reason"]) for clip, x in told.items()}


def audit(s):
    r = s.cli("ledger", "check", "--json")
    return r.returncode, json.loads(r.stdout.decode().splitlines()[-1])


def tree(path):
    return sorted(os.path.relpath(os.path.join(d, f), path) for d, _, files in os.walk(path) for f in files)


def name(number):
    return "ST03-%07d" % number


RULES = "[retention]\ntrust_clock = yes\nreserve_mb = 0\nreserve_percent = 0\n"
CODES = ["SF1234567890123", "SF1234567890123", "YT7654321098765", "YT7654321098766", "YT7654321098767", "YT7654321098768"]

with Station({"top": "lavf:lavfi:testsrc2=size=320x240:rate=15"}, settings={"min_free_mb": 1}) as s:
    s.start()
    for code in CODES:
        s.scan(code)
        s.stop()
    folders = s.clips()
    n = [int(f.rsplit("-", 1)[1]) for f in folders]
    tap.same(len(n), len(CODES), "six clips, two of one order")

    # ---- nothing is due
    configure(s, RULES)
    tap.same(prune(s)[:2], (0, {}), "young clips stay")
    configure(s, RULES.replace("trust_clock = yes\n", ""))
    status, told, total = prune(s, "--dry-run", days=200)
    tap.same((total["by_age"], len(told)), (True, 6) if clock_is_synchronised() else (False, 0),
             "a clock that nobody outside confirms makes nothing old")
    configure(s, RULES)
    status, told, total = prune(s, "--dry-run", days=179)
    tap.same(told, {}, "after 179 days nothing goes")
    status, told, total = prune(s, "--dry-run", days=181)
    tap.same(did(told), {k: ("would-remove", "days") for k in n}, "after 181 all would")
    tap.same(len(s.clips()), 6, "a dry run removes nothing")
    configure(s, RULES + "days = 0\n")
    tap.same(prune(s, days=4000)[1], {}, "with 0 days nothing ever goes")

    # ---- what is kept though old
    r = s.cli("hold", str(n[0]), "--note", "客诉 42")
    tap.same((r.returncode, r.stderr), (0, b""), "a clip is held through the recorder")
    configure(s, RULES + "[time]\nauthority = http://127.0.0.1:9/\n")
    status, told, total = prune(s, "--dry-run", days=181)
    tap.same(did(told)[n[1]], ("kept", "unstamped"), "where an authority is configured, a clip without a token waits for one")
    status, told, total = prune(s, "--dry-run", days=275)
    tap.same(did(told)[n[1]], ("would-remove", "days"), "but 90 days at most")
    with open(s.path("copies"), "w", encoding="utf-8") as f:
        for path in tree(folders[2]):
            with open(os.path.join(folders[2], path), "rb") as film:
                f.write("%s  ./%s\n" % (hashlib.sha256(film.read()).hexdigest(), path))
        for path in tree(folders[3]):
            if not path.endswith(".mp4"):
                with open(os.path.join(folders[3], path), "rb") as film:
                    f.write("%s *%s\n" % (hashlib.sha256(film.read()).hexdigest(), path))
    configure(s, RULES + "archive_list = copies\n")
    status, told, total = prune(s, "--dry-run", days=181)
    tap.same((did(told)[n[2]], did(told)[n[3]], did(told)[n[4]]),
             (("would-remove", "days"), ("kept", "unarchived"), ("kept", "unarchived")),
             "with an archive_list only a clip goes whose statement, films and originals are all listed")
    configure(s, RULES + "archive_list = nowhere\n")
    tap.same(prune(s, days=181)[0], 1, "a list that is missing lets nothing go")
    statement_file = os.path.join(folders[5], "clip.json")
    with open(statement_file, encoding="utf-8") as f:
        was = f.read()
    with open(statement_file, "w", encoding="utf-8") as f:
        f.write(was.replace("PackSeal 0.", "PackSeal 1."))

    # ---- by age
    configure(s, RULES)
    os.rename(s.path("run", "signer.sock"), s.path("run", "away.sock"))
    status, told, total = prune(s, days=181)
    tap.ok(status == 1 and not os.path.exists(s.path("clips", ".removed")) and len(s.clips()) == 6 and
           all(x["did"] in ("failed", "kept") for x in told.values()), "without a signer nothing is removed", told)
    os.rename(s.path("run", "away.sock"), s.path("run", "signer.sock"))
    status, told, total = prune(s, days=181)
    tap.same(did(told), {n[0]: ("kept", "held"), n[1]: ("removed", "days"), n[2]: ("removed", "days"), n[3]: ("removed", "days"),
                         n[4]: ("removed", "days"), n[5]: ("kept", "unknown")},
             "what is old goes; what is held stays, and what the ledger does not know as it is")
    tap.same((status, total["removed"], total["kept"]["held"], total["kept"]["unknown"], total["failed"]), (0, 4, 1, 1, 0),
             "and is counted")
    with open(statement_file, "w", encoding="utf-8") as f:
        f.write(was)
    tap.same([x for x in s.leaves() if x[0] == 5], [(5, told[name(k)]["entry"], k) for k in n[1:5]], "each has a tombstone")
    left = s.path("clips", ".removed", *folders[1].split(os.sep)[-4:])
    tap.same(tree(left), ["checkpoint", "clip.json", "clip.json.minisig", "removed.json"], "statement, signature, checkpoint stay")
    with open(os.path.join(left, "removed.json"), encoding="utf-8") as f:
        note = json.load(f)
    with open(s.path("ledger", "entries"), "rb") as f:
        tap.ok(bytes.fromhex(note["leaf"]) in f.read(), "beside them the tombstone, as it is in the ledger", note)
    tap.same(glob.glob(s.path("clips", ".removing", "*")), [], "nothing is half-removed")
    wait_for(lambda: audit(s)[1]["checkpoint"] == audit(s)[1]["entries"], 10)
    code, total = audit(s)
    tap.same((code, total["tombstones"], total["problems"]), (0, 4, 0), "for the ledger no clip is missing")
    tap.same(prune(s)[:2], (0, {}), "a second run has nothing to do")

    # ---- what is told of them
    def rows():
        return {row["number"]: (row.get("removed", {}).get("reason"), row.get("held")) for row in s.find()}

    wanted = {n[0]: (None, "客诉 42"), n[5]: (None, None), **{k: ("days", None) for k in n[1:5]}}
    tap.same(rows(), wanted, "find tells which were removed and which are held")
    tap.same(s.cli("reindex").returncode, 0, "reindex")
    tap.same(rows(), wanted, "makes the same from the folders alone")
    r = s.cli("find", CODES[2])
    tap.ok(re.search(rb"removed on \d+-\d+-\d+ [\d:]+: its days were over", r.stdout), "in words, too", r.stdout)
    r = s.cli("show", name(n[2]))
    tap.ok(r.returncode == 0 and b"removed on" in r.stdout, "show reads the statement that is left", r.stderr)
    r = s.cli("export", CODES[2], "-o", os.path.join(s.dir, "x.zip"))
    tap.ok(r.returncode == 1 and b"its days were over" in r.stderr and not os.path.exists(os.path.join(s.dir, "x.zip")),
           "export refuses with the reason", r.stderr)
    r = s.cli("export", CODES[0], "--json", "-o", os.path.join(s.dir, "y.zip"))
    tap.ok(r.returncode == 0 and json.loads(r.stdout)["removed"] == [name(n[1])] and json.loads(r.stdout)["clips"] == [name(n[0])],
           "of an order the takes that are left go out, and the others are named", r.stdout + r.stderr)
    r = s.cli("hold", name(n[2]))
    tap.ok(r.returncode == 1 and b"removed on" in r.stderr, "what is gone cannot be held", r.stderr)

    # ---- by hand
    r = s.cli("prune", name(n[5]), "--reason", "样品")
    tap.ok(r.returncode == 2 and b"--yes" in r.stderr and len(s.clips()) == 2, "by hand it wants --yes", r.stderr)
    tap.same(s.cli("prune", name(n[5]), "--yes").returncode, 2, "and a reason")
    status, told, total = prune(s, name(n[0]), "--reason", "x", "--yes")
    tap.same((status, did(told)), (1, {n[0]: ("kept", "held")}), "what is held does not go by hand either")
    tap.same(s.cli("hold", name(n[0]), "--release").returncode, 0, "a hold is released")
    tap.ok(s.cli("hold", name(n[0]), "--release").returncode == 1, "once")
    status, told, total = prune(s, name(n[0]), "--reason", "样品", "--yes")
    tap.same((status, did(told)), (0, {n[0]: ("removed", "manual")}), "then it goes")
    tap.same({row["number"]: row.get("removed", {}).get("text") for row in s.find()}[n[0]], "样品", "with the reason that was given")

    # ---- nobody records, and somebody wants to be forgotten
    s.end()
    tap.same(s.cli("hold", name(n[5])).returncode, 0, "without a recorder a hold is written by whoever may")
    tap.same(s.cli("hold", "--json").stdout.decode().count('"held":true'), 1, "it is listed")
    tap.same(s.cli("reindex").returncode, 0, "and outlives a new index")
    tap.same(rows()[n[5]], (None, ""), "as holds do")
    s.cli("hold", name(n[5]), "--release")
    s.start()
    tap.same(s.cli("link", name(n[5]), "claim-5").returncode, 0, "a number was linked with it")
    tap.same(audit(s)[1]["links"], 1, "which the ledger check looks at")
    status, told, total = prune(s, name(n[5]), "--reason", "她要求删除", "--erase", "--yes")
    tap.same((status, did(told)), (0, {n[5]: ("removed", "erasure")}), "an erasure")
    left = s.path("clips", ".removed", *folders[5].split(os.sep)[-4:])
    tap.same(tree(left), ["checkpoint", "removed.json"], "leaves no statement")
    tap.ok(n[5] not in rows() and s.cli("reindex").returncode == 0 and n[5] not in rows(), "and nothing to be found")
    tap.same(s.clips(), [], "no clip is left")
    wait_for(lambda: audit(s)[1]["checkpoint"] == audit(s)[1]["entries"], 10)
    code, total = audit(s)
    tap.same((code, total["tombstones"], total["links"], total["problems"]), (0, 6, 0, 0), "and the ledger is in order, without the linked number")
tap.done()
