#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 of packseal prune before each system call that changes the disk or asks the signer, one run each. The next run
# finishes: one tombstone, nothing half-removed, what is kept is whole, index and ledger agree.
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import BUILD, PACKSEAL, SANITIZED, Station, run, skip_all, tap, wait_for

if run("strace", "-o", "/dev/null", "true").returncode:
    skip_all("strace may not trace here (ptrace is forbidden): no kill was tested")

CALLS = ["sendto", "rename", "renameat2", "mkdir", "openat", "write", "unlinkat", "fsync", "fdatasync", "pwrite64"]
EVERY = {"openat": 9, "pwrite64": 6}  # what only reads, and what SQLite answers for
RULES = "[retention]\nreserve_percent = 0\nreserve_mb = 90000000\nmin_days = %d\n"
KEPT = ["checkpoint", "clip.json", "clip.json.minisig", "removed.json"]


class Copy:
    """A station as it was when it was put by, with a signer and nothing else."""

    def __init__(self, good, root):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(good, root, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        self.root = root
        more = ["--allow-unconfined", "--no-seccomp"] if SANITIZED else ["--allow-unconfined"]
        self.signer = subprocess.Popen([os.path.join(BUILD, "packseal-signer"), "--dir", os.path.join(root, "signer"), "--socket",
                                        os.path.join(root, "run", "signer.sock"), *more], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.signer.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signer.kill()
        self.signer.wait()
        self.signer.stdout.close()

    def cli(self, command, *args, before=()):
        # LeakSanitizer cannot run under a tracer.
        return run(*before, PACKSEAL, command, "--root", self.root, *args, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

    def prune_killed(self, clip, call, nth):
        """By hand, for then it says nothing on standard error, where each letter is a write. True when it was killed."""
        r = self.cli("prune", os.path.basename(clip), "--reason", "x", "--yes", before=("strace", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                                      "inject=%s:signal=SIGKILL:when=%d" % (call, nth)))
        return r.returncode < 0 or r.returncode > 128

    def wrong(self, gone, left):
        """What is not as it has to be after a run that was not killed; "" when all is."""
        found = self.cli("find", "--json")
        rows = {r["number"]: r for r in map(json.loads, found.stdout.decode().splitlines())}
        audit = self.cli("ledger", "check", "--json")
        total = json.loads(audit.stdout.decode().splitlines()[-1])
        place = os.path.join(self.root, "clips", ".removed", os.path.relpath(gone, "clips"))
        if not os.path.isfile(os.path.join(self.root, left, "top.mp4")) or os.path.exists(os.path.join(self.root, gone)):
            return "what went is not what should"
        if not os.path.isdir(place):
            return "it is nowhere"
        if sorted(os.listdir(place)) != KEPT:
            return "kept: %s" % os.listdir(place)
        if glob.glob(os.path.join(self.root, "clips", ".removing", "*")):
            return "half-removed"
        if rows[int(gone.rsplit("-", 1)[1])]["path"] != place or len(rows) != 2:
            return "the index: %s" % rows
        if audit.returncode or total["tombstones"] != 1:
            return "the ledger: %s" % audit.stdout
        with open(os.path.join(place, "removed.json"), encoding="utf-8") as f:
            leaf = json.load(f)["leaf"]
        with open(os.path.join(self.root, "ledger", "entries"), "rb") as f:
            return "" if bytes.fromhex(leaf) in f.read() else "the note is not the ledger's entry"

    def rules(self, min_days):
        with open(os.path.join(self.root, "packseal.conf"), "r+", encoding="utf-8") as f:
            text = re.sub(r"(?m)^min_days = .*$", "min_days = %d" % min_days, f.read())
            f.seek(0)
            f.truncate()
            f.write(text)


with Station({"top": "lavf:lavfi:testsrc2=size=320x240:rate=15"}) as s:
    s.start()
    for code in ("SF1234567890123", "YT7654321098765"):
        s.scan(code)
        s.stop()
    gone, left = (os.path.relpath(c, s.root) for c in s.clips())
    s.cli("hold", os.path.basename(left))
    s.end()
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write("\n" + RULES % 0)
    copy = os.path.join(s.dir, "copy")
    total = 0
    for call in CALLS:
        n, bad = 1, []
        while n < 200:
            with Copy(s.root, copy) as c:
                if not c.prune_killed(gone, call, n):
                    break
                said = c.cli("prune")
                wrong = c.wrong(gone, left)
                if wrong:
                    bad.append("%d: %s: %s" % (n, wrong, said.stdout + said.stderr))
            n += EVERY.get(call, 1)
        total += (n - 1) // EVERY.get(call, 1)
        tap.same(bad, [], "killed before each %s: the next run finishes (%d places)" % (call, (n - 1) // EVERY.get(call, 1)))
    tap.ok(total >= 25, "in all %d places" % total)

    # The entry is there, the folder was not touched, and by the rules of now it would not go: the ledger's word counts.
    with Copy(s.root, copy) as c:
        tap.ok(c.prune_killed(gone, "renameat2", 1) and os.path.exists(os.path.join(copy, gone)), "killed between entry and folder")
        c.rules(30)

        def published():
            last = json.loads(c.cli("ledger", "check", "--json").stdout.decode().splitlines()[-1])
            return last["checkpoint"] == last["entries"]
        tap.ok(wait_for(published, 20), "the checkpoint covers the entry")
        c.cli("prune")
        tap.same(c.wrong(gone, left), "", "what the ledger calls removed is removed, whatever the rules have become")
tap.done()
